"""Parts of proposed change orders."""

from __future__ import annotations

from typing import Unpack

from tonicdm.endpoints.base import Listed
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.options import FILTER_IDS, Reading, options_of
from tonicdm.http.operation import Operation
from tonicdm.models import PcoPart
from tonicdm.paging import Paginator
from tonicdm.types import IDLike, ListOf, RecordDataQuantity

PATH = "/workflow/pco-parts"


class PcoPartOptions(Reading, total=False):
    """Options of a list of parts of proposed change orders (reference: getPcoParts)."""

    pco_ids: ListOf[IDLike]
    """Only parts of these; on the wire filterIDs, which takes IDs of proposed change orders here."""


class PcoParts(Listed[PcoPart]):
    """Steps of proposed change orders (``/workflow/pco-parts``)."""

    record_type = "pco_parts"
    _listing = ListOperation(
        operation=Operation(method="GET", path=PATH, options=options_of(PcoPartOptions, pco_ids=FILTER_IDS)),
        model=PcoPart,
        own_ids=False,
    )
    _stubs = False

    def list(
        self, *, data_quantity: RecordDataQuantity = "basic", **options: Unpack[PcoPartOptions]
    ) -> Paginator[PcoPart]:
        """List parts of proposed change orders (reference: getPcoParts).

        Args:
            data_quantity: ``basic`` or ``complete``.
            options: See `PcoPartOptions`.
        """
        return self._list(data_quantity, options)
