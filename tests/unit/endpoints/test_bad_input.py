"""Wrong input to any method is a clear error, and nothing leaves."""

from __future__ import annotations

import datetime
import inspect
import uuid
from collections.abc import Awaitable
from typing import Any

import aiohttp
import pytest

from tests.cases import for_each
from tests.contract.calls import ID, arguments, client, endpoint_class, methods
from tests.contract.mocking import mocked
from tonicdm import InvalidIDError, InvalidOptionError, Paginator
from tonicdm.models import GroupMember, PersonEmailAddress, ProjectMember, Reference, RfiPart

NAIVE = datetime.datetime(2026, 2, 3)  # noqa: DTZ001 - that it is naive is the point


class NoOffset(datetime.tzinfo):
    """A zone that knows no offset, which Python calls naive."""

    def utcoffset(self, _: datetime.datetime | None) -> None:
        return None


ODD = NAIVE.replace(tzinfo=NoOffset())
NOT_IDS: list[Any] = ["", "zz", ID[1:], ID + "0", str(uuid.UUID(ID)), f"{ID}\r\nX: y", 5]
NOT_ID_LISTS: list[Any] = [ID, [], ["zz"], [ID, str(uuid.UUID(ID))], {ID: 1}, 5]
NOT_WORDS: list[Any] = ["active", [], [""], ["a,b"], ["a\r\nX: y"], [5]]
NOT_LINES: list[Any] = ["", " ", "a\r\nX: y", "a\x00b", " a", "Zürich", 5, "x" * 9000]
NOT_FLAGS: list[Any] = ["false", 0, []]
NOT_TEXTS: list[Any] = [5, True, ["a"], {"a": 1}]

WRONG: dict[str, list[Any]] = {
    **dict.fromkeys(
        ["record", "project_id", "fileset_id", "attached_to_id", "person_id", "brand_id", "owner_id", "office_id",
         "organization_id", "responsible_person_id", "office", "item_discipline"], NOT_IDS,
    ),
    **dict.fromkeys(
        ["filter_ids", "filter_organization_ids", "filter_office_ids", "filter_brand_ids", "filter_discipline_ids",
         "filter_disciplines", "filter_fileset_ids", "object_ids", "file_ids", "rfi_ids", "pco_ids", "part_ids",
         "file_transfer_ids"], NOT_ID_LISTS,
    ),
    **dict.fromkeys(
        ["filter_statuses", "filter_workflows", "filter_stages", "filter_from", "filter_to", "filter_cc",
         "filter_industry_roles", "filter_customer_types"], NOT_WORDS,
    ),
    **dict.fromkeys(
        ["sort_by", "sort_direction", "filter_status", "filter_object_type", "filter_thumbnail_size", "folder_id",
         "workflow", "platform", "source", "content_type", "file_path_name_ext"], NOT_LINES,
    ),
    **dict.fromkeys(
        ["name", "address", "title", "content", "our_number", "our_title", "our_specsection", "cost", "time",
         "name_long", "name_short", "name_initials", "project_number", "project_name_legal", "zone", "stage",
         "project_name_known_as", "customer_crm_id", "email_address", "purpose", "scope"], NOT_TEXTS,
    ),
    **dict.fromkeys(
        ["is_locked", "is_prime", "is_printed", "daily_reminder", "manual_stage", "our_response_required"], NOT_FLAGS,
    ),
    "records": [ID, ["zz"], [ID, 5], uuid.UUID(ID), 5, None],
    "data_quantity": ["everything", "", 5, None],
    "page_size": [0, 1001, -1, "10", True, 2.5],
    "start_page": [0, -1, "1", True, 1.5],
    "prefetch": [-1, "1", True],
    "on_invalid": ["ignore", None, True],
    "max_pages": [0, -1, "5", True, 1.5],
    "updated_after": [NAIVE, ODD, "2026-02-03", 5],
    "search_query": ["", "a\r\nX: y", {"x": float("nan")}, {"x": object()}],
    "manual_received_datetime": [NAIVE, "yesterday", 5],
    "our_response_required_date": ["soon", 5],
    "date_active": ["soon", 5],
    "phone_number": ["12", True],
    "domains": ["pacific.com", [5], [None]],
    "disciplines": ["zz", ["zz"], [5], [Reference(id="zz")]],
    "email_addresses": ["mel@pacific.com", [5], [{"isPrime": "yes"}], [PersonEmailAddress(person_id="zz")]],
    "members": ["zz", [5], [GroupMember(email_address_id="zz")]],
    "parts": ["zz", [5], [{"title": 5}], [RfiPart(item_id="zz")], [RfiPart(action_datetime=NAIVE)]],
    "status": [5.5, [], True],
    "cache": [
        [ID], {"zz": None}, {5: None}, {ID: NAIVE}, {ID: ODD}, {ID: NAIVE.date()}, {ID: "2026-02-03T00:00:00Z"}, None,
    ],
    "max_age": [-1, float("nan"), "5", True, 5],
    "resolve": ["office", ["office"], [5]],
    "extra": [{"x": NAIVE}, {"x": ODD}, {"x": float("inf")}, {"x": object()}],
    "options": [
        {}, {"child": ""}, {"child": "a\r\nX: y"}, {"child\r\nX": "y"}, {"": "x"}, {"a b": "x"}, {"ä": "x"},
        {"Authorization": "x"}, {"host": "x"}, {"data_quantity": "basic"}, {"a": "1", "A": "2"},
        {"child": object()}, {"child": None}, {"updated_after": ODD},
    ],
    "on_ignored": ["", "skip", None, 5],
    "child": [""],
}  # fmt: skip
"""Wrong values for the arguments of any method."""


