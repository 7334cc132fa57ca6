"""Teams: who takes part in a project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, Unpack, get_args

from tonicdm.codec import wire_names
from tonicdm.endpoints.base import Listed, parse_data_quantity
from tonicdm.endpoints.bodies import body_of
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.options import PageOptions, options, options_of
from tonicdm.errors import InvalidOptionError
from tonicdm.http.operation import Operation
from tonicdm.ids import record_id
from tonicdm.models import ProjectMember
from tonicdm.paging import Paginator
from tonicdm.types import DataQuantityLike, IDLike, ListOf, RecordDataQuantity, RecordID

PATH = "/core/team"


TeamSort: TypeAlias = Literal["name", "email", "title", "office"]
"""What a list of members can be sorted by (reference: sortBy)."""


class TeamOptions(PageOptions, total=False):
    """Options of a list of members (reference: getTeam)."""

    filter_disciplines: ListOf[IDLike]
    """Only members of these disciplines."""
    sort_by: TeamSort
    """Field to sort by; ``name`` unless given."""


class Team(Listed[ProjectMember]):
    """Members of projects: email addresses with their brands (``/core/team``)."""

    record_type = "team"
    _listing = ListOperation(
        operation=Operation(
            method="GET",
            path=PATH,
            options=options_of(TeamOptions, "project_id"),
            required=frozenset({"project_id"}),
            has_data_quantity=True,
        ),
        model=ProjectMember,
        sort="name",
        sorts=get_args(TeamSort),
    )
    _stubs = False
    _add_operation = Operation(
        method="POST", path=PATH, options=options("project_id"), required=frozenset({"project_id"})
    )

    def list(
        self, *, project_id: IDLike, data_quantity: RecordDataQuantity = "basic", **options: Unpack[TeamOptions]
    ) -> Paginator[ProjectMember]:
        """List the members of a project (reference: getTeam).

        Args:
            project_id: The project.
            data_quantity: ``basic`` or ``complete``.
            **options: See `TeamOptions`.
            filter_disciplines: Only members of these disciplines.
            sort_by: Field to sort by; ``name`` unless given.
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
        return self._list(data_quantity, {"project_id": project_id, **options})

    async def add(
        self,
        project_id: IDLike,
        *members: ProjectMember | Mapping[str, Any],
        data_quantity: DataQuantityLike = "basic",
    ) -> tuple[ProjectMember, ...]:
        """Add email addresses to a project; organizations and offices can't be added (reference: postTeam).

        Args:
            project_id: The project.
            members: One or more members, as records or as JSON objects; one is sent as an object, several as an array.
            data_quantity: How much of the members comes back, as for every write; see `Extra`.

        Returns:
            The members as the server answered them; none if it answered nothing.
        """
        project, data_quantity = record_id(project_id, "project_id"), parse_data_quantity(data_quantity)
        if not members:
            raise InvalidOptionError("add needs at least one member. Nothing was sent.")
        bodies = [self._body(member, project) for member in members]
        body = bodies[0] if len(bodies) == 1 else bodies
        added = await self._write_all(self._add_operation, ProjectMember, body, data_quantity, {"project_id": project})
        return tuple(added)

    def _body(self, member: ProjectMember | Mapping[str, Any], project: RecordID) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        extra: Mapping[str, Any] = {}
        if not isinstance(member, (Mapping, ProjectMember)):
            raise InvalidOptionError(
                f"a member must be a ProjectMember or a JSON object, not a {type(member).__name__}. Nothing was sent."
            )
        if isinstance(member, Mapping):
            extra, of = {name: value for name, value in member.items() if name != "projectId"}, member.get("projectId")
        else:
            given = {name: getattr(member, name) for name in wire_names(ProjectMember)}
            fields = {name: value for name, value in given.items() if value is not None}
            extra, of = member.extra, member.project_id
        if of is not None and record_id(of, "projectId") != project:
            raise InvalidOptionError("a member belongs to another project than project_id. Nothing was sent.")
        # The page has the project both as an option and in the body.
        return body_of(ProjectMember, {**fields, "project_id": project, "extra": extra})
