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
            options: See `LabelOptions`.
        """
        return self._list(data_quantity, options)
