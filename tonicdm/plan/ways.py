"""The ways to bring one type up to date, each with its price; the planner compares them (design 6)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import attrs

from tonicdm.plan.known import Known
from tonicdm.plan.plan import How, Step
from tonicdm.types import DataQuantity

STUB: Final = DataQuantity.ID_ONLY
RECORD: Final = DataQuantity.BASIC
"""Records are read so that references come as stubs: in a store they are joins."""


@attrs.frozen(kw_only=True)
class Way:
    """Steps that do what is wanted."""

    label: str
    steps: tuple[Step, ...]
    finds_deletions: bool = False

    @property
    def units(self) -> int:
        """Units if things are as foreseen."""
        return sum(step.units for step in self.steps)

    @property
    def expected(self) -> float:
        """Mean units."""
        return math.fsum(step.expected for step in self.steps)

    def __str__(self) -> str:
        least = "at least " if any(step.at_least for step in self.steps) else ""
        mean = "" if math.isclose(self.units, self.expected, abs_tol=0.05) else f", {self.expected:,.1f} on average"
        return f"{self.label}: {least}{self.units:,} {'unit' if self.units == 1 else 'units'}{mean}"


def cheapest(ways: Sequence[Way]) -> tuple[Way, str]:
    """Return the way with the least mean units, and why it was chosen.

    Among equals the one that also finds deletions comes first, then the one that was named first.
    """
    first, *others = sorted(ways, key=lambda way: (round(way.expected, 6), not way.finds_deletions))
    return first, f"{first}; " + (f"next best: {others[0]}" if others else "there is no other way")


def step(
    known: Known,
    how: How,
    quality: DataQuantity,
    calls: int,
    why: str,
    *,
    ends: int = 0,
    expected: float | None = None,
    at_least: bool = False,
) -> Step:
    """Return a step of *calls*, and *ends* more in stubs that show the end of a list."""
    price = known.prices.of(quality)
    units = calls * price + ends * known.prices.id_only
    # Without a documented data_quantity the price is anyone's guess up to the dearest (design 4).
    charged = price if known.has_quantity else max(price, known.prices.complete)
    return Step(
        type=known.name,
        how=how,
        quality=quality,
        calls=calls + ends,
        units=units,
        why=why,
        expected=units if expected is None else expected,
        worst=units if known.has_quantity else (calls + ends) * charged,
        price=charged,
        ends=ends,
        at_least=at_least,
    )


def all_pages(known: Known) -> Way:
    """Return the whole type by pages: 5M, and one unit where its last page may be full (design 6)."""
    why = "every record once; references are joins then"
    unknown = known.paged and known.count is None
    pages = step(
        known, How.PAGES, RECORD, known.pages(known.count), why, ends=known.ends(known.count), at_least=unknown
    )
    return Way(label="whole pages", steps=(pages,), finds_deletions=True)


def scan(known: Known, how: How = How.STUBS) -> Way | None:
    """Return stubs of the whole type, then the cheaper of pages and IDs: M + 5*min(B(k), M) (design 6).

    It is the price with the stale records spread evenly; `choose` can only lower it once they are seen.
    """
    if not known.stub_times:
        return None
    stale = 1 if known.lacking is None else known.lacking
    in_pages = min(known.pages(known.count), stale)
    by_id = known.by_id and known.batches(stale) <= in_pages
    calls = known.batches(stale) if by_id else in_pages
    chance = 1 - known.quiet
    follow = step(
        known,
        How.BY_ID if by_id else How.WHOLE_PAGES,
        RECORD,
        calls,
        "what the comparison finds stale" + (", pooled over all pages" if by_id else ""),
        expected=chance * known.prices.basic * max(1, calls),
        at_least=known.lacking is None,
    )
    return Way(label="stubs compared with the store", steps=(_stubs(known, how), follow), finds_deletions=True)


def probed(known: Known) -> Way | None:
    """Return a look at what changed, as stubs, and only then the records: 1 + 5K (design 6)."""
    held = _held(known)
    if known.updated_after is False or (held and not known.stub_times):
        # Stubs without times can't tell a record read again from one that changed.
        return None
    looks, ends = known.pages(held), known.ends(held)
    proof = "; it also shows whether updated_after works" if known.updated_after is None else ""
    probe = step(known, How.PROBE, STUB, looks, f"one look tells whether anything is new{proof}", ends=ends)
    return Way(label="a probe, then what changed", steps=(probe, _changed_pages(known, chance=1 - known.quiet)))


def unprobed(known: Known) -> Way | None:
    """Return what changed, read at once: 5K. Right where a change is likelier than 80 % (design 6)."""
    if known.updated_after is False or (known.updated_after is None and probed(known) is not None):
        # While updated_after is unproven a look for 1 unit is always worth it.
        return None
    if_quiet = known.prices.basic * known.pages(_held(known)) + known.prices.id_only * known.ends(_held(known))
    changed = _changed_pages(known, chance=1 - known.quiet, needed=True)
    changed = attrs.evolve(changed, expected=changed.expected + known.quiet * if_quiet)
    return Way(label="what changed, without a probe", steps=(changed,))


def changed_by_id(known: Known) -> Way | None:
    """Return a list of what changed, as stubs, then by ID what is missing: K + 5*B(k') (notes: 2.3, k'/k < 19.2 %)."""
    if known.changed is None or known.missing is None or not (known.updated_after and known.stub_times and known.by_id):
        return None
    listed = known.changed + known.overlap
    stubs = step(known, How.CHANGED_STUBS, STUB, known.pages(listed), "most is here already", ends=known.ends(listed))
    calls = known.batches(known.missing)
    return Way(
        label="a list of what changed, then what is missing by ID",
        steps=(stubs, step(known, How.BY_ID, RECORD, calls, "what the list shows and the store lacks")),
    )


def audited(known: Known) -> Way | None:
    """Return an audit, then what changed by ``updated_after``: M + 5K, the scan being the probe (design 6)."""
    if not known.updated_after:
        return None
    # Without times in the stubs the scan can't tell that nothing changed, and the read is made for certain.
    follow = _changed_pages(known, chance=1 - known.quiet if known.stub_times else 1.0, needed=not known.stub_times)
    label = "an audit, then what changed"
    return Way(label=label, steps=(_stubs(known, How.AUDIT), follow), finds_deletions=True)


def switched(known: Known, *, probe: bool) -> Way | None:
    """Return one list, newest first: records while they are new, stubs from there on: M + 4K (design 6).

    With a probe the first page is looked at as stubs: one unit more if something changed, four less if nothing did.
    """
    if not known.quality_switch or not known.paged or known.count is None or not (known.stub_times or not probe):
        return None
    total, prices = known.pages(known.count), known.prices
    new = min(total, known.pages((known.lacking or 0) + known.overlap)) if known.lacking != 0 or not probe else 0
    least = known.lacking is None
    rest = total - (new or (1 if probe else 0))
    chance = 1 - known.quiet
    steps = [step(known, How.PROBE_NEWEST, STUB, 1, "the first page shows whether anything is new")] if probe else []
    read = chance * prices.basic * max(1, new) + (0 if probe else known.quiet * prices.basic)
    kept = rest * prices.id_only + known.ends(known.count) * prices.id_only
    steps += [
        step(known, How.NEWEST_PAGES, RECORD, new, "records while they are new", expected=read, at_least=least),
        step(
            known,
            How.REST_STUBS,
            STUB,
            rest,
            "what the store holds and no page shows is gone",
            ends=known.ends(known.count),
            expected=kept,
        ),
    ]
    label = "one list, newest first, " + ("with" if probe else "without") + " a probe"
    return Way(label=label, steps=tuple(steps), finds_deletions=True)


def _stubs(known: Known, how: How) -> Step:
    why = "what the store holds and no page shows is gone" if how is How.AUDIT else "their times show what is stale"
    least = known.paged and known.count is None
    return step(known, how, STUB, known.pages(known.count), why, ends=known.ends(known.count), at_least=least)


def _held(known: Known) -> int:
    """Return how many of the records that ``updated_after`` lists are in the store as they are."""
    return known.overlap + ((known.changed or 0) - known.missing if known.missing is not None else 0)


def _changed_pages(known: Known, *, chance: float, needed: bool = False) -> Step:
    """Return 5K, K being the pages of what changed and what the overlap reads again (design 6)."""
    listed = (known.changed or 0) + known.overlap
    calls, ends = known.pages(listed), known.ends(listed)
    planned = calls if needed or known.lacking != 0 else 0
    return step(
        known,
        How.CHANGED_PAGES,
        RECORD,
        planned,
        "what changed since the watermark",
        ends=ends if planned else 0,
        expected=chance * (calls * known.prices.basic + ends * known.prices.id_only),
        at_least=known.changed is None,
    )
