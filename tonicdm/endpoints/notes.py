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
            **options: See `NoteOptions`.
            sort_by: Field to sort by; ``action_date_time`` unless given.
            updated_after: Only records changed after this; aware datetimes only (concepts page, "Use Cases").
            filter_ids: Only these records; every other filter is ignored then (reference: filterIDs).
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

    async def create(self, *, attached_to_id: IDLike, person_id: IDLike, **fields: Unpack[NoteFields]) -> Note | None:
        """Create a note (reference: postNote).

        Args:
            attached_to_id: The item it belongs to.
            person_id: The person who wrote it.
            fields: See `NoteFields`.
            content: HTML.
            is_printed: Whether it is printed with the item.
            status: ``active``, ``inactive`` or ``deleted``.
            extra: Fields that this package does not know, by wire name.
            data_quantity: How much of the record comes back: ``basic`` unless given; with ``id_only`` no more than its
                ID and its time of change.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._create({"attached_to_id": attached_to_id, "person_id": person_id, **fields})

    async def update(self, record: IDLike, **fields: Unpack[NoteChanges]) -> Note | None:
        """Change a note (reference: patchNote).

        Args:
            record: Its ID.
            fields: See `NoteChanges`.
            attached_to_id: The item it belongs to.
            person_id: The person who wrote it.
            content: HTML.
            is_printed: Whether it is printed with the item.
            status: ``active``, ``inactive`` or ``deleted``.
            extra: Fields that this package does not know, by wire name.
            data_quantity: How much of the record comes back: ``basic`` unless given; with ``id_only`` no more than its
                ID and its time of change.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._update(record, fields)
