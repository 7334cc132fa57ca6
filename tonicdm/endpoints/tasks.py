"""Tasks."""

from __future__ import annotations

from typing import Any, Unpack, overload

from tonicdm.endpoints.base import Readable
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.options import ItemOptions, options_of
from tonicdm.http.operation import Operation
from tonicdm.models import RecordStub, Task
from tonicdm.paging import Paginator
from tonicdm.types import DataQuantityLike, RecordDataQuantity, StubDataQuantity

PATH = "/workflow/tasks"


class Tasks(Readable[Task]):
    """Tasks (``/workflow/tasks``)."""

    record_type = "tasks"
    _listing = ListOperation(operation=Operation(method="GET", path=PATH, options=options_of(ItemOptions)), model=Task)

    @overload
    def list(self, *, data_quantity: StubDataQuantity, **options: Unpack[ItemOptions]) -> Paginator[RecordStub]: ...
    @overload
    def list(
        self, *, data_quantity: RecordDataQuantity = "basic", **options: Unpack[ItemOptions]
    ) -> Paginator[Task]: ...
    def list(self, *, data_quantity: DataQuantityLike = "basic", **options: Unpack[ItemOptions]) -> Paginator[Any]:
        """List tasks (reference: getTasks).

        Args:
            data_quantity: ``id_only`` yields stubs, ``basic`` and ``complete`` yield records.
            options: See `ItemOptions`.
        """
        return self._list(data_quantity, options)
