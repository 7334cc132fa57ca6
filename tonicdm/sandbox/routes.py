"""The operations of the reference as values: path, options, and what they read or change."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Literal

import attrs

Action = Literal["list", "create", "change", "delete", "single"]

SEARCH = ("searchQuery",)
IDS = ("filterIDs",)
STATUS = ("filterStatuses",)
PAGING = ("data_quantity", "pageSize", "pageNumber")
SORT = ("sortBy", "sortDirection")
CHANGED = ("updated_after",)

QUERY_NAMES: Mapping[str, str] = {"filterIDs": "filterIds", "data_quantity": "dataQuantity"}
"""Names of options in the query string where they differ from the header's (reference, x-query-name)."""


@attrs.frozen(kw_only=True)
class Operation:
    """One method on one path."""

    method: str
    """HTTP method."""
    path: str
    """Path, without any prefix."""
    action: Action
    """What it does."""
    record_type: str = ""
    """Record type of the world, or the name of a single answer."""
    options: tuple[str, ...] = ()
    """Options the reference lists, by header name."""
    required: tuple[str, ...] = ()
    """Those without which it is a 400."""
    concepts: tuple[str, ...] = ()
    """Further options, which only the concepts page shows ("Non-standard Patterns")."""
    parents: str | None = None
    """Column that filterIDs asks for where it takes IDs of other records (labels, thumbnails, parts)."""
    always: str | None = None
    """A test that every record of the list passes, see `filters.match`."""
    workflow: bool = False
    """A workflow list, whose reference shows no paging; see the setting workflow_paging."""

    @functools.cached_property
    def accepted(self) -> frozenset[str]:
        """All options that may come; data_quantity always ("Each endpoint has a parameter", concepts page)."""
        paging = PAGING if self.workflow else ()
        return frozenset({*self.options, *self.concepts, *paging, "data_quantity"})

    @property
    def name(self) -> str:
        """Method and path, as in settings and reports."""
        return f"{self.method} {self.path}"


def _list(path: str, record_type: str, *options: str, **settings: object) -> Operation:
    return Operation(method="GET", path=path, action="list", record_type=record_type, options=options, **settings)  # type: ignore[arg-type]


def _single(path: str, record_type: str, *options: str, required: tuple[str, ...] = ()) -> Operation:
    return Operation(
        method="GET", path=path, action="single", record_type=record_type, options=options, required=required
    )


def _create(path: str, record_type: str, *required: str) -> Operation:
    return Operation(
        method="POST", path=path, action="create", record_type=record_type, options=required, required=required
    )


def _change(path: str, record_type: str) -> Operation:
    return Operation(method="PATCH", path=path, action="change", record_type=record_type)


def _delete(path: str, record_type: str, *, required: tuple[str, ...] = ("id",)) -> Operation:
    return Operation(
        method="DELETE", path=path, action="delete", record_type=record_type, options=required, required=required
    )


