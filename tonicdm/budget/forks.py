"""Hooks around a fork of the process.

No lock is held over a fork. A forked child has none of the threads and must not use a database connection of the
parent.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forkable(Protocol):
    """Something with threads, locks or connections."""

    def before_fork(self) -> None:
        """Let nothing be half done; other threads stand still in the child for ever."""
        ...

    def after_fork_in_parent(self) -> None:
        """Go on."""
        ...

    def after_fork_in_child(self) -> None:
        """Begin anew, without what belongs to the parent."""
        ...


_watched: weakref.WeakSet[Forkable] = weakref.WeakSet()


def watch(forkable: Forkable) -> None:
    """Tell *forkable* of each fork for as long as it lives."""
    _watched.add(forkable)


def _before() -> None:
    for forkable in list(_watched):
        forkable.before_fork()


def _in_parent() -> None:
    for forkable in list(_watched):
        forkable.after_fork_in_parent()


def _in_child() -> None:
    for forkable in list(_watched):
        forkable.after_fork_in_child()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
