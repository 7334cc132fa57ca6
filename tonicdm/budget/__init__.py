"""A budget of units in windows that a server keeps; usable alone, for any API of this kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tonicdm.budget.budgeter import UnitBudget
from tonicdm.budget.default import budget_key
from tonicdm.budget.history import WindowRecord
from tonicdm.budget.lanes import Concurrency
from tonicdm.budget.reservation import Reservation
from tonicdm.budget.rules import BudgetRules, Reason, Settlement, Share
from tonicdm.late import late_names

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

# A call that does not wait needs none of them.
__getattr__: Callable[[str], Any]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = late_names(__name__, {"tonicdm.budget.views": ("Forecast", "Snapshot", "WaitNotice")})
