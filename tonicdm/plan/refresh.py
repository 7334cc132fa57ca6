"""Choose the calls that bring given records up to date (docs/explanation/plan.md, "The rules")."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import attrs

from tonicdm.plan.arithmetic import batches, end_calls, expected_batches, pages
from tonicdm.types import DataQuantity

if TYPE_CHECKING:
    from tonicdm.plan.facts import TypeFacts

RECORD_UNITS: Final = DataQuantity.BASIC.units
"""The lowest price of one call for records: while that is not to be had, nothing is fetched."""


def charged_as_stubs(units: Sequence[int]) -> bool:
    """Tell whether calls for stubs were charged as such: the list heeds data_quantity, though no page shows it.

    Args:
        units: What each of them was charged.
    """
    return sum(units) <= len(units) * DataQuantity.ID_ONLY.units


class RefreshMethod(enum.StrEnum):
    """How given records are read."""

    BY_ID = "by ID"
    CHANGES = "what changed since"
    """One list of all that changed since the oldest of them, with ``updated_after``."""
    ALL = "all"
    """The whole type."""


@attrs.frozen(kw_only=True)
class Refresh:
    """How given records are brought up to date."""

    method: RefreshMethod
    pages: int
    """Pages of a list that are to bring something; behind so many, what is left is asked for by ID."""
    units: int
    """What it costs if things are as foreseen."""


def refresh(facts: TypeFacts, ids: int, *, changed_since: int | None = None) -> Refresh:
    """Choose between asking by ID (5·B(m)), a list of what changed (5K) and the whole type (5M).

    Args:
        facts: What is known of the type.
        ids: m, how many records.
        changed_since: Records of the type that are likely to have changed since the oldest of the events. Such a list
            shows no deletions; asking by ID does.
    """
    stub, record = facts.units("id_only")[0], facts.units("basic")[0]
    choices: list[Refresh] = []
    if facts.by_id:
        choices.append(Refresh(method=RefreshMethod.BY_ID, pages=0, units=record * batches(ids, facts.batch)))
    if changed_since is not None and facts.updated_after:
        choices.append(_list(facts, RefreshMethod.CHANGES, max(changed_since, 1), stub, record))
    if facts.count is not None or not (facts.paged or facts.pages_anyway) or not choices:
        choices.append(_list(facts, RefreshMethod.ALL, facts.count, stub, record))
    return min(choices, key=lambda choice: choice.units)


def _list(facts: TypeFacts, method: RefreshMethod, count: int | None, stub: int, record: int) -> Refresh:
    paged = facts.paged or facts.pages_anyway
    if not paged or count is None:
        return Refresh(method=method, pages=1, units=record)
    full = max(1, pages(count, facts.page_limit))
    ends = end_calls(count, facts.page_limit, size_proven=facts.size_proven)
    return Refresh(method=method, pages=full, units=record * full + stub * ends)


def check_pays(
    ids: int,
    stale_share: float,
    ids_per_call: int,
    *,
    unknown: int = 0,
    stub_units: int = 1,
    record_units: int = 5,
) -> bool:
    """Tell whether to ask for known IDs with stubs first and only then for the stale ones.

    Checked: B(m) + 5*E[B(u+S)]; at once: 5*B(u+m), where the *unknown* u are read in any case. For one batch and no
    unknown ones that is (1-q)^m > 0.2; for very many it comes near a stale share of 80 %. In between, for two or three
    batches, only the whole formula is right.
    """
    at_once = record_units * batches(unknown + ids, ids_per_call)
    read = expected_batches(ids, stale_share, ids_per_call, also=unknown)
    return stub_units * batches(ids, ids_per_call) + record_units * read < at_once
