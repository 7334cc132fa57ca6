"""Changed copies of a plan's values, as `attrs.evolve` makes them, in a small part of its time.

A plan is a run in thought, once for each answer that is not proven: some thousand copies for each type and run.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import attrs

__all__ = ["evolve"]


@functools.cache
def _copied_names(cls: Any) -> frozenset[str] | None:
    """Return the fields of a class that keeps what it is given in its dictionary, as it is given; None for others."""
    fields = attrs.fields(cls)
    if "__slots__" in vars(cls) or hasattr(cls, "__attrs_post_init__"):
        return None
    if any(field.converter or field.validator or not field.init for field in fields):
        return None
    return frozenset(field.name for field in fields)


def _evolve(inst: Any, /, **changes: Any) -> Any:
    """Return a copy of *inst* with *changes*.

    Raises:
        TypeError: There is no such field.
    """
    cls: Any = type(inst)
    names = _copied_names(cls)
    if names is None or not changes.keys() <= names:
        return attrs.evolve(inst, **changes)
    made = object.__new__(cls)
    made.__dict__.update(inst.__dict__, **changes)
    return made


if TYPE_CHECKING:
    # Type checkers know attrs.evolve, and hold what is changed against its name and type.
    from attrs import evolve
else:
    evolve = _evolve
