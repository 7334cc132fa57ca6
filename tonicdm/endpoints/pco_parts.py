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
            **options: See `PcoPartOptions`.
            pco_ids: Only parts of these; on the wire filterIDs, which takes IDs of proposed change orders here.
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
