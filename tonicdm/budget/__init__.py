"""A budget of units in windows that a server keeps; usable alone, for any API of this kind."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tonicdm.budget.budgeter import UnitBudget
from tonicdm.budget.default import budget_key
from tonicdm.budget.history import WindowRecord
from tonicdm.budget.lanes import Concurrency
from tonicdm.budget.reservation import Reservation
from tonicdm.budget.rules import BudgetRules, Reason, Settlement, Share

if TYPE_CHECKING:
    from tonicdm.budget.views import Forecast, Snapshot, WaitNotice

__all__ = [
    "BudgetRules",
    "Concurrency",
    "Forecast",
    "Reason",
    "Reservation",
    "Settlement",
    "Share",
    "Snapshot",
    "UnitBudget",
    "WaitNotice",
    "WindowRecord",
    "budget_key",
]


def __getattr__(name: str) -> Any:
    """Load the views when one is first named: a call that does not wait needs none."""
    if name not in {"Forecast", "Snapshot", "WaitNotice"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module("tonicdm.budget.views"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
