"""The budget that a client takes when it is given none."""

from __future__ import annotations

import hashlib
import os
import pathlib
import warnings
from typing import Final

from tonicdm.budget.budgeter import UnitBudget
from tonicdm.clock import Clock

_PREFIX: Final = b"tonicdm budget key, version 1\n"


def budget_key(token: str) -> str:
    """Return the name under which *token*'s window is kept: a digest, from which the token can't be had back."""
    return hashlib.sha256(_PREFIX + token.encode()).hexdigest()[:32]


def default_file() -> pathlib.Path:
    """Return the file, in the user's state directory, that all processes of a user share."""
    import platformdirs

    return platformdirs.user_state_path("tonicdm", appauthor=False) / "budget.db"


def open_budget(where: str | None, *, key: str, clock: Clock) -> UnitBudget:
    """Open the budget that settings ask for.

    Args:
        where: ``memory``, a file, or None for the user's own file.
        key: Which budget of the file.
        clock: Time.
    """
    if where == "memory":
        return UnitBudget.memory(clock=clock)
    if where is not None:
        return UnitBudget.shared(where, key=key, clock=clock)
    path = default_file()
    if not _writable(path):
        warnings.warn(
            f"{path} can't be written, so other processes with this token are not seen and a restart forgets what "
            "was spent; set TONICDM_BUDGET to a file they share, or to memory to silence this",
            RuntimeWarning,
            stacklevel=4,
        )
        return UnitBudget.memory(clock=clock)
    return UnitBudget.shared(path, key=key, clock=clock)


def _writable(path: pathlib.Path) -> bool:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return False
    return os.access(path if path.exists() else path.parent, os.W_OK) and os.access(path.parent, os.W_OK)
