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
            **options: See `ItemOptions`.
            updated_after: Only records changed after this; aware datetimes only (concepts page, "Use Cases").
            filter_ids: Only these records; every other filter is ignored then (reference: filterIDs).
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
