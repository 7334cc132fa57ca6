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
            options: See `RfiOptions`.
        """
        return self._list(data_quantity, options)

    async def create(self, *, project_id: IDLike, **fields: Unpack[RfiFields]) -> Rfi | None:
        """Create an RFI (reference: postRfi).

        Args:
            project_id: The project.
            fields: See `RfiFields`.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._create({"project_id": project_id, **fields})

    async def update(self, record: IDLike, **fields: Unpack[RfiChanges]) -> Rfi | None:
        """Change an RFI (reference: patchRfi).

        Args:
            record: Its ID.
            fields: See `RfiChanges`.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._update(record, fields)
