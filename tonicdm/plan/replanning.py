"""Plans made again, when a server charges, pages or answers otherwise than they took it to (design 6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import attrs

from tonicdm.plan import planner
from tonicdm.plan.known import Known, Prices
from tonicdm.plan.plan import Goal, Plan, Wish


@attrs.frozen(kw_only=True)
class Measured:
    """What the server has shown; None where it has shown nothing."""

    count: int | None = None
    changed: int | None = None
    missing: int | None = None
    page_size: int | None = None
    ids_per_call: int | None = None
    stub_times: bool | None = None
    updated_after: bool | None = None
    quality_switch: bool | None = None
    prices: Prices | None = None


def replan(plan: Plan, measured: Measured) -> Plan:
    """Return the plan made again with what was measured, or the same plan if that is what it was made with.

    Raises:
        ValueError: The plan is of several types `together`; they are planned anew one by one.
    """
    if plan.known is None or plan.wish is None:
        raise ValueError("a plan of several types can't be made again; make each type's own again")
    new = {name: value for name, value in attrs.asdict(measured, recurse=False).items() if value is not None}
    differing = {name: value for name, value in new.items() if getattr(plan.known, name) != value}
    if not differing:
        return plan
    reasons = "; ".join(_REASONS[name](plan.known, value) for name, value in differing.items())
    if "prices" in differing:
        differing["has_quantity"] = True  # what was measured need not be guessed
    fresh = _again(attrs.evolve(plan.known, **differing), plan.wish)
    return attrs.evolve(fresh, why=f"planned anew, {plan.units:,} units before: {reasons}. {fresh.why}")


_REASONS: Final[Mapping[str, Callable[[Known, object], str]]] = {
    "count": lambda known, new: f"the type has {new} records, not {known.count}",
    "changed": lambda known, new: f"{new} records changed, not {known.changed}",
    "missing": lambda known, new: f"the store lacks {new} of what changed, not {known.missing}",
    "page_size": lambda known, new: f"a page holds {new} records, not {known.page_size}",
    "ids_per_call": lambda known, new: f"a call takes {new} IDs, not {known.ids_per_call}",
    "stub_times": lambda _known, new: "stubs carry times" if new else "stubs carry no times, so they can't be compared",
    "updated_after": lambda _known, new: "updated_after works" if new else "updated_after does not work here",
    "quality_switch": lambda _known, new: f"the quality {'may' if new else 'may not'} change between pages",
    "prices": lambda known, new: f"calls cost {_listed(new)}, not {_listed(known.prices)}",
}


def _listed(prices: object) -> str:
    assert isinstance(prices, Prices)
    return f"{prices.id_only}/{prices.basic}/{prices.complete}"


def _again(known: Known, wish: Wish) -> Plan:
    if wish.goal is Goal.REFRESH:
        return planner.refresh(known, wish.ids, stale_share=wish.stale_share, changed_since=wish.changed_since)
    if wish.goal is Goal.REFERENCES:
        return planner.with_references(known, wish.references)
    return _BY_GOAL[wish.goal](known)


_BY_GOAL: Final[Mapping[Goal, Callable[[Known], Plan]]] = {
    Goal.FIRST_LOAD: planner.first_load,
    Goal.INCREMENTAL: planner.incremental,
    Goal.AUDIT: planner.audit,
    Goal.OPT_IN: planner.opt_in,
}
