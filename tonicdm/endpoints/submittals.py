"""Submittals: product data and shop drawings handed in for review."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack, overload

from tonicdm.endpoints.base import Deleting, SoftDeleting
from tonicdm.endpoints.fields import ID, Flag, Text, WorkflowFields
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.lookback import CreatingOnce
from tonicdm.endpoints.options import ItemOptions, options, options_of
from tonicdm.http.operation import Operation
from tonicdm.models import RecordStub, Submittal, SubmittalPart
from tonicdm.paging import Paginator
from tonicdm.types import DataQuantityLike, IDLike, RecordDataQuantity, StubDataQuantity, Unset

PATH = "/workflow/submittals"


class SubmittalFields(WorkflowFields, total=False):
    """Fields of a submittal that may be left out (reference: Submittal)."""

    our_response_required: Flag
    """Whether we have to respond."""
    our_specsection: Text
    """Our specification section."""
    parts: Sequence[SubmittalPart | Mapping[str, Any]] | Unset
    """All its steps, as records or as JSON objects."""


class SubmittalChanges(SubmittalFields, total=False):
    """Fields of a submittal that can be changed."""

    project_id: ID
    """The project."""


class Submittals(CreatingOnce[Submittal], SoftDeleting[Submittal], Deleting):
    """Submittals (``/workflow/submittals``); `delete` calls deleteSubmittal."""

    record_type = "submittals"
    _model = Submittal
    _listing = ListOperation(
        operation=Operation(method="GET", path=PATH, options=options_of(ItemOptions)), model=Submittal
    )
    _create_operation = Operation(method="POST", path=PATH)
    _update_operation = Operation(method="PATCH", path=PATH)
    _delete_operation = Operation(method="DELETE", path=PATH, options=options("id"), required=frozenset({"id"}))

    @overload
    def list(self, *, data_quantity: StubDataQuantity, **options: Unpack[ItemOptions]) -> Paginator[RecordStub]: ...
    @overload
    def list(
        self, *, data_quantity: RecordDataQuantity = "basic", **options: Unpack[ItemOptions]
    ) -> Paginator[Submittal]: ...
    def list(self, *, data_quantity: DataQuantityLike = "basic", **options: Unpack[ItemOptions]) -> Paginator[Any]:
        """List submittals (reference: getSubmittals).

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

    async def create(self, *, project_id: IDLike, **fields: Unpack[SubmittalFields]) -> Submittal | None:
        """Create a submittal (reference: postSubmittal).

        Args:
            project_id: The project.
            fields: See `SubmittalFields`.
            our_response_required: Whether we have to respond.
            our_specsection: Our specification section.
            parts: All its steps, as records or as JSON objects.
            item_discipline: The discipline it is of.
            stage: Its stage, such as ``open``, ``forwarded``, ``void``.
            manual_stage: Whether the stage was set by hand.
            manual_received_datetime: When it was received, if set by hand.
            manual_response_datetime: When it was answered, if set by hand.
            our_response_required_date: When our response is due.
            our_number: Our number for it.
            our_revision: Our revision of it.
            our_title: Overall title, like an email's subject.
            responsible_person_id: The person who answers for it.
            status: ``active``, ``inactive`` or ``deleted``.
            extra: Fields that this package does not know, by wire name.
            data_quantity: How much of the record comes back: ``basic`` unless given; with ``id_only`` no more than its
                ID and its time of change.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._create({"project_id": project_id, **fields})

    async def update(self, record: IDLike, **fields: Unpack[SubmittalChanges]) -> Submittal | None:
        """Change a submittal (reference: patchSubmittal).

        Args:
            record: Its ID.
            fields: See `SubmittalChanges`.
            project_id: The project.
            our_response_required: Whether we have to respond.
            our_specsection: Our specification section.
            parts: All its steps, as records or as JSON objects.
            item_discipline: The discipline it is of.
            stage: Its stage, such as ``open``, ``forwarded``, ``void``.
            manual_stage: Whether the stage was set by hand.
            manual_received_datetime: When it was received, if set by hand.
            manual_response_datetime: When it was answered, if set by hand.
            our_response_required_date: When our response is due.
            our_number: Our number for it.
            our_revision: Our revision of it.
            our_title: Overall title, like an email's subject.
            responsible_person_id: The person who answers for it.
            status: ``active``, ``inactive`` or ``deleted``.
            extra: Fields that this package does not know, by wire name.
            data_quantity: How much of the record comes back: ``basic`` unless given; with ``id_only`` no more than its
                ID and its time of change.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._update(record, fields)
