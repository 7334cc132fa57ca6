"""File transfers."""

from __future__ import annotations

from typing import Any, Unpack, overload

from tonicdm.endpoints.base import Readable
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.options import ItemOptions, options_of
from tonicdm.http.operation import Operation
from tonicdm.models import FileTransfer, RecordStub
from tonicdm.paging import Paginator
from tonicdm.types import DataQuantityLike, RecordDataQuantity, StubDataQuantity

PATH = "/workflow/filetransfers"


class FileTransfers(Readable[FileTransfer]):
    """File transfers (``/workflow/filetransfers``)."""

    record_type = "file_transfers"
    _listing = ListOperation(
        operation=Operation(method="GET", path=PATH, options=options_of(ItemOptions)), model=FileTransfer
    )

    @overload
    def list(self, *, data_quantity: StubDataQuantity, **options: Unpack[ItemOptions]) -> Paginator[RecordStub]: ...
    @overload
    def list(
        self, *, data_quantity: RecordDataQuantity = "basic", **options: Unpack[ItemOptions]
    ) -> Paginator[FileTransfer]: ...
    def list(self, *, data_quantity: DataQuantityLike = "basic", **options: Unpack[ItemOptions]) -> Paginator[Any]:
        """List file transfers (reference: getFileTransfers).

        Args:
            data_quantity: ``id_only`` yields stubs, ``basic`` and ``complete`` yield records.
            options: See `ItemOptions`.
        """
        return self._list(data_quantity, options)
