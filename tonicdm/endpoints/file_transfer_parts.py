"""Parts of file transfers."""

from __future__ import annotations

from typing import Any, Unpack, overload

from tonicdm.endpoints.base import Listed
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.options import FILTER_IDS, FILTER_PART_IDS, Reading, options_of
from tonicdm.http.operation import Operation
from tonicdm.models import FileTransferPart, RecordStub
from tonicdm.paging import Paginator
from tonicdm.types import DataQuantityLike, IDLike, ListOf, RecordDataQuantity, StubDataQuantity

PATH = "/workflow/filetransfer-parts"


class FileTransferPartOptions(Reading, total=False):
    """Options of a list of parts of file transfers (reference: getFileTransferParts)."""

    file_transfer_ids: ListOf[IDLike]
    """Only parts of these; on the wire filterIDs, which takes IDs of file transfers here."""
    part_ids: ListOf[IDLike]
    """Only these parts; on the wire filterPartIds."""


class FileTransferParts(Listed[FileTransferPart]):
    """Steps of file transfers (``/workflow/filetransfer-parts``)."""

    record_type = "file_transfer_parts"
    _listing = ListOperation(
        operation=Operation(
            method="GET",
            path=PATH,
            options=options_of(FileTransferPartOptions, file_transfer_ids=FILTER_IDS, part_ids=FILTER_PART_IDS),
        ),
        model=FileTransferPart,
        own_ids=False,
    )

    @overload
    def list(
        self, *, data_quantity: StubDataQuantity, **options: Unpack[FileTransferPartOptions]
    ) -> Paginator[RecordStub]: ...
    @overload
    def list(
        self, *, data_quantity: RecordDataQuantity = "basic", **options: Unpack[FileTransferPartOptions]
    ) -> Paginator[FileTransferPart]: ...
    def list(
        self, *, data_quantity: DataQuantityLike = "basic", **options: Unpack[FileTransferPartOptions]
    ) -> Paginator[Any]:
        """List parts of file transfers (reference: getFileTransferParts).

        Args:
            data_quantity: ``id_only`` yields stubs, ``basic`` and ``complete`` yield records.
            **options: See `FileTransferPartOptions`.
            file_transfer_ids: Only parts of these; on the wire filterIDs, which takes IDs of file transfers here.
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
