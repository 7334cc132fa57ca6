"""Which calls to make, what they cost, and why these: pure, so that a dry run spends nothing (design 6).

The engine asks `plan_type` for each type, runs the steps in order, and calls `replan` (replanning.py) when the server
turns out other than expected. After a step STUBS (or AUDIT with times) it asks `choose` what to fetch: the step that
follows in the plan is an estimate with the stale records spread evenly, `choose` is exact and never dearer.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from tonicdm.plan import ways
from tonicdm.plan.arithmetic import expected_batches
from tonicdm.plan.known import Known, Missing, Prices
from tonicdm.plan.mixture import Mixture, choose, stale_by_page
from tonicdm.plan.plan import COLUMNS, Goal, How, Plan, Step, Wish, together
from tonicdm.plan.ways import RECORD, STUB, Way, cheapest, step
from tonicdm.types import DataQuantity

__all__ = [
    "COLUMNS",
    "Goal",
    "How",
    "Known",
    "Missing",
    "Mixture",
    "Plan",
    "Prices",
    "Step",
    "Wish",
    "audit",
    "choose",
    "first_load",
    "incremental",
    "opt_in",
    "plan_type",
    "refresh",
    "stale_by_page",
    "together",
    "with_references",
]


def plan_type(known: Known) -> Plan:
    """Return the plan that brings one type up to date, whatever is known of it."""
    if known.parents is not None:
        return opt_in(known)
    return incremental(known) if known.watermark else first_load(known)


def first_load(known: Known) -> Plan:
    """Plan to load a whole type: 5M, which is also the lower bound (design 6). Never ``complete``."""
    way = ways.all_pages(known)
    complete = known.prices.complete * known.pages(known.count)
    return Plan(
        steps=way.steps,
        lower_bound=known.prices.basic * known.pages(known.count),
        why=f"{way}; next best: complete pages: {complete:,} units, for references that the store joins by itself",
        known=known,
        wish=Wish(goal=Goal.FIRST_LOAD),
    )


def incremental(known: Known) -> Plan:
    """Plan to fetch what changed since the watermark; with ``known.audit`` also to find what was deleted (design 6)."""
    if known.audit:
        found = [ways.switched(known, probe=True), ways.switched(known, probe=False), ways.audited(known)]
    else:
        found = [ways.probed(known), ways.unprobed(known), ways.changed_by_id(known)]
    whole = [ways.scan(known, How.AUDIT if known.audit else How.STUBS), ways.all_pages(known)]
    deletions = [way for way in whole if way]
    # While nobody has counted the type, a way that reads all of it can't be called cheap.
    counted = known.audit or not known.paged or known.count is not None
    others = [way for way in found if way]
    way, why = cheapest([*others, *deletions] if counted or not others else others)
    steps = way.steps
    if known.updated_after is None and way in others:
        fallback, _ = cheapest(deletions)
        why += f"; if updated_after proves useless, {fallback}"
        dearest = max(steps[-1].worst, sum(one.worst for one in fallback.steps))
        steps = (*steps[:-1], attrs.evolve(steps[-1], worst=dearest))
    bound = _least(known)
    return Plan(
        steps=steps,
        lower_bound=bound,
        why=why + _excess(known, way, bound),
        known=known,
        wish=Wish(goal=Goal.INCREMENTAL),
    )


def audit(known: Known) -> Plan:
    """Plan to find what was deleted, and nothing else: M, one more for a full last page (design 6)."""
    least = known.paged and known.count is None
    why = "what the store holds and no page shows is gone"
    stubs = step(known, How.AUDIT, STUB, known.pages(known.count), why, ends=known.ends(known.count), at_least=least)
    found = [Way(label="stubs of the whole type", steps=(stubs,)), ways.all_pages(known)]
    if known.by_id and known.count is not None:
        each = step(known, How.BY_ID_CHECKED, STUB, known.batches(known.count), "each ID that the store holds")
        found.append(Way(label="asking for each ID held", steps=(each,)))
    way, why = cheapest(found)
    least_units = known.prices.id_only * known.pages(known.count)
    return Plan(steps=way.steps, lower_bound=least_units, why=why, known=known, wish=Wish(goal=Goal.AUDIT))


def refresh(known: Known, ids: int, *, stale_share: float = 1.0, changed_since: int | None = None) -> Plan:
    """Plan to bring given records up to date: a backlog of events, a page on a screen (design 6: 5*B(m)).

    Args:
        known: The type they belong to.
        ids: m, how many.
        stale_share: q, the probability that one of them is stale; 1 for IDs that an event named.
        changed_since: Records of the type that changed since the oldest of the events, where one read with
            ``updated_after`` from there would do too. It shows no deletions; asking by ID does.
    """
    wish = Wish(goal=Goal.REFRESH, ids=ids, stale_share=stale_share, changed_since=changed_since)
    if ids == 0:
        return Plan(steps=(), lower_bound=0, why="there is nothing to refresh", known=known, wish=wish)
    found = _by_id(known, ids, stale_share) if known.by_id else []
    if changed_since is not None and known.updated_after:
        listed = max(changed_since, 1)
        read = step(
            known, How.CHANGED_PAGES, RECORD, known.pages(listed), "all that changed since", ends=known.ends(listed)
        )
        found.append(Way(label="one read of all that changed since", steps=(read,)))
    if known.count is not None or not known.paged or not found:
        found.append(ways.all_pages(known))
    way, why = cheapest(found)
    stale = round(ids * stale_share)
    bound = known.prices.basic * known.pages(stale) if stale else known.prices.id_only
    return Plan(steps=way.steps, lower_bound=bound, why=why, known=known, wish=wish)


def with_references(known: Known, references: Sequence[Missing]) -> Plan:
    """Plan to read ``known.count`` records of a type together with what they refer to (design 6).

    Basic pages and then the distinct missing references, by ID or by paging their type, against ``complete`` pages,
    which bring one level of references with them.
    """
    pages = known.pages(known.count)
    plain = step(known, How.PAGES, RECORD, pages, "the records themselves; their references come as stubs")
    parts = [_reference(missing) for missing in references if missing.ids]
    whole = step(known, How.PAGES, DataQuantity.COMPLETE, pages, "the records with their references inside")
    way, why = cheapest(
        [
            Way(label="basic, then the distinct references", steps=(plain, *parts)),
            Way(label="complete", steps=(whole,)),
        ]
    )
    least = plain.units + sum(one.known.prices.basic * one.known.pages(one.ids) for one in references if one.ids)
    wish = Wish(goal=Goal.REFERENCES, references=tuple(references))
    return Plan(steps=way.steps, lower_bound=min(least, whole.units), why=why, known=known, wish=wish)


def opt_in(known: Known) -> Plan:
    """Plan to read a type that is listed by its parents: one call per project, or per filterful of IDs (design 6)."""
    parents = known.parents or 0
    lists = -(-parents // known.parents_per_call)
    each = known.pages(None if known.count is None or not lists else -(-known.count // lists))
    what = f"{parents:,} parents, {known.parents_per_call:,} a call"
    calls = step(known, How.PER_PARENT, RECORD, lists * each, what, at_least=known.paged and known.count is None)
    why = f"{known.name} is listed by its parents only: {calls.units:,} units for {what}"
    if known.parents_per_call > 1:
        why += f"; next best: one call for each: {parents * known.prices.basic:,} units"
    return Plan(
        steps=(calls,), lower_bound=lists * known.prices.basic, why=why, known=known, wish=Wish(goal=Goal.OPT_IN)
    )


def _least(known: Known) -> int:
    """Return the lower bound: 5K changed, 1 when nothing changed; M + 4K with certain deletions (design 6).

    K counts what the store lacks, without the overlap: that is a price of not trusting clocks, not of the task.
    """
    stub, record = known.prices.id_only, known.prices.basic
    new = known.pages(known.lacking) if known.lacking else 0
    if known.audit:
        return stub * known.pages(known.count) + (record - stub) * new
    return record * new or stub


def _excess(known: Known, way: Way, bound: int) -> str:
    """Return why a plan stays above 1.3 times its lower bound, "" where it does not."""
    if way.units <= 1.3 * bound:
        return ""
    reasons = {
        "updated_after does not work here, so every record has to be looked at": not known.audit
        and known.updated_after is False,
        "stubs carry no times, so they can't be compared": not known.stub_times,
        "the quality is not known to be free between pages, so what changed is listed twice": known.audit
        and not known.quality_switch,
        f"{known.overlap:,} records before the watermark are read again": known.overlap > 0,
        "how many records changed is not known": known.lacking is None,
    }
    told = [reason for reason, holds in reasons.items() if holds] or ["calls are whole, and an end has to be seen"]
    return f"; the bound of {bound:,} is out of reach: {', '.join(told)}"


def _by_id(known: Known, ids: int, stale_share: float) -> list[Way]:
    """Return asking for records at once, 5*B(m), and for stubs first: B(m) + 5*E[B(S)] (design 6)."""
    calls, prices = known.batches(ids), known.prices
    at_once = step(known, How.BY_ID, RECORD, calls, "IDs not returned are gone, or out of sight")
    found = [Way(label="by ID at once", steps=(at_once,), finds_deletions=True)]
    if known.stub_times:
        look = step(known, How.BY_ID_CHECKED, STUB, calls, "shows which are stale, and which are gone")
        stale = known.batches(round(ids * stale_share))
        mean = prices.basic * expected_batches(ids, stale_share, known.batch)
        fetch = step(known, How.BY_ID, RECORD, stale, "those that the look found stale", expected=mean)
        found.append(Way(label="stubs by ID first", steps=(look, fetch), finds_deletions=True))
    return found


def _reference(missing: Missing) -> Step:
    """Return the cheaper of batches and pages for the references to one type: 5*min(B(R), M)."""
    known = missing.known
    by_id = known.batches(missing.ids) if known.by_id else None
    in_pages = None if known.paged and known.count is None else known.pages(known.count)
    if by_id is None or (in_pages is not None and in_pages < by_id):
        return step(known, How.PAGES, RECORD, in_pages or 1, "so many are missing that the whole type is less")
    return step(known, How.BY_ID, RECORD, by_id, "distinct references that the store lacks, over all pages")
