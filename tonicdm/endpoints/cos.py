"""Change orders (COs)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack, overload

from tonicdm.endpoints.base import Deleting, SoftDeleting
from tonicdm.endpoints.fields import ID, Text, WorkflowFields
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.lookback import CreatingOnce
from tonicdm.endpoints.options import ItemOptions, options, options_of
from tonicdm.http.operation import Operation
from tonicdm.models import Co, CoPart, RecordStub
from tonicdm.paging import Paginator
from tonicdm.types import DataQuantityLike, IDLike, RecordDataQuantity, StubDataQuantity, Unset

PATH = "/workflow/cos"


class CoFields(WorkflowFields, total=False):
    """Fields of a change order (reference: Co)."""

    project_id: ID
    """The project."""
    cost: Text
    """What it costs, as text."""
    time: Text
    """How long it takes, as text."""
    parts: Sequence[CoPart | Mapping[str, Any]] | Unset
    """All its steps, as records or as JSON objects."""


class Cos(CreatingOnce[Co], SoftDeleting[Co], Deleting):
    """Change orders (``/workflow/cos``); `delete` calls deleteCo."""

    record_type = "cos"
    _model = Co
    _listing = ListOperation(operation=Operation(method="GET", path=PATH, options=options_of(ItemOptions)), model=Co)
    _create_operation = Operation(method="POST", path=PATH)
    _update_operation = Operation(method="PATCH", path=PATH)
    _delete_operation = Operation(method="DELETE", path=PATH, options=options("id"), required=frozenset({"id"}))

    @overload
    def list(self, *, data_quantity: StubDataQuantity, **options: Unpack[ItemOptions]) -> Paginator[RecordStub]: ...
    @overload
    def list(self, *, data_quantity: RecordDataQuantity = "basic", **options: Unpack[ItemOptions]) -> Paginator[Co]: ...
    def list(self, *, data_quantity: DataQuantityLike = "basic", **options: Unpack[ItemOptions]) -> Paginator[Any]:
        """List change orders (reference: getCos).

        Args:
            data_quantity: ``id_only`` yields stubs, ``basic`` and ``complete`` yield records.
            options: See `ItemOptions`.
        """
        return self._list(data_quantity, options)

    async def create(self, **fields: Unpack[CoFields]) -> Co | None:
        """Create a change order (reference: postCo).

        Args:
            fields: See `CoFields`.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._create(fields)

    async def update(self, record: IDLike, **fields: Unpack[CoFields]) -> Co | None:
        """Change a change order (reference: patchCo).

        Args:
            record: Its ID.
            fields: See `CoFields`.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._update(record, fields)
