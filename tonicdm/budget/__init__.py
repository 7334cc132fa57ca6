"""A budget of units in windows that a server keeps; usable alone, for any API of this kind."""

from tonicdm.budget.budgeter import UnitBudget
from tonicdm.budget.default import budget_key
from tonicdm.budget.history import WindowRecord
from tonicdm.budget.lanes import Concurrency
from tonicdm.budget.reservation import Reservation
from tonicdm.budget.rules import BudgetRules, Reason, Settlement, Share
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
