"""Facts about a type when a run begins: from the reference, the store, and the responses of its server."""

from __future__ import annotations

from typing import Final

import attrs

from tonicdm.plan.arithmetic import IDS_PER_CALL, PAGE_SIZE, UNPROVEN_PAGE
from tonicdm.plan.progress import Progress
from tonicdm.types import DataQuantity

MAX_PAGES: Final = 10_000
"""Pages after which a list is taken to have no end."""


@attrs.frozen(kw_only=True)
class TypeFacts:
    """One type, as a pass takes it. None stands for "not known"."""

    record_type: str

    # --- what the reference shows ---------------------------------------------------------------------------------
    paged: bool = True
    """Whether its list has pages; else one answer should hold all."""
    has_data_quantity: bool = True
    """Whether data_quantity, and so the price, is documented for the list."""
    has_updated_after: bool = True
    has_statuses: bool = True
    """Whether the list can be asked for records of every status."""
    by_id: bool = True
    """Whether filterIDs names the records themselves."""
    stamped: bool = True
    """Whether a record's timestamp tells of its changes."""
    licensed: bool = False
    """Whether a licence decides which of its fields are shown."""
    lists: int | None = None
    """How many lists it is read from, where it is listed by its parents; None for a list of its own."""
    lists_of_ids: bool = False
    """Whether each of them is a headerful of IDs."""

    # --- what the store holds -------------------------------------------------------------------------------------
    until: str | None = None
    """The watermark, ISO 8601 in UTC; None before the first full load."""
    count: int | None = None
    """N: elements that the server lists, as far as the store or the user knows."""
    list_counts: tuple[int, ...] | None = None
    """Records of each of several lists."""
    counted: bool = False
    """Whether that was counted by a whole list; else it is what somebody says."""
    held: int = 0
    """Records of the type in the store that are not deleted."""
    overlap: int = 0
    """Records that are listed again because they changed within the overlap before the watermark."""
    tied: int = 0
    """How many of them have to be read again, because they were read in the second of their change."""
    ties: str | None = None
    """From which timestamp on."""
    likely: int | None = None
    """Records that changed between two runs of late, on average."""
    sample: int = 0
    """Known records whose fields can be compared with what the server shows."""
    statuses_shown: bool = False
    """Whether the list has shown records that are not active."""
    checkpoint: Progress | None = None
    """Where an interrupted run goes on."""
    late: bool = False
    """Whether it was interrupted so long ago that what changed since is wanted too."""

    # --- what the server has shown --------------------------------------------------------------------------------
    updated_after: bool | None = None
    """Whether the option works here."""
    stub_times: bool | None = None
    """Whether stubs carry timestamps."""
    page_limit: int = PAGE_SIZE
    largest_page: int = 0
    """Records of the largest page of this type that was seen."""
    proven_elsewhere: bool = False
    """Whether another type's list has shown that this server heeds pageSize."""
    pages_anyway: bool = False
    """Whether the list turned out to have pages, though the reference shows none."""
    ids_per_call: int = IDS_PER_CALL
    ids_proven: int = 0
    """Most IDs that were answered in one call."""
    stub_units: int | None = None
    """What a call for stubs was charged, where no document tells."""
    record_units: int | None = None

    # --- what is wanted -------------------------------------------------------------------------------------------
    audit: bool = False
    """Whether to look for deletions."""
    exact: bool = False
    """Whether to list everything once more where changes during a pass can't be asked for."""
    confirmed: bool = False
    """Whether a large part of the type may vanish at once."""
    partial: bool = False
    """Whether only a part of it is read; then nothing follows for the rest."""
    max_pages: int = MAX_PAGES

    @property
    def size_proven(self) -> bool:
        """Whether this server has shown that it heeds pageSize."""
        return self.proven_elsewhere or self.largest_page > UNPROVEN_PAGE

    @property
    def compares(self) -> bool:
        """Whether stubs can tell what changed in the whole list, for less than the records cost."""
        return self.stamped and self.has_data_quantity and self.stub_times is not False

    @property
    def marks(self) -> bool:
        """Whether a record that was read within the second of its change could hide the next change to stubs."""
        return self.stamped and (self.has_updated_after or self.compares) and self.lists is None and not self.partial

    @property
    def batch(self) -> int:
        """IDs worth naming in one call: its answer is a page too, so a small page would cut it."""
        return min(self.ids_per_call, self.page_limit) if self.paged or self.pages_anyway else self.ids_per_call

    def units(self, data_quantity: str) -> tuple[int, int]:
        """Return the least and the most that a call may cost, by what is documented and what was charged."""
        data_quantity = DataQuantity(data_quantity)
        charged = self.stub_units if data_quantity is DataQuantity.ID_ONLY else self.record_units
        if charged is not None:
            return charged, charged
        return data_quantity.units, data_quantity.units if self.has_data_quantity else DataQuantity.COMPLETE.units
