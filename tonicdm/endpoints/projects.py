"""Projects of your own organization."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, Unpack, get_args, overload

from tonicdm.endpoints.base import Updating
from tonicdm.endpoints.bodies import body_of
from tonicdm.endpoints.fields import Flag, Pointer, StatusField, Text
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.lookback import CreatingOnce
from tonicdm.endpoints.options import IDsOption, PageOptions, UpdatedOption, options_of
from tonicdm.http.operation import Operation
from tonicdm.models import Project, ProjectPurpose, RecordStub, SystemAccess
from tonicdm.paging import Paginator
from tonicdm.types import DataQuantityLike, IDLike, ListOf, RecordDataQuantity, StubDataQuantity, Unset

PATH = "/core/projects"


ProjectSort: TypeAlias = Literal[
    "project_number",
    "project_name_legal",
    "project_name_known_as",
    "zone",
    "purpose",
    "status",
    "system_access",
    "is_locked",
    "id",
]
"""What a list of projects can be sorted by: the plain fields of a record, as the reference gives an example only."""


class ProjectOptions(PageOptions, IDsOption, UpdatedOption, total=False):
    """Options of a list of projects (reference: getProjects)."""

    filter_organization_ids: ListOf[IDLike]
    """Only projects of these organizations."""
    sort_by: ProjectSort
    """Field to sort by; ``project_number`` unless given."""


class ProjectFields(StatusField, total=False):
    """Fields of a project that may be left out (reference: Project)."""

    purpose: ProjectPurpose | str | Unset | None
    """``billable``, ``opportunity``, ``overhead`` or ``training``."""
    is_locked: Flag
    """Whether it is open to active team members only; only a tenant administrator may set it."""
    project_name_known_as: Text
    """Friendly name used in the app; up to 16 characters."""
    zone: Text
    """Data center that holds the project's data."""
    system_access: SystemAccess | str | Unset | None
    """``readWrite``, ``readOnly`` or ``noAccess``; set by the system."""
    brand: Pointer
    """The brand it is done under; assumed, as the three below are."""
    office: Pointer
    """The office it is assigned to: one of your own organization's (concepts page, "Offices")."""
    division1: Pointer
    """Its first division (concepts page, "Division1 and Division2"); AdvancedMetrics licence."""
    division2: Pointer
    """Its second division; AdvancedMetrics licence."""


class Projects(CreatingOnce[Project], Updating[Project]):
    """Projects of your own organization (``/core/projects``); a list also tells the zone of each."""

    record_type = "projects"
    _model = Project
    _listing = ListOperation(
        operation=Operation(method="GET", path=PATH, options=options_of(ProjectOptions), has_data_quantity=True),
        model=Project,
        sort="projectNumber",
        sorts=get_args(ProjectSort),
    )
    _create_operation = Operation(method="POST", path=PATH)
    _update_operation = Operation(method="PATCH", path=PATH)

    @overload
    def list(self, *, data_quantity: StubDataQuantity, **options: Unpack[ProjectOptions]) -> Paginator[RecordStub]: ...
    @overload
    def list(
        self, *, data_quantity: RecordDataQuantity = "basic", **options: Unpack[ProjectOptions]
    ) -> Paginator[Project]: ...
    def list(self, *, data_quantity: DataQuantityLike = "basic", **options: Unpack[ProjectOptions]) -> Paginator[Any]:
        """List projects (reference: getProjects).

        Args:
            data_quantity: ``id_only`` yields stubs, ``basic`` and ``complete`` yield records.
            **options: See `ProjectOptions`.
            filter_organization_ids: Only projects of these organizations.
            sort_by: Field to sort by; ``project_number`` unless given.
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

    async def create(
        self, *, project_number: str, project_name_legal: str, **fields: Unpack[ProjectFields]
    ) -> Project | None:
        """Create a project (reference: postProject).

        Args:
            project_number: The firm's number for it.
            project_name_legal: Full official name; 1 to 128 characters.
            fields: See `ProjectFields`.
            purpose: ``billable``, ``opportunity``, ``overhead`` or ``training``.
            is_locked: Whether it is open to active team members only; only a tenant administrator may set it.
            project_name_known_as: Friendly name used in the app; up to 16 characters.
            zone: Data center that holds the project's data.
            system_access: ``readWrite``, ``readOnly`` or ``noAccess``; set by the system.
            brand: The brand it is done under; assumed, as the three below are.
            office: The office it is assigned to: one of your own organization's (concepts page, "Offices").
            division1: Its first division (concepts page, "Division1 and Division2"); AdvancedMetrics licence.
            division2: Its second division; AdvancedMetrics licence.
            status: ``active``, ``inactive`` or ``deleted``.
            extra: Fields that this package does not know, by wire name.
            data_quantity: How much of the record comes back: ``basic`` unless given; with ``id_only`` no more than its
                ID and its time of change.

        Returns:
            The project as the server answered it; None if it answered nothing.
        """
        return await self._create(
            {"project_number": project_number, "project_name_legal": project_name_legal, **fields}
        )

    async def update(
        self, record: IDLike, *, project_number: str, project_name_legal: str, **fields: Unpack[ProjectFields]
    ) -> Project | None:
        """Change a project; the reference wants its number and legal name with every change (patchProject).

        Args:
            record: Its ID.
            project_number: Its number, changed or not.
            project_name_legal: Its full official name, changed or not.
            fields: See `ProjectFields`.
            purpose: ``billable``, ``opportunity``, ``overhead`` or ``training``.
            is_locked: Whether it is open to active team members only; only a tenant administrator may set it.
            project_name_known_as: Friendly name used in the app; up to 16 characters.
            zone: Data center that holds the project's data.
            system_access: ``readWrite``, ``readOnly`` or ``noAccess``; set by the system.
            brand: The brand it is done under; assumed, as the three below are.
            office: The office it is assigned to: one of your own organization's (concepts page, "Offices").
            division1: Its first division (concepts page, "Division1 and Division2"); AdvancedMetrics licence.
            division2: Its second division; AdvancedMetrics licence.
            status: ``active``, ``inactive`` or ``deleted``.
            extra: Fields that this package does not know, by wire name.
            data_quantity: How much of the record comes back: ``basic`` unless given; with ``id_only`` no more than its
                ID and its time of change.

        Returns:
            The project as the server answered it; None if it answered nothing.
        """
        return await self._update(
            record, {"project_number": project_number, "project_name_legal": project_name_legal, **fields}
        )

    async def soft_delete(self, record: IDLike, *, project_number: str, project_name_legal: str) -> None:
        """Mark a project as deleted, by a PATCH of its status, which needs its number and legal name as `update` does.

        Args:
            record: Its ID.
            project_number: Its number.
            project_name_legal: Its full official name.
        """
        needed = body_of(Project, {"project_number": project_number, "project_name_legal": project_name_legal})
        await self._soft_delete(record, needed)
