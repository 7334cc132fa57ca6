"""Labels attached to objects."""

from __future__ import annotations

from typing import Any, Unpack, overload

from tonicdm.endpoints.base import Listed
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.options import FILTER_IDS, PageOptions, options_of
from tonicdm.http.operation import Operation
from tonicdm.models import Label, ObjectType, RecordStub
from tonicdm.paging import Paginator
from tonicdm.types import DataQuantityLike, IDLike, ListOf, RecordDataQuantity, StubDataQuantity

PATH = "/core/labels"


class LabelOptions(PageOptions, total=False):
    """Options of a list of labels (reference: getLabels)."""

    object_ids: ListOf[IDLike]
    """Only labels of these objects; on the wire filterIDs, which takes IDs of objects here."""
    filter_object_type: ObjectType | str
    """Kind of the objects; only ``person`` is documented."""


class Labels(Listed[Label]):
    """Labels attached to objects (``/core/labels``)."""

    record_type = "labels"
    _listing = ListOperation(
        operation=Operation(
            method="GET", path=PATH, options=options_of(LabelOptions, object_ids=FILTER_IDS), has_data_quantity=True
        ),
        model=Label,
        own_ids=False,
    )

    @overload
    def list(self, *, data_quantity: StubDataQuantity, **options: Unpack[LabelOptions]) -> Paginator[RecordStub]: ...
    @overload
    def list(
        self, *, data_quantity: RecordDataQuantity = "basic", **options: Unpack[LabelOptions]
    ) -> Paginator[Label]: ...
    def list(self, *, data_quantity: DataQuantityLike = "basic", **options: Unpack[LabelOptions]) -> Paginator[Any]:
        """List labels of objects (reference: getLabels).

        Args:
            data_quantity: ``id_only`` yields stubs, ``basic`` and ``complete`` yield records.
            **options: See `LabelOptions`.
            object_ids: Only labels of these objects; on the wire filterIDs, which takes IDs of objects here.
            filter_object_type: Kind of the objects; only ``person`` is documented.
            page_size: Records of a page, from 1 to 1000; 1000 unless given, because a page's price does not depend on
                it.
            sort_direction: Direction of the order.
            search_query: JSON, as text or as values; its grammar is not documented.
            filter_statuses: Only records with these statuses: ``active``, ``inactive``, ``deleted``; ``active`` alone
                when this is absent.
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
