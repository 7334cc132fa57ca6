"""What has to happen when the process forks: no lock is held over it, and nothing that belongs to the parent is used.

Threads do not exist in a forked child, and a database connection must not be carried into one.
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
    for each in list(_watched):
        each.before_fork()


def _in_parent() -> None:
    for each in list(_watched):
        each.after_fork_in_parent()


def _in_child() -> None:
    for each in list(_watched):
        each.after_fork_in_child()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
