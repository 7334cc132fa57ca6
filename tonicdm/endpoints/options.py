"""The options of TonicDM's operations: their spellings on the wire, and their types for users."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypedDict

from tonicdm.errors import InvalidOptionError
from tonicdm.http import operation as encode
from tonicdm.http.headers import is_header_name, is_reserved
from tonicdm.http.operation import NOTHING_SENT, Operation, Parameter
from tonicdm.late import LateModule
from tonicdm.types import IDLike, ListOf, OnInvalid

if TYPE_CHECKING:
    from tonicdm.models import enums
else:
    enums = LateModule("tonicdm.models.enums")

Encoder: TypeAlias = Callable[[str, Any], str]

IDS = encode.identities
WORDS = encode.array(encode.text)

DATA_QUANTITY: Final = Parameter("data_quantity", encode.text, query="dataQuantity")
"""Sent on every call (concepts page, "Rate Limiting": each endpoint has it)."""

MAX_PAGE_SIZE: Final = 1000
"""Most records of a page (reference: pageSize)."""
DEFAULT_PAGE: Final = 50
"""Records of a page when the server sees no pageSize (reference: pageSize)."""

FILTER_IDS: Final = Parameter("filterIDs", IDS, query="filterIds")
FILTER_PART_IDS: Final = Parameter("filterPartIds", IDS)

_KNOWN: Final[Mapping[str, Parameter]] = {
    "content_type": Parameter("contentType", encode.text),
    "file_path_name_ext": Parameter("filePathNameExt", encode.text),
    "fileset_id": Parameter("filesetId", encode.identity),
    "filter_brand_ids": Parameter("filterBrandIds", IDS),
    "filter_cc": Parameter("filterCc", WORDS),
    "filter_customer_types": Parameter("filterCustomerTypes", WORDS),
    "filter_discipline_ids": Parameter("filterDisciplineIds", IDS),
    "filter_disciplines": Parameter("filterDisciplines", IDS),
    "filter_fileset_ids": Parameter("filterFilesetIds", IDS),
    "filter_from": Parameter("filterFrom", WORDS),
    "filter_ids": FILTER_IDS,
    "filter_industry_roles": Parameter("filterIndustryRoles", WORDS),
    "filter_object_type": Parameter("filterObjectType", encode.text),
    "filter_office_ids": Parameter("filterOfficeIds", IDS),
    "filter_organization_ids": Parameter("filterOrganizationIds", IDS),
    "filter_stages": Parameter("filterStages", WORDS),
    "filter_status": Parameter("filterStatus", encode.text),
    "filter_statuses": Parameter("filterStatuses", WORDS),
    "filter_thumbnail_size": Parameter("filterThumbnailSize", encode.text),
    "filter_to": Parameter("filterTo", WORDS),
    "filter_workflows": Parameter("filterWorkflows", WORDS),
    "folder_id": Parameter("folderId", encode.text),
    "id": Parameter("id", encode.identity),
    "page_number": Parameter("pageNumber", encode.integer(1)),
    "page_size": Parameter("pageSize", encode.integer(1, MAX_PAGE_SIZE)),
    "platform": Parameter("platform", encode.text),
    "project_id": Parameter("projectId", encode.identity),
    "search_query": Parameter("searchQuery", encode.json_text),
    "sort_by": Parameter("sortBy", encode.text),
    "sort_direction": Parameter("sortDirection", encode.text),
    "source": Parameter("source", encode.text),
    "updated_after": Parameter("updated_after", encode.moment),
    "workflow": Parameter("workflow", encode.text),
}


def options(*names: str, **own: Parameter) -> dict[str, Parameter]:
    """Pick options by Python name; *own* are those of one endpoint only, or known ones under another name."""
    return {**{name: _KNOWN[name] for name in names}, **own}


OPTION_NAMES: Final = frozenset(
    name.lower()
    for option in (*_KNOWN.values(), DATA_QUANTITY, FILTER_PART_IDS)
    for name in (option.name, option.query_name)
)
"""How options are spelled on the wire, in lower case: a header line of such a name changes what is asked for."""


def named(given: Mapping[str, Any], write: Encoder = encode.text) -> dict[str, Parameter]:
    """Make options of wire names that a user gives.

    Args:
        given: Values by wire name.
        write: Turns them into texts.

    Raises:
        InvalidOptionError: A name can't be a header's, or is that of a header which is no option.
    """
    for name in given:
        if not is_header_name(name):
            raise InvalidOptionError(f"the name of an option must be a header's name, not {name!r}. Nothing was sent.")
        if is_reserved(name):
            raise InvalidOptionError(f"{name} is no option; this package or aiohttp writes it. Nothing was sent.")
    return {name: Parameter(name, write) for name in given}


def passed(operation: Operation, given: Any) -> dict[str, Parameter]:
    """Make options of an operation out of those that its documents do not show, by wire name.

    Raises:
        InvalidOptionError: One of them is an argument of its own, or is sent by this package itself.
    """
    if not isinstance(given, Mapping):
        raise InvalidOptionError(
            f"options must map wire names to values, not be a {type(given).__name__}. {NOTHING_SENT}"
        )
    made = named(given, encode.plain)
    arguments = {
        spelling.lower(): name for name, option in operation.options.items() for spelling in _spellings(name, option)
    }
    for name in made:
        if (argument := arguments.get(name.lower())) is not None:
            raise InvalidOptionError(f"{name} is the argument {argument}=, not one of options=. {NOTHING_SENT}")
        if name.lower() in _OWN_OPTIONS:
            raise InvalidOptionError(f"{name} is sent by this package itself, not as one of options=. {NOTHING_SENT}")
    if UPDATED_AFTER in made:
        made[UPDATED_AFTER] = Parameter(UPDATED_AFTER, encode.moment)
    return made


SORT_BY: Final = "sort_by"


class SortField(str):
    """The wire name of a field to sort by, which may be sent."""

    __slots__ = ()


def sort_field(value: Any, names: Sequence[str]) -> SortField:
    """Return the wire name of a field to sort by.

    Args:
        value: Its Python name or its wire name, or what this has returned before.
        names: The Python names of the fields that the list can be sorted by.

    Raises:
        InvalidOptionError: It is none of them.
    """
    if isinstance(value, SortField):
        return value
    from tonicdm.codec import camel  # loaded with the first record

    wire = {name: camel(name) for name in names}
    if isinstance(value, str) and (value in wire or value in wire.values()):
        return SortField(wire.get(value, value))
    import difflib

    near = difflib.get_close_matches(str(value), wire, 1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise InvalidOptionError(
        f"sort_by must be one of {', '.join(wire)}, not {value!r}{hint} A field that is not listed here goes into "
        f"options={{'sortBy': ...}}. {NOTHING_SENT}"
    )


def _spellings(name: str, option: Parameter) -> tuple[str, str, str]:
    return name, option.name, option.query_name


UPDATED_AFTER: Final = "updated_after"
"""Named by the concepts page as a filter of every object type ("Use Cases"), and shown by no page of the reference for
some lists."""

_OWN_OPTIONS: Final = frozenset(
    spelling.lower()
    for name in ("page_size", "page_number")
    for spelling in _spellings(name, _KNOWN[name])
) | {spelling.lower() for spelling in _spellings("data_quantity", DATA_QUANTITY)}  # fmt: skip


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
    options: Mapping[str, Any]
    """Options that this package does not know for the list, by wire name: texts, numbers, booleans, times, or lists of
    them. ``{"updated_after": time}`` where the reference shows none: a first page whose records do not say when they
    changed, or say that they changed before, ends in `OptionIgnoredError`."""
    on_ignored: Literal["raise", "accept"]
    """What to do where an answer contradicts an option: ``raise`` an `OptionIgnoredError`, unless ``accept`` is given,
    which takes the records as they come. A page that comes twice is an error all the same."""


class IDsOption(TypedDict, total=False):
    """The option of lists that can be cut to known records."""

    filter_ids: ListOf[IDLike]
    """Only these records; every other filter is ignored then (reference: filterIDs). More than one call holds are asked
    for in several, in the order of the IDs; with a ``sort_by`` all are read before the first comes."""


class UpdatedOption(TypedDict, total=False):
    """The option of lists that can be cut by time."""

    updated_after: datetime.datetime | datetime.date
    """Only records changed after this; aware datetimes only (concepts page, "Use Cases")."""


class SearchOptions(Reading, total=False):
    """Options of lists that can be searched."""

    search_query: str | Mapping[str, Any] | Sequence[Any]
    """JSON, as text or as values; its grammar is not documented."""
    filter_statuses: ListOf[enums.Status | str]
    """Only records with these statuses: ``active``, ``inactive``, ``deleted``; ``active`` alone when this is absent."""


class PageOptions(SearchOptions, total=False):
    """Options of lists that are read in pages."""

    page_size: int
    """Records of a page, from 1 to 1000; 1000 unless given, because a page's price does not depend on it."""
    sort_direction: Literal["asc", "desc"]
    """Direction of the order."""


class ItemOptions(Reading, IDsOption, UpdatedOption, total=False):
    """Options of lists of workflow items."""


def options_of(typed_dict: type[Any], *more: str, **own: Parameter) -> dict[str, Parameter]:
    """Pick the options that a TypedDict of a list names, as `options` does.

    Args:
        typed_dict: The TypedDict; `Reading` in it is left out, and the page's number goes with its size.
        more: Further options by Python name.
        own: Options of this list only, or known ones under another name.
    """
    names = [name for name in typed_dict.__annotations__ if name not in Reading.__annotations__ and name not in own]
    paging = ["page_number"] if "page_size" in names else []
    return options(*more, *names, *paging, **own)