def refused_when_sent(*_: Any, **__: Any) -> Any:
    pytest.fail("something was sent")


async def attempt(tonic: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    noun, _, method = name.partition(".")
    result = getattr(getattr(tonic, noun), method)(*args, **kwargs)
    await (result.all() if isinstance(result, Paginator) else result)


async def refusal(work: Awaitable[None]) -> str:
    try:
        await work
    except InvalidOptionError as error:
        return str(error)
    return ""


@for_each("name", methods())
async def test_a_wrong_value_of_any_argument_is_refused_before_anything_is_sent(name: str):
    args, kwargs = arguments(name)
    async with aiohttp.ClientSession() as session, client(session) as tonic:
        with mocked(refused_when_sent):
            for argument in kwargs:
                # A list needs no options; a deletion of a cloud file has nothing else to name the file by.
                idle = () if "delete" in name else ({}, {"child": None})
                values = [one for one in WRONG.get(argument, []) if one not in idle]
                for value in values:
                    said = await refusal(attempt(tonic, name, args, {**kwargs, argument: value}))
                    assert "Nothing was sent" in said, f"{argument}={value!r} was taken"
        seen = tonic.budget.snapshot()
        assert (seen.reserved, seen.remaining) == (0, seen.limit)


@for_each("name", methods())
async def test_an_argument_that_a_method_does_not_know_is_refused(name: str):
    args, kwargs = arguments(name)
    noun, _, method = name.partition(".")
    parameters = inspect.signature(getattr(endpoint_class(noun), method)).parameters.values()
    free = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters)
    async with aiohttp.ClientSession() as session, client(session) as tonic:
        with mocked(refused_when_sent), pytest.raises(InvalidOptionError if free else TypeError, match="zz_nonsense"):
            await attempt(tonic, name, args, {**kwargs, "zz_nonsense": 1})


@for_each("name", [name for name in methods() if name.endswith(".update")])
async def test_a_change_of_nothing_is_refused(name: str):
    from tonicdm import UNSET

    _, kwargs = arguments(name)
    needed = {key: value for key, value in kwargs.items() if key in {"record", "child"}}
    required = {key: UNSET for key in kwargs if key in {"project_number", "project_name_legal"} and "projects" in name}
    async with aiohttp.ClientSession() as session, client(session) as tonic:
        with mocked(refused_when_sent), pytest.raises(InvalidOptionError, match="at least one field"):
            await attempt(tonic, name, (), {**needed, **required})


