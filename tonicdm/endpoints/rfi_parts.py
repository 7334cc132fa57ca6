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
            options: See `RfiPartOptions`.
        """
        return self._list(data_quantity, options)
