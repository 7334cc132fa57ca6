"""A seeded architecture firm whose records are computed when they are read."""

from tonicdm.sandbox.world.world import World, WorldSnapshot

__all__ = ["World", "WorldSnapshot"]