OPERATIONS: tuple[Operation, ...] = (
    _single("/core/me", "me"),
    _change("/core/me", "me"),
    _single("/core/persons/me", "me"),
    _list(
        "/core/persons", "persons",
        *SEARCH, *IDS, "filterOrganizationIds", *STATUS, "filterDisciplines", "filterOfficeIds", *PAGING, *SORT,
        *CHANGED,
    ),
    _create("/core/persons", "persons"),
    _change("/core/persons", "persons"),
    _list(
        "/core/emailaddresses", "email_addresses",
        *SEARCH, *IDS, "filterBrandIds", *STATUS, "filterDisciplineIds", "filterOfficeIds", *PAGING, "sortDirection",
        *CHANGED,
    ),
    _create("/core/emailaddresses", "email_addresses"),
    _change("/core/emailaddresses", "email_addresses"),
    _list(
        "/core/organizations", "organizations",
        *SEARCH, *IDS, *STATUS, "filterDisciplines", *PAGING, "sortDirection", *CHANGED,
    ),
    _single("/core/organizations/me", "my_organization"),
    _list("/core/organizations/me/staff", "persons", always="staff"),
    _list(
        "/core/brands", "brands",
        *SEARCH, *IDS, *STATUS, "filterDisciplineIds", *PAGING, *SORT, "filterOrganizationIds", *CHANGED,
    ),
    _change("/core/brands", "brands"),
    _list("/core/offices", "offices", *SEARCH, *IDS, "filterOrganizationIds", *STATUS, *PAGING, *SORT, *CHANGED),
    _create("/core/offices", "offices"),
    _change("/core/offices", "offices"),
    _list("/core/projects", "projects", *SEARCH, *IDS, "filterOrganizationIds", *STATUS, *PAGING, *SORT, *CHANGED),
    _create("/core/projects", "projects"),
    _change("/core/projects", "projects"),
    _list(
        "/core/team", "team", "projectId", *SEARCH, *STATUS, "filterDisciplines", *PAGING, *SORT,
        required=("projectId",),
    ),
    _create("/core/team", "team", "projectId"),
    _create("/core/groups", "groups"),
    _change("/core/groups", "groups"),
    _list(
        "/core/labels", "labels", *SEARCH, *IDS, *STATUS, "filterObjectType", *PAGING, "sortDirection",
        parents="object",
    ),
    _list("/core/notes", "notes", *SEARCH, *IDS, *STATUS, *PAGING, *SORT, *CHANGED),
    _create("/core/notes", "notes"),
    _change("/core/notes", "notes"),
    _list("/core/disciplines", "disciplines"),
    _list("/core/certification-definitions", "certification_definitions", *SEARCH, *IDS, *STATUS, "data_quantity"),
    _list("/fileset/filesets", "filesets", *IDS, required=IDS),
    _list("/fileset/files", "files", "filterFilesetIds", *IDS),
    _list("/fileset/thumbnails", "thumbnails", *IDS, "filterThumbnailSize", parents="file"),
    _single("/fileset/expiry-url", "expiry_url"),
    _single("/fileset/multi-part-initialize", "presigned_upload", "filesetId", "contentType", "filePathNameExt"),
    _list(
        "/fileset/cloudfilesystem-children", "cloud_children",
        "platform", "folderId", "projectId", "workflow", *SEARCH, "sortDirection",
        required=("platform",), always="root",
    ),
    _create("/fileset/cloudfilesystem-children", "cloud_children"),
    _change("/fileset/cloudfilesystem-children", "cloud_children"),
    _delete("/fileset/cloudfilesystem-children", "cloud_children", required=()),
    _list("/correspondence/conversations", "conversations", *IDS),
    _list(
        "/workflow/rfis", "rfis",
        *IDS, "filterWorkflows", "filterStages", "filterFrom", "filterTo", "filterCc", *CHANGED,
        workflow=True, concepts=("projectId", "filterStatus", *SORT),
    ),
    _create("/workflow/rfis", "rfis"),
    _change("/workflow/rfis", "rfis"),
    _delete("/workflow/rfis", "rfis"),
    _create("/workflow/rfi-integrations", "rfi_integrations"),
    _list("/workflow/rfi-parts", "rfi_parts", *IDS, "filterPartIds", parents="item"),
    _list("/workflow/submittals", "submittals", *IDS, *CHANGED, workflow=True),
    _create("/workflow/submittals", "submittals"),
    _change("/workflow/submittals", "submittals"),
    _delete("/workflow/submittals", "submittals"),
    _delete("/workflow/pcos", "pcos"),
    _list("/workflow/pco-parts", "pco_parts", *IDS, parents="item"),
    _list("/workflow/cos", "cos", *IDS, *CHANGED, workflow=True),
    _create("/workflow/cos", "cos"),
    _change("/workflow/cos", "cos"),
    _delete("/workflow/cos", "cos"),
    _list("/workflow/tasks", "tasks", *IDS, *CHANGED, workflow=True),
    _list("/workflow/filetransfers", "file_transfers", *IDS, *CHANGED, workflow=True),
    _list("/workflow/filetransfer-parts", "file_transfer_parts", *IDS, "filterPartIds", parents="item"),
    _list(
        "/global/tenants", "tenants",
        *SEARCH, *IDS, *STATUS, "filterIndustryRoles", "filterCustomerTypes", "filterDisciplineIds", *PAGING, *SORT,
    ),
    _single("/tokens/token", "third_party_token", "platform", "source", required=("platform", "source")),
)  # fmt: skip

PATHS: frozenset[str] = frozenset(operation.path for operation in OPERATIONS)
"""All paths."""
BY_NAME: Mapping[tuple[str, str], Operation] = {(o.method, o.path): o for o in OPERATIONS}
"""Operations by method and path."""
KNOWN_OPTIONS: frozenset[str] = frozenset(name for o in OPERATIONS for name in o.accepted)
"""Every option of any operation."""