@pytest.mark.parametrize(
    "members",
    [
        (),
        (ProjectMember(email_address_id="zz"),),
        (ProjectMember(email_address_id=ID, project_id="0" * 32),),
        (ProjectMember(email_address_id=ID, is_executive="yes"),),
    ],
    ids=["none", "a wrong ID", "another project", "a text for a boolean"],
)
async def test_wrong_members_are_refused(members: tuple[ProjectMember, ...]):
    async with aiohttp.ClientSession() as session, client(session) as tonic:
        with mocked(refused_when_sent), pytest.raises(InvalidOptionError, match="Nothing was sent"):
            await tonic.team.add(ID, *members)


async def test_an_error_names_the_argument_and_not_its_value():
    async with aiohttp.ClientSession() as session, client(session) as tonic:
        with mocked(refused_when_sent), pytest.raises(InvalidIDError, match="office_id") as caught:
            await tonic.persons.update(ID, office_id="hunter2")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("noun", ["team", "thumbnails", "cloud_folders", "rfi_parts", "pco_parts"])
async def test_stubs_of_records_without_ids_are_refused(noun: str):
    _, kwargs = arguments(f"{noun}.list")
    async with aiohttp.ClientSession() as session, client(session) as tonic:
        with mocked(refused_when_sent), pytest.raises(InvalidOptionError, match="no record IDs"):
            await attempt(tonic, f"{noun}.list", (), {**kwargs, "data_quantity": "id_only"})


NESTED: dict[str, list[Any]] = {
    "rfis.create": [{"parts": [{"fileset_id": "nonsense"}]}, {"reason_code": {"brandId": "nonsense"}}],
    "rfis.update": [{"parts": [{"title": "x"}, {"item_id": "nonsense"}]}, {"item_discipline": {"id": "nonsense"}}],
    "submittals.create": [{"parts": [{"from_organization_id": str(uuid.UUID(ID))}]}],
    "cos.update": [{"parts": ({"fileset_id": ID[1:]},)}],
    "persons.create": [
        {"email_addresses": [{"personId": "nonsense"}]},
        {"email_addresses": [PersonEmailAddress(email_address="a@b.de"), {"id": "nonsense"}]},
    ],
    "persons.update": [{"office": {"organizationId": "nonsense"}}, {"office": {"id": str(uuid.UUID(ID))}}],
    "brands.update": [{"disciplines": [{"id": "nonsense"}]}],
    "groups.create": [{"members": [{"emailAddressId": "nonsense"}]}],
    "me.update": [{"division1": {"id": "nonsense"}}],
    "offices.create": [{"extra": {"organizationId": "nonsense"}}],
    "notes.create": [{"extra": {"personId": "nonsense"}}],
}
"""IDs inside JSON objects, wherever the models know one."""


@for_each(("name", "wrong"), [(name, one) for name, ones in NESTED.items() for one in ones])
async def test_an_id_inside_a_json_object_is_checked_by_the_models_fields(name: str, wrong: dict[str, Any]):
    """At any depth, before anything is sent; the error names the place and not the value."""
    _, kwargs = arguments(name)
    async with aiohttp.ClientSession() as session, client(session) as tonic:
        with mocked(refused_when_sent), pytest.raises(InvalidIDError) as caught:
            await attempt(tonic, name, (), {**kwargs, **wrong})
    (field,) = wrong
    assert f"{field}" in str(caught.value)
    assert "nonsense" not in str(caught.value)


async def test_a_wrong_id_in_a_member_given_as_json_is_refused():
    async with aiohttp.ClientSession() as session, client(session) as tonic:
        with mocked(refused_when_sent):
            for member in ({"emailAddressId": "nonsense"}, {"emailAddressId": ID, "projectId": "0" * 32}):
                with pytest.raises(InvalidOptionError, match="Nothing was sent"):
                    await tonic.team.add(ID, member)
