"""Parts of RFIs: what happened to them."""

from __future__ import annotations

from typing import Unpack

from tonicdm.endpoints.base import Listed
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.options import FILTER_IDS, FILTER_PART_IDS, Reading, options_of
from tonicdm.http.operation import Operation
from tonicdm.models import RfiPart
from tonicdm.paging import Paginator
from tonicdm.types import IDLike, ListOf, RecordDataQuantity

PATH = "/workflow/rfi-parts"


class RfiPartOptions(Reading, total=False):
    """Options of a list of parts of RFIs (reference: getRfiParts)."""

    rfi_ids: ListOf[IDLike]
    """Only parts of these RFIs; on the wire filterIDs, which takes IDs of RFIs here."""
    part_ids: ListOf[IDLike]
    """Only these parts; on the wire filterPartIds."""


class RfiParts(Listed[RfiPart]):
    """Steps of RFIs, such as received and forwarded (``/workflow/rfi-parts``)."""

    record_type = "rfi_parts"
    _listing = ListOperation(
        operation=Operation(
            method="GET", path=PATH, options=options_of(RfiPartOptions, rfi_ids=FILTER_IDS, part_ids=FILTER_PART_IDS)
        ),
        model=RfiPart,
        own_ids=False,
    )
    _stubs = False

    def list(
        self, *, data_quantity: RecordDataQuantity = "basic", **options: Unpack[RfiPartOptions]
    ) -> Paginator[RfiPart]:
        """List parts of RFIs (reference: getRfiParts).

        Args:
            data_quantity: ``basic`` or ``complete``.
            **options: See `RfiPartOptions`.
            rfi_ids: Only parts of these RFIs; on the wire filterIDs, which takes IDs of RFIs here.
            part_ids: Only these parts; on the wire filterPartIds.
            start_page: The first page to fetch; 1 unless given.
            prefetch: Pages to fetch ahead of the one being read; each is paid for, read or not.
            on_invalid: What becomes of an element that is no record: ``raise``, unless given, ends the list with an
                error that carries the others; ``skip`` leaves it out and in `Paginator.skipped`.
            max_pages: Pages after which a list counts as one that never ends; 10,000 unless given.
            options: Options that this package does not know for the list, by wire name: texts, numbers, booleans,
                times, or lists of them.
            on_ignored: What to do where an answer contradicts an option: ``raise`` an `OptionIgnoredError`, unless
                ``accept`` is given, which takes the records as they come.
        """
        return self._list(data_quantity, options)
