"""What is known of a type of record, from the store and from what its server has proven (design 6 and 7)."""

from __future__ import annotations

import math
from typing import Final

import attrs

from tonicdm.plan.arithmetic import IDS_PER_CALL, PAGE_SIZE, batches, end_calls, pages
from tonicdm.types import DataQuantity

_SHARE: Final = attrs.validators.and_(attrs.validators.ge(0), attrs.validators.le(1))


@attrs.frozen
class Prices:
    """Units of a call by quality; the defaults are the documented ones (concepts page, "Rate Limiting")."""

    id_only: int = DataQuantity.ID_ONLY.units
    basic: int = DataQuantity.BASIC.units
    complete: int = DataQuantity.COMPLETE.units

    def of(self, quality: DataQuantity) -> int:
        """Return the units of one call."""
        return {
            DataQuantity.ID_ONLY: self.id_only,
            DataQuantity.BASIC: self.basic,
            DataQuantity.COMPLETE: self.complete,
        }[quality]


@attrs.frozen(kw_only=True)
class Known:
    """What the store knows of one type of record. None stands for "not known"."""

    name: str
    count: int | None = None
    """N: records that the server lists."""
    changed: int | None = None
    """k: how many of them are expected to have changed, or come, since the watermark."""
    missing: int | None = None
    """k': how many of those the store lacks; None where all. Webhooks and own writes bring the others."""
    p_quiet: float | None = attrs.field(default=None, validator=attrs.validators.optional(_SHARE))
    """Probability that nothing changed since the watermark, by the store's history."""
    watermark: bool = False
    """Whether the type was loaded, and up to when is known; a changed tenant, licence or filter voids it."""
    updated_after: bool | None = None
    """Whether the option works here: proven, disproved (or the type has none), unproven."""
    stub_times: bool = True
    """Whether ``id_only`` stubs carry the time of the last update."""
    page_size: int = attrs.field(default=PAGE_SIZE, validator=attrs.validators.ge(1))
    """P: records that a full page really holds on this server."""
    size_proven: bool = True
    """Whether this server has shown that it heeds pageSize."""
    ids_per_call: int = attrs.field(default=IDS_PER_CALL, validator=attrs.validators.ge(1))
    """H: IDs that fit a call's filterIDs."""
    by_id: bool = True
    """Whether filterIDs names the records themselves, not their parents."""
    paged: bool = True
    """Whether the type is listed in pages; else one answer holds all."""
    has_quantity: bool = True
    """Whether data_quantity, and so the price, is documented for this list or was measured; else a call may cost 20."""
    overlap: int = 0
    """Records before the watermark that ``updated_after`` reads again, ties at it included."""
    audit: bool = False
    """Whether deletions have to be found too."""
    quality_switch: bool | None = None
    """Whether a list sorted by last update may be read on in another quality after some page."""
    parents: int | None = None
    """Records of another type that this one is listed by (team: projects; filesets: their IDs); None: listed alone."""
    parents_per_call: int = attrs.field(default=1, validator=attrs.validators.ge(1))
    """Parents that one call may name: 1 for the team of a project, H where filterIDs takes them."""
    prices: Prices = attrs.field(factory=Prices)

    @property
    def lacking(self) -> int | None:
        """Changed records that the store does not hold yet."""
        return self.changed if self.missing is None else self.missing

    @property
    def quiet(self) -> float:
        """The probability to plan with that the store lacks nothing.

        Without a history: changes are taken to come independently of each other, so none comes with exp(-k).
        """
        if self.p_quiet is not None and self.missing is None:
            return self.p_quiet
        return 0.5 if self.lacking is None else math.exp(-self.lacking)

    @property
    def batch(self) -> int:
        """IDs worth naming in one call: its answer is a page too, so a small page cuts it."""
        return min(self.ids_per_call, self.page_size) if self.paged else self.ids_per_call

    def pages(self, n: int | None) -> int:
        """Return the calls that list *n* records, never none: an empty answer has to be seen as well."""
        return max(1, pages(n, self.page_size)) if self.paged and n is not None else 1

    def ends(self, n: int | None) -> int:
        """Return the calls that make the end of a list of *n* records certain."""
        return end_calls(n, self.page_size, size_proven=self.size_proven) if self.paged and n is not None else 0

    def batches(self, n: int) -> int:
        """Return the calls that ask for *n* records by ID."""
        return batches(n, self.batch)


@attrs.frozen
class Missing:
    """References of one type that the store does not hold, or holds too old."""

    known: Known
    ids: int
    """How many distinct ones."""
