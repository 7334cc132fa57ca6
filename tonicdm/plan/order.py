"""Decide in which order the types of a run are read: one that is listed by another's records waits for that."""

from __future__ import annotations

from collections.abc import Mapping

import attrs


@attrs.frozen
class Beginning:
    """A type that can be read now, with those that wait for it."""

    record_type: str
    followers: tuple[str, ...] = ()
    """Types that can begin when this one is up to date, or wait for one of these."""


def beginnings(parents: Mapping[str, str | None]) -> list[Beginning]:
    """Return the types that wait for no other one, each with those that follow it.

    A type whose parent is not read in this run begins at once: it is listed by what the copy has.

    Args:
        parents: The types of a run, in their order; for each the type by whose records it is listed.
    """
    return [
        Beginning(name, tuple(other for other in parents if other != name and _root(other, parents) == name))
        for name in parents
        if _root(name, parents) == name
    ]


def _root(name: str, parents: Mapping[str, str | None]) -> str:
    """Return the type that has to be read first of all before *name*."""
    seen = {name}
    while (parent := parents[name]) is not None and parent in parents and parent not in seen:
        seen.add(parent)
        name = parent
    return name
