"""RFIs: requests for information."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, Unpack, get_args, overload

from tonicdm.endpoints.base import Deleting, SoftDeleting
from tonicdm.endpoints.fields import ID, Pointer, WorkflowFields
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.lookback import CreatingOnce
from tonicdm.endpoints.options import ItemOptions, options, options_of
from tonicdm.http.operation import Operation
from tonicdm.models import RecordStub, Rfi, RfiPart, Stage, Status, Workflow
from tonicdm.paging import Paginator
from tonicdm.types import DataQuantityLike, IDLike, ListOf, RecordDataQuantity, StubDataQuantity, Unset

PATH = "/workflow/rfis"


RfiSort: TypeAlias = Literal[
    "number",
    "our_number",
    "our_revision",
    "our_title",
    "our_response_required_date",
    "stage",
    "status",
    "manual_stage",
    "manual_received_datetime",
    "manual_response_datetime",
    "project_id",
    "responsible_person_id",
    "id",
]
"""What a list of RFIs can be sorted by: the example of the concepts page ("Non-standard Patterns"), and the plain
fields of a record."""


class RfiOptions(ItemOptions, total=False):
    """Options of a list of RFIs (reference: getRfis; the last four are shown on the concepts page only)."""

    filter_workflows: ListOf[Workflow | str]
    """Only items of these workflows: ``rfi``, ``submittal``, ``pco``."""
    filter_stages: ListOf[Stage | str]
    """Only items in these stages: ``open``, ``forwarded``, ``void``."""
    filter_from: ListOf[str]
    """Only items with a part from one of these addresses."""
    filter_to: ListOf[str]
    """Only items with a part to one of these addresses."""
    filter_cc: ListOf[str]
    """Only items with a part copied to one of these addresses."""
    project_id: IDLike
    """Only items of this project."""
    filter_status: Status | str
    """Only items of this status."""
    sort_by: RfiSort
    """Field to sort by, for example ``number``."""


class RfiFields(WorkflowFields, total=False):
    """Fields of an RFI that may be left out (reference: Rfi)."""

    reason_code: Pointer
    """Why it was asked."""
    parts: Sequence[RfiPart | Mapping[str, Any]] | Unset
    """All its steps, as records or as JSON objects."""


class RfiChanges(RfiFields, total=False):
    """Fields of an RFI that can be changed."""

    project_id: ID
    """The project."""


class Rfis(CreatingOnce[Rfi], SoftDeleting[Rfi], Deleting):
    """Requests for information (``/workflow/rfis``); `delete` calls deleteRfi."""

    record_type = "rfis"
    _model = Rfi
    _listing = ListOperation(
        operation=Operation(method="GET", path=PATH, options=options_of(RfiOptions)),
        model=Rfi,
        sorts=get_args(RfiSort),
    )
    _create_operation = Operation(method="POST", path=PATH)
    _update_operation = Operation(method="PATCH", path=PATH)
    _delete_operation = Operation(method="DELETE", path=PATH, options=options("id"), required=frozenset({"id"}))

    @overload
    def list(self, *, data_quantity: StubDataQuantity, **options: Unpack[RfiOptions]) -> Paginator[RecordStub]: ...
    @overload
    def list(self, *, data_quantity: RecordDataQuantity = "basic", **options: Unpack[RfiOptions]) -> Paginator[Rfi]: ...
    def list(self, *, data_quantity: DataQuantityLike = "basic", **options: Unpack[RfiOptions]) -> Paginator[Any]:
        """List RFIs (reference: getRfis).

        Args:
            data_quantity: ``id_only`` yields stubs, ``basic`` and ``complete`` yield records.
            **options: See `RfiOptions`.
            filter_workflows: Only items of these workflows: ``rfi``, ``submittal``, ``pco``.
            filter_stages: Only items in these stages: ``open``, ``forwarded``, ``void``.
            filter_from: Only items with a part from one of these addresses.
            filter_to: Only items with a part to one of these addresses.
            filter_cc: Only items with a part copied to one of these addresses.
            project_id: Only items of this project.
            filter_status: Only items of this status.
            sort_by: Field to sort by, for example ``number``.
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

    async def create(self, *, project_id: IDLike, **fields: Unpack[RfiFields]) -> Rfi | None:
        """Create an RFI (reference: postRfi).

        Args:
            project_id: The project.
            fields: See `RfiFields`.
            reason_code: Why it was asked.
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

    async def update(self, record: IDLike, **fields: Unpack[RfiChanges]) -> Rfi | None:
        """Change an RFI (reference: patchRfi).

        Args:
            record: Its ID.
            fields: See `RfiChanges`.
            project_id: The project.
            reason_code: Why it was asked.
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
