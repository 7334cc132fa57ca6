"""Notes attached to items."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, Unpack, get_args, overload

from tonicdm.endpoints.base import SoftDeleting
from tonicdm.endpoints.fields import ID, Flag, StatusField, Text
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.lookback import CreatingOnce
from tonicdm.endpoints.options import IDsOption, PageOptions, UpdatedOption, options_of
from tonicdm.http.operation import Operation
from tonicdm.models import Note, RecordStub
from tonicdm.paging import Paginator
from tonicdm.types import DataQuantityLike, IDLike, RecordDataQuantity, StubDataQuantity

PATH = "/core/notes"


NoteSort: TypeAlias = Literal["person_name", "action_date_time"]
"""What a list of notes can be sorted by (reference: sortBy)."""


class NoteOptions(PageOptions, IDsOption, UpdatedOption, total=False):
    """Options of a list of notes (reference: getNotes)."""

    sort_by: NoteSort
    """Field to sort by; ``action_date_time`` unless given."""


class NoteFields(StatusField, total=False):
    """Fields of a note that may be left out (reference: NoteWrite)."""

    content: Text
    """HTML."""
    is_printed: Flag
    """Whether it is printed with the item."""


class NoteChanges(NoteFields, total=False):
    """Fields of a note that can be changed."""

    attached_to_id: ID
    """The item it belongs to."""
    person_id: ID
    """The person who wrote it."""


class Notes(CreatingOnce[Note], SoftDeleting[Note]):
    """Notes attached to items (``/core/notes``)."""

    record_type = "notes"
    _model = Note
    _listing = ListOperation(
        operation=Operation(method="GET", path=PATH, options=options_of(NoteOptions), has_data_quantity=True),
        model=Note,
        sort="actionDateTime",
        sorts=get_args(NoteSort),
    )
    _create_operation = Operation(method="POST", path=PATH)
    _update_operation = Operation(method="PATCH", path=PATH)

    @overload
    def list(self, *, data_quantity: StubDataQuantity, **options: Unpack[NoteOptions]) -> Paginator[RecordStub]: ...
    @overload
    def list(
        self, *, data_quantity: RecordDataQuantity = "basic", **options: Unpack[NoteOptions]
    ) -> Paginator[Note]: ...
    def list(self, *, data_quantity: DataQuantityLike = "basic", **options: Unpack[NoteOptions]) -> Paginator[Any]:
        """List notes (reference: getNotes).

        Args:
            data_quantity: ``id_only`` yields stubs, ``basic`` and ``complete`` yield records.
            options: See `NoteOptions`.
        """
        return self._list(data_quantity, options)

    async def create(self, *, attached_to_id: IDLike, person_id: IDLike, **fields: Unpack[NoteFields]) -> Note | None:
        """Create a note (reference: postNote).

        Args:
            attached_to_id: The item it belongs to.
            person_id: The person who wrote it.
            fields: See `NoteFields`.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._create({"attached_to_id": attached_to_id, "person_id": person_id, **fields})

    async def update(self, record: IDLike, **fields: Unpack[NoteChanges]) -> Note | None:
        """Change a note (reference: patchNote).

        Args:
            record: Its ID.
            fields: See `NoteChanges`.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._update(record, fields)
