"""A seeded architecture firm whose records are computed when they are read."""

from tonicdm.sandbox.world.world import Change, World, WorldSnapshot

__all__ = ["Change", "World", "WorldSnapshot"]
