"""The options of TonicDM's operations: their spellings on the wire, and their types for users."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypedDict

from tonicdm.errors import InvalidOptionError
from tonicdm.http import operation as encode
from tonicdm.http.operation import Option
from tonicdm.models import Status
from tonicdm.types import IDLike, OnInvalid

IDS = encode.array(encode.identity)
WORDS = encode.array(encode.text)

DATA_QUANTITY: Final = Option("data_quantity", encode.text, query="dataQuantity")
"""Sent on every call (concepts page, "Rate Limiting": each endpoint has it)."""

LARGEST_PAGE: Final = 1000
"""Most records of a page (reference: pageSize)."""
DEFAULT_PAGE: Final = 50
"""Records of a page when the server sees no pageSize (reference: pageSize)."""

FILTER_IDS: Final = Option("filterIDs", IDS, query="filterIds")
FILTER_PART_IDS: Final = Option("filterPartIds", IDS)

_KNOWN: Final[Mapping[str, Option]] = {
    "content_type": Option("contentType", encode.text),
    "file_path_name_ext": Option("filePathNameExt", encode.text),
    "fileset_id": Option("filesetId", encode.identity),
    "filter_brand_ids": Option("filterBrandIds", IDS),
    "filter_cc": Option("filterCc", WORDS),
    "filter_customer_types": Option("filterCustomerTypes", WORDS),
    "filter_discipline_ids": Option("filterDisciplineIds", IDS),
    "filter_disciplines": Option("filterDisciplines", IDS),
    "filter_fileset_ids": Option("filterFilesetIds", IDS),
    "filter_from": Option("filterFrom", WORDS),
    "filter_ids": FILTER_IDS,
    "filter_industry_roles": Option("filterIndustryRoles", WORDS),
    "filter_object_type": Option("filterObjectType", encode.text),
    "filter_office_ids": Option("filterOfficeIds", IDS),
    "filter_organization_ids": Option("filterOrganizationIds", IDS),
    "filter_stages": Option("filterStages", WORDS),
    "filter_status": Option("filterStatus", encode.text),
    "filter_statuses": Option("filterStatuses", WORDS),
    "filter_thumbnail_size": Option("filterThumbnailSize", encode.text),
    "filter_to": Option("filterTo", WORDS),
    "filter_workflows": Option("filterWorkflows", WORDS),
    "folder_id": Option("folderId", encode.text),
    "id": Option("id", encode.identity),
    "page_number": Option("pageNumber", encode.integer(1)),
    "page_size": Option("pageSize", encode.integer(1, LARGEST_PAGE)),
    "platform": Option("platform", encode.text),
    "project_id": Option("projectId", encode.identity),
    "search_query": Option("searchQuery", encode.json_text),
    "sort_by": Option("sortBy", encode.text),
    "sort_direction": Option("sortDirection", encode.text),
    "source": Option("source", encode.text),
    "updated_after": Option("updated_after", encode.moment),
    "workflow": Option("workflow", encode.text),
}


def options(*names: str, **own: Option) -> dict[str, Option]:
    """Pick options by Python name; *own* are those of one endpoint only, or known ones under another name."""
    return {**{name: _KNOWN[name] for name in names}, **own}


_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OWN_HEADERS: Final = frozenset(
    {
        "accept",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "host",
        "transfer-encoding",
        "user-agent",
    }
)
"""Headers that this package sends itself."""


def named(given: Mapping[str, str]) -> dict[str, Option]:
    """Make options of wire names that a user gives.

    Raises:
        InvalidOptionError: A name can't be a header's, or is that of a header which is no option.
    """
    for name in given:
        if not _TOKEN.fullmatch(name):
            raise InvalidOptionError(f"the name of an option must be a header's name, not {name!r}. Nothing was sent.")
        if name.lower() in _OWN_HEADERS:
            raise InvalidOptionError(f"{name} is no option; this package sends it itself. Nothing was sent.")
    return {name: Option(name, encode.text) for name in given}


class Reading(TypedDict, total=False):
    """How a list is read; not sent."""

    start_page: int
    """The first page to fetch; 1 unless given."""
    prefetch: int
    """Pages to fetch ahead of the one being read; each is paid for, read or not. None unless given."""
    on_invalid: OnInvalid
    """What becomes of an element that is no record: ``raise``, unless given, ends the list with an error that carries
    the others; ``skip`` leaves it out and in `Paginator.skipped`."""
    max_pages: int
    """Pages after which a list counts as one that never ends; 10,000 unless given."""


class IDsOption(TypedDict, total=False):
    """The option of lists that can be cut to known records."""

    filter_ids: Sequence[IDLike]
    """Only these records; every other filter is ignored then. `get_many` splits long lists."""


class UpdatedOption(TypedDict, total=False):
    """The option of lists that can be cut by time."""

    updated_after: datetime.datetime | datetime.date
    """Only records changed after this; aware datetimes only (concepts page, "Use Cases")."""


class SearchOptions(Reading, total=False):
    """Options of lists that can be searched."""

    search_query: str | Mapping[str, Any] | Sequence[Any]
    """JSON, as text or as values; its grammar is not documented."""
    filter_statuses: Sequence[Status | str]
    """Only records with these statuses: ``active``, ``inactive``, ``deleted``; ``active`` alone when this is absent."""


class PageOptions(SearchOptions, total=False):
    """Options of lists that are read in pages."""

    page_size: int
    """Records of a page, from 1 to 1000; 1000 unless given, because a page's price does not depend on it."""
    sort_direction: Literal["asc", "desc"]
    """Direction of the order."""


class ItemOptions(Reading, IDsOption, UpdatedOption, total=False):
    """Options of lists of workflow items."""


def options_of(kind: type[Any], *more: str, **own: Option) -> dict[str, Option]:
    """Pick the options that a TypedDict of a list names, as `options` does.

    Args:
        kind: The TypedDict; `Reading` in it is left out, and the page's number goes with its size.
        more: Further options by Python name.
        own: Options of this list only, or known ones under another name.
    """
    names = [name for name in kind.__annotations__ if name not in Reading.__annotations__ and name not in own]
    paging = ["page_number"] if "page_size" in names else []
    return options(*more, *names, *paging, **own)
