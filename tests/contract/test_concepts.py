"""The concepts page of TonicDM, sentence by sentence: each test cites what it shows.

What no client can show is listed with its reason, so that no sentence is forgotten.
"""

from __future__ import annotations

import asyncio
import datetime
import inspect
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import pytest

from tests.integration.client.conftest import drive
from tonicdm import (
    AuthenticationError,
    BadRequestError,
    DataQuantity,
    EndpointNotFoundError,
    InvalidIDError,
    InvalidOptionError,
    OptionIgnoredError,
    PermissionDeniedError,
    RateLimitedError,
    RecordNotFoundError,
    RetryPolicy,
    ServerError,
    TonicDM,
    UnitBudget,
)
from tonicdm.clock import VirtualClock
from tonicdm.endpoints.resources import Resources
from tonicdm.lazy import Lazy
from tonicdm.models import Organization, Person, RecordStub, Status
from tonicdm.sandbox import Sandbox, SandboxSettings
from tonicdm.types import RateLimit

from .concepts import Page, sentences

HEADINGS: Final = frozenset(
    {
        "Last updated", "Welcome", "The Cost to use this API", "Rate Limiting", "Use Cases:", "Managing Rate Limits",
        "Exceeding the rate limit", "To stay below the rate limit:", "Conventions", "Naming Conventions",
        "Status codes and how they should be used:", "Non-standard Patterns", "Definitions", "Tenant",
        "Division1 and Division2", "User", "Organizations", "Brands", "Offices", "Email Addresses, Persons and Staff",
        "Data Residency",
    }
)  # fmt: skip

PAGE: Final = Page(sentences("tonicdm-concepts.txt", HEADINGS))
says = PAGE.says

NOT_SHOWN: Final = {
    "is still being designed": "An invitation.",
    "Use of the TonicDM API has no cost": "What it does cost is the rest of the page.",
    "Understanding the rate limits": "Advice.",
    "By limiting the number of API requests": "The platform's reason.",
    "Applications with client-side caching": "The heading of the advice after it.",
    "is designed to encourage client-side caching": "The platform's reason.",
    "For example:": "Read as RateLimit below.",
    "Event-driven integrations utilizing webhooks": "tests/integration/webhooks: the inbox keeps, the worker waits.",
    "implement client-side caching and": "tests/integration/cached, and the refresh below.",
    "model/schema uses singular": "Names of schemas: tests/contract/test_answers.py reads every one of them.",
    "all lower case with _ as separator": "The page's own filterIDs contradicts it; each option is spelled as the page "
    "or the reference does: tests/contract/test_requests.py.",
    "Typical URLs put object IDs in the path": "What other APIs do.",
    "This style is useful for URLs displayed": "What other APIs do.",
    "The TonicDM API uses": "The beginning of the two sentences after it.",
    "This documentation uses the following terms": "A word to the reader.",
    "Terms with special meaning": "A word to the reader.",
    "It is important to read through": "A word to the reader.",
    "A Tenant corresponds to an authentication source": "How customers sign in.",
    "Each TonicDM customer typically": "How customers sign in.",
    "Many Tenants will have only one domain": "How customers sign in.",
    "See Brands below": "A word to the reader.",
    "Companies or people that use a": "tests/integration/sandbox/test_tenants_zones.py: a tenant of one.",
    "A User corresponds to": "How customers sign in.",
    "Typically the Tenant Organization": "What customers do.",
    "Brands serve several purposes": "What customers do.",
    "Compliance:": "What customers do.",
    "where a different company name": "What customers do.",
    "From acquistion": "What customers do.",
    "where the acquired company": "What customers do.",
    "Divisional:": "What customers do.",
    "where a studio within": "What customers do.",
    "will be automatically structured such that each domain is a solo": "The platform structures the data: "
    "tests/integration/sandbox and tests/unit/sandbox.",
    "the Email Address with the Brand's assigned Domain will be preferenced": "The platform's choice.",
    "your organization's general data": "Where the platform stores what.",
    "then the data will have been fully resident": "Where the platform stores what.",
}
"""Sentences that say nothing of what a client does, and those that tests of another place show."""


@pytest.fixture
async def make_box(clock: VirtualClock) -> AsyncIterator[Callable[..., Any]]:
    made: list[Sandbox] = []

    async def make(**settings: Any) -> Sandbox:
        box = Sandbox(records=2_000, seed=3, clock=clock, settings=SandboxSettings(**settings), zones=("de",))
        made.append(await box.__aenter__())
        return made[-1]

    yield make
    for box in made:
        await box.__aexit__(None, None, None)


@pytest.fixture
async def box(make_box: Callable[..., Any]) -> Sandbox:
    found: Sandbox = await make_box()
    return found


@pytest.fixture
async def connect(clock: VirtualClock) -> AsyncIterator[Callable[..., TonicDM]]:
    made: list[TonicDM] = []

    def connect(box: Sandbox, **settings: Any) -> TonicDM:
        settings.setdefault("budget", UnitBudget.memory(clock=clock, max_calls_per_second=None))
        settings.setdefault("base_url", box.url)
        made.append(TonicDM(settings.pop("token", box.token), **settings))
        return made[-1]

    yield connect
    for tonic in made:
        await tonic.close()
        await tonic.budget.close()


@pytest.fixture
def tonic(box: Sandbox, connect: Callable[..., TonicDM]) -> TonicDM:
    return connect(box)


async def cost(box: Sandbox, work: Any) -> tuple[int, Any]:
    """Return the units that *work* was charged, and what it gave."""
    before = box.units()
    result = await work
    return box.units() - before, result


# --- the page itself ------------------------------------------------------------------------------------------------


def test_what_the_tests_cite_stands_on_the_page():
    assert PAGE.strange() == []


def test_every_sentence_of_the_page_is_shown_by_a_test_or_listed_with_its_reason():
    assert [f"{one.section}: {one.text}" for one in PAGE.silent(NOT_SHOWN)] == []


# --- Rate Limiting --------------------------------------------------------------------------------------------------


@says("Rate Limiting", "Each endpoint has a parameter: data_quantity")
async def test_every_endpoint_takes_a_data_quantity():
    """Reads by a keyword or an option, writes by a field."""
    without = {"soft_delete", "delete", "refresh"}
    client = TonicDM("t", base_url="https://example.test", budget=UnitBudget.memory())
    record_types = [name for name, value in vars(Resources).items() if isinstance(value, Lazy)]
    for record_type in record_types:
        endpoint = type(getattr(client, record_type))
        for name, method in inspect.getmembers(endpoint, inspect.isfunction):
            if name.startswith("_") or name in without:
                continue
            parameters = inspect.signature(method).parameters
            asked = "data_quantity" in parameters
            fields = parameters.get("fields") or parameters.get("changes")
            assert asked or (fields is not None and name in {"create", "create_or_find", "update"}), (
                f"{record_type}.{name}"
            )


@says("Rate Limiting", "this will return just the IDs and last updated timestamp", "Each endpoint has a parameter")
async def test_id_only_returns_ids_and_timestamps_for_one_unit_in_lists_and_by_id(tonic: TonicDM, box: Sandbox):
    units, stubs = await cost(box, tonic.persons.list(data_quantity="id_only").all())
    assert units == 1
    assert {type(stub) for stub in stubs} == {RecordStub}
    assert all(stub.id and stub.updated for stub in stubs)
    units, found = await cost(box, tonic.persons.get_many([stub.id for stub in stubs][:240], data_quantity="id_only"))
    assert units == 1
    assert [(stub.id, stub.updated) for stub in found] == [(stub.id, stub.updated) for stub in stubs][:240]


@says(
    "Rate Limiting",
    "and make basic requests for the items you don't have in cache",
    "and make a basic request for the referenced items",
)
@says("Use Cases:", "or if not, they can be retrieved via a separate call for the linked record")
async def test_a_cache_is_used_for_what_is_not_outdated_and_basic_for_the_rest(
    tonic: TonicDM, box: Sandbox, clock: VirtualClock
):
    people = await tonic.persons.list().all()
    cache = {str(person.id): person.updated for person in people}
    clock.advance(3600)
    box.world.update("persons", people[0].id or "", title="Head of Beams")
    units, found = await cost(box, tonic.persons.refresh(cache))
    assert units == -(-len(cache) // 240) + 5
    assert [person.title for person in found.changed] == ["Head of Beams"]
    person = next(one for one in people if one.office is not None)
    assert person.office is not None
    assert person.office.id is not None
    office = await tonic.offices.get(person.office.id)
    assert office.updated == person.office.updated


@says("Rate Limiting", "returns only the fields in that record", "are given as IDs and last updated timestamp")
@says("Use Cases:", "which allows you to pull new or updated records with only the IDs")
async def test_basic_gives_references_as_stubs_for_five_units(tonic: TonicDM, box: Sandbox):
    units, people = await cost(box, tonic.persons.list(data_quantity="basic").all())
    assert units == 5
    offices = [person.office for person in people if person.office is not None]
    assert offices
    assert all(office.is_stub and office.id and office.updated for office in offices)
    assert {person.data_quantity for person in people} == {DataQuantity.BASIC}


@says("Rate Limiting", "and all the fields of the items included by reference")
@says("Use Cases:", "No client-side caching with", "which results in all feilds for the current record")
async def test_complete_gives_references_whole_for_twenty_units(tonic: TonicDM, box: Sandbox):
    units, people = await cost(box, tonic.persons.list(data_quantity="complete").all())
    assert units == 20
    offices = [person.office for person in people if person.office is not None]
    assert all(office.record is not None and office.record.name for office in offices)


@says("Use Cases:", "using the filter updated_after=<prior date> or 2) using WebHooks")
async def test_updated_after_pulls_what_changed_since_for_every_type_whose_reference_has_it(
    tonic: TonicDM, box: Sandbox, clock: VirtualClock
):
    """Where the reference shows none it is asked for by name, and the first page must show that it was heeded."""
    before = datetime.datetime.fromtimestamp(clock.now(), datetime.UTC)
    clock.advance(60)
    for noun in ("persons", "offices", "projects", "rfis", "notes", "brands"):
        (one, *_) = box.world.ids(noun)
        box.world.update(noun, one, **({"our_title": "x"} if noun == "rfis" else {"name": "x"}))
        found = await getattr(tonic, noun).list(updated_after=before, **_all_statuses(noun)).all()
        assert [str(record.id) for record in found] == [one.replace("-", "")], noun
    with pytest.raises(InvalidOptionError, match="updated_after"):
        tonic.disciplines.list(updated_after=before)  # type: ignore[call-overload]
    with pytest.raises(OptionIgnoredError, match="updated_after"):
        await tonic.disciplines.list(options={"updated_after": before}).all()


def _all_statuses(noun: str) -> dict[str, Any]:
    return {} if noun == "rfis" else {"filter_statuses": ["active", "inactive", "deleted"]}


# --- Managing Rate Limits, Exceeding the rate limit -------------------------------------------------------------------


@says("Managing Rate Limits", "rate limit is 3,600 request units per hour", "The rate limit resets every hour")
async def test_what_is_spent_comes_back_with_the_next_hour(tonic: TonicDM, box: Sandbox, clock: VirtualClock):
    await tonic.offices.list(data_quantity="complete").first()
    seen = tonic.budget.snapshot()
    assert (seen.limit, seen.remaining) == (3600, 3580)
    clock.advance(3601)
    await drive(clock, tonic.offices.list(data_quantity="id_only").first(), tonic)
    assert tonic.budget.snapshot().remaining == 3599


@says(
    "Managing Rate Limits",
    "There are three rate limit headers",
    "The total number of request units",
    "The number of request units remaining",
    "The Unix timestamp for when the next window begins",
    "3600",
    "3599",
    "1466182244",
)
def test_the_example_of_the_three_headers_is_read():
    headers = {
        "X-Rate-Limit-Limit": "3600",
        "X-Rate-Limit-Remaining": "3599",
        "X-Rate-Limit-Reset": "1466182244",
    }
    assert RateLimit.from_headers(headers) == RateLimit(3600, 3599, 1466182244)


@says("Exceeding the rate limit", "the client will receive a 429 status code", "headers will still be present")
@says("Exceeding the rate limit", "The response body will contain", "You have surpassed the max", "Please wait until")
@says("Status codes and how they should be used:", "Surpassed the max number of request units")
async def test_a_429_is_an_error_of_its_own_that_says_until_when(box: Sandbox, connect: Callable[..., TonicDM]):
    tonic = connect(box, max_wait=0.0)
    box.spend(3600)
    with pytest.raises(RateLimitedError, match="surpassed the max number of requests") as caught:
        await tonic.offices.list().first()
    assert caught.value.reset_at is not None
    assert caught.value.rate_limit is not None


@says("Exceeding the rate limit", "wait until your limit resets before making any additional calls")
@says("Exceeding the rate limit", "Get the Unix timestamp value", "the time until reset will be extended")
@says("Exceeding the rate limit", "You will see this in the rate limit headers of the 429 response")
async def test_after_a_429_no_call_leaves_before_the_reset_that_was_named(
    tonic: TonicDM, box: Sandbox, clock: VirtualClock
):
    box.spend(3600)
    began = clock.now()
    calls = asyncio.gather(*(tonic.offices.list().first() for _ in range(5)))
    assert all(await drive(clock, calls, tonic))
    entries = [entry for entry in box.journal if entry.path == "/core/offices"]
    refused = [entry for entry in entries if entry.status == 429]
    assert len(refused) == 1, "a further call would have moved the reset away"
    assert min(entry.at for entry in entries if entry.status == 200) >= refused[0].reset
    assert clock.now() - began >= 3500


@says("To stay below the rate limit:", "use filters to pull pages of responses instead of getting only a single record")
async def test_many_records_are_one_call(tonic: TonicDM, box: Sandbox):
    units, people = await cost(box, tonic.persons.get_many(box.world.ids("persons")[:200]))
    assert (units, len(people)) == (5, 200)
    units, _ = await cost(box, tonic.persons.list().all())
    assert units == 5


# --- Naming Conventions -----------------------------------------------------------------------------------------------


@says("Naming Conventions", "with data_quantity=id_only", "paths and parameters are always case-sensitive")
async def test_names_are_sent_as_the_page_spells_them(make_box: Callable[..., Any], connect: Callable[..., TonicDM]):
    box = await make_box(strict_case=True)
    await connect(box).rfis.list(data_quantity="id_only", filter_ids=box.world.ids("rfis")[:1]).all()
    entry = list(box.journal)[-1]
    assert {"data_quantity", "filterIDs"} <= set(entry.options)
    assert (entry.path, entry.client_faults) == ("/workflow/rfis", ())


@says("Naming Conventions", "GET=read, PATCH=update, POST=create and DELETE=truly delete (soft delete is a PATCH")
async def test_each_method_does_what_the_page_says(box: Sandbox, connect: Callable[..., TonicDM]):
    tonic = connect(box, soft_delete_value=4)
    (project, *_) = box.world.ids("projects")
    made = await tonic.rfis.create(project_id=project)
    assert made is not None
    assert made.id is not None
    await tonic.rfis.update(made.id, our_title="Curtain wall")
    assert (await tonic.rfis.get(made.id)).our_title == "Curtain wall"
    await tonic.rfis.soft_delete(made.id)
    assert (await tonic.rfis.get(made.id)).status == Status.DELETED
    await tonic.rfis.delete(made.id)
    with pytest.raises(RecordNotFoundError):
        await tonic.rfis.get(made.id)
    methods = [entry.method for entry in box.journal if entry.path == "/workflow/rfis"]
    assert methods == ["POST", "PATCH", "GET", "PATCH", "GET", "DELETE", "GET"]


@says("Naming Conventions", "Nouns should be in the plural form (/files instead of /file)")
async def test_paths_of_lists_are_plural_and_those_of_singletons_are_not(tonic: TonicDM, box: Sandbox):
    await tonic.files.list().first()
    await tonic.me.get()
    assert [entry.path for entry in box.journal][-2:] == ["/fileset/files", "/core/me"]


@says("Naming Conventions", "IDs are UUID without hyphens (32 characters)")
async def test_an_id_is_32_hex_characters_in_either_case_and_nothing_else_is_sent(tonic: TonicDM, box: Sandbox):
    (one, *_) = box.world.ids("persons")
    assert (await tonic.persons.get(one.upper())).id == one
    before = box.units()
    for wrong in (one[1:], one + "0", "g" * 32, f"{one[:8]}-{one[8:]}"):
        with pytest.raises(InvalidIDError):
            await tonic.persons.get(wrong)
    assert box.units() == before


# --- Status codes -----------------------------------------------------------------------------------------------------


@says("Status codes and how they should be used:", "Successfully read the resource", "in the form of an array")
@says("Status codes and how they should be used:", "if a request correctly results in no data")
async def test_an_array_is_records_and_an_empty_one_is_none(tonic: TonicDM):
    assert len(await tonic.offices.list().all()) > 1
    assert await tonic.persons.list(filter_ids=["0" * 32]).all() == []
    found = await tonic.persons.get_many(["0" * 32])
    assert (len(found), found.missing) == (0, ("0" * 32,))


@pytest.mark.parametrize("shape", ["object", "array"])
@says("Status codes and how they should be used:", "in the form of an array")
async def test_one_record_is_read_as_an_object_and_as_an_array_of_one(
    make_box: Callable[..., Any], connect: Callable[..., TonicDM], shape: str
):
    me = await connect(await make_box(me_shape=shape)).me.get()
    assert me.name == "Employee One"


@pytest.mark.parametrize("shape", ["record", "array", "none"])
@says("Status codes and how they should be used:", "Successfully created", "No content", "there is no data to return")
async def test_a_write_gives_the_record_or_nothing_as_the_server_answers(
    make_box: Callable[..., Any], connect: Callable[..., TonicDM], shape: str
):
    tonic = connect(await make_box(create_body=shape, change_body=shape))
    made = await tonic.offices.create(name="London")
    assert (made is None) == (shape == "none")
    assert made is None or made.name == "London"
    office = await tonic.offices.list().first()
    assert office is not None
    changed = await tonic.offices.update(office.id or "", name="Leeds")
    assert (changed is None) == (shape == "none")


@says("Status codes and how they should be used:", "Bad request", "a client-side error, for example invalid JSON")
async def test_a_400_is_an_error_with_the_servers_words(tonic: TonicDM):
    with pytest.raises(BadRequestError, match="400"):
        await tonic.request("PATCH", "/core/offices", json={"name": ["not a text"]})


@says("Status codes and how they should be used:", "Authentication is missing", "can be fixed by correctly")
async def test_a_401_says_what_to_correct(box: Sandbox, connect: Callable[..., TonicDM]):
    with pytest.raises(AuthenticationError, match="token"):
        await connect(box, token="wrong").me.get()


@says("Status codes and how they should be used:", "Forbidden", "but access to the resource is denied")
async def test_a_403_is_an_error_of_its_own(make_box: Callable[..., Any], connect: Callable[..., TonicDM]):
    box = await make_box(forbidden=("/core/offices",))
    with pytest.raises(PermissionDeniedError):
        await connect(box).offices.list().all()


@says("Status codes and how they should be used:", "The resource cannot be found", "The URL path does not resolve")
@says("Status codes and how they should be used:", "This is a client-side error")
async def test_a_404_means_the_path_and_no_missing_record(tonic: TonicDM):
    with pytest.raises(EndpointNotFoundError):
        await tonic.request("GET", "/core/person")
    with pytest.raises(RecordNotFoundError):
        await tonic.persons.get("0" * 32)


@says("Status codes and how they should be used:", "there was an error on the server-side")
async def test_a_500_is_the_servers_error(box: Sandbox, connect: Callable[..., TonicDM]):
    box.faults.on("server_error")
    with pytest.raises(ServerError):
        await connect(box, retry=RetryPolicy(attempts=1)).offices.list().all()


# --- Non-standard Patterns --------------------------------------------------------------------------------------------


@says("Non-standard Patterns", "filterIDs indicating that this is a filter to return just the listed IDs")
@says("Non-standard Patterns", "facilitate client side caching where a list of specific records is needed")
async def test_a_list_of_specific_records_is_one_filter_of_many_ids(tonic: TonicDM, box: Sandbox):
    ids = box.world.ids("email_addresses")[:400]
    found = await tonic.email_addresses.list(filter_ids=ids, filter_statuses=["active", "inactive", "deleted"]).all()
    assert {str(one.id) for one in found} == set(ids)
    sent = [entry.options["filterIDs"] for entry in box.journal]
    assert [len(text.split(",")) for text in sent] == [240, 160]


@says("Non-standard Patterns", "URLs to identify endpoints", "Header Parameters for all options")
@says("Non-standard Patterns", "with the Request Paramaters projectId=")
async def test_options_are_headers_as_in_the_pages_example(tonic: TonicDM, box: Sandbox):
    (project, *_) = box.world.ids("projects")
    await tonic.rfis.list(project_id=project, filter_status="open", sort_by="number", filter_stages=["open"]).all()
    entry = list(box.journal)[-1]
    assert entry.placement == "header"
    assert entry.options.items() >= {"projectId": project, "filterStatus": "open", "sortBy": "number"}.items()


# --- Tenant, Division1 and Division2, User ----------------------------------------------------------------------------


@says("Tenant", "you have access only to the data inside your Tenant", "can not read or manipulate the data in another")
@says("Tenant", "There is no need to specify your Tenant")
async def test_the_token_alone_says_whose_data_these_are(box: Sandbox, connect: Callable[..., TonicDM]):
    box.add_tenant("another-token", records=600)
    mine, theirs = connect(box), connect(box, token="another-token")
    (one, *_) = [person.id for person in await mine.persons.list().all(limit=1)]
    assert one is not None
    with pytest.raises(RecordNotFoundError):
        await theirs.persons.get(one)
    assert (await mine.organizations.me()).id != (await theirs.organizations.me()).id


@says("Tenant", "can be accessed with the /core/organizations/me endpoint", "just with the Tenant Settings")
@says("Organizations", "Your Tenant is just an Organization with", "The other Organizations are for your")
@says("Organizations", "the Tenant Organization the Contact Organizations are the same")
async def test_your_own_organization_is_one_like_others_with_settings_appended(tonic: TonicDM, box: Sandbox):
    own = await tonic.organizations.me()
    assert list(box.journal)[-1].path == "/core/organizations/me"
    others = await tonic.organizations.list().all()
    assert {type(one) for one in (own, *others)} == {Organization}
    assert own.home_zone == "us"
    assert {one.home_zone for one in others} == {None}


@says("Division1 and Division2", "Division1 and Division2 are logical groupings", "can be given user-facing names")
async def test_the_tenants_names_of_the_divisions_are_attributes(tonic: TonicDM):
    own = await tonic.organizations.me()
    assert (own.division1_name, own.division2_name) == ("Market Sector", "Studio")


@says("Division1 and Division2", "Each Staff Member and each Project can be assigned one Division1 and one Division2")
async def test_staff_and_projects_have_two_divisions_that_can_be_set(tonic: TonicDM, box: Sandbox):
    me = await tonic.me.get()
    assert me.division1 is not None
    assert me.division1.record is not None
    assert me.division1.record.name == "Airports"
    project = await tonic.projects.list().first()
    assert project is not None
    assert project.division1 is not None
    division = me.division2
    assert division is not None
    await tonic.me.update(division1=division)
    (person, *_) = [one.id for one in await tonic.organizations.staff().all()]
    assert person is not None
    await tonic.persons.update(person, division1=division.id, division2=None)
    await tonic.projects.update(
        project.id or "",
        project_number=project.project_number or "",
        project_name_legal=project.project_name_legal or "",
        division1=division.id,
    )
    assert await _first_division(tonic, project.id or "") == division.id


async def _first_division(tonic: TonicDM, project: str) -> str | None:
    changed = (await tonic.projects.get(project)).division1
    return None if changed is None else changed.id


@says("User", "There is no endpoint to create a User", "can be accessed with via /core/persons/me")
@says("User", "just with the User Settings fields appended")
async def test_the_user_is_a_person_with_settings_under_both_paths(tonic: TonicDM, box: Sandbox):
    me, same = await tonic.me.get(), await tonic.persons.me()
    assert [entry.path for entry in box.journal][-2:] == ["/core/me", "/core/persons/me"]
    assert me == same
    person = await tonic.persons.get(me.id or "")
    fields = {"id", "name", "title", "status", "email_addresses", "office", "datetime_created", "datetime_updated"}
    assert {name: getattr(me, name) for name in fields} == {name: getattr(person, name) for name in fields}
    assert me.updated == person.updated
    assert (me.daily_reminder, me.is_organization_manager, me.timezone) == (False, 1, "+00:00")
    assert not hasattr(tonic, "users")
    assert not hasattr(tonic.me, "create")


# --- Organizations, Brands, Offices -----------------------------------------------------------------------------------


@says("Organizations", "Organizations are a container for Persons, Offices, and Brands")
@says("Brands", "An Organization can have one or more Brands")
@says("Offices", "can have zero or more Offices")
async def test_offices_and_brands_say_which_organization_they_belong_to(tonic: TonicDM):
    own = (await tonic.organizations.me()).id
    assert own is not None
    for noun in (tonic.offices, tonic.brands):
        found = await noun.list(filter_organization_ids=[own]).all()
        assert found
        assert {one.organization_id for one in found} == {own}
    people = await tonic.persons.list(filter_organization_ids=[own]).all()
    assert people


@says("Organizations", "only your Organization can have Offices and Brands")
@says("Brands", "you will not have access to the OrganizationID field in the Brand records outside your own")
@says("Brands", "you will not be able to use the OrganizationID field to group data")
@says("Offices", "you will not have access to the OrganizationID field in the Office records outside your own")
@says("Offices", "you will not be able to assign Offices")
async def test_without_the_licence_only_your_own_brands_and_offices_tell_their_organization(
    make_box: Callable[..., Any], connect: Callable[..., TonicDM]
):
    """The field is None then, and a write of it the server's 403: the client asks for no licence."""
    box = await make_box(advanced_contacts=False)
    tonic = connect(box)
    own = (await tonic.organizations.me()).id
    for noun in (tonic.brands, tonic.offices):
        assert {one.organization_id for one in await noun.list().all()} <= {own, None}
    stranger = next(one for one in await tonic.brands.list().all() if one.organization_id is None)
    with pytest.raises(PermissionDeniedError):
        await tonic.brands.update(stranger.id or "", organization_id=own)


@says("Organizations", "you can input the Offices and Brands of your Contact Organizations")
@says("Organizations", "meaning one Organization can be a container for Persons with different")
@says("Brands", "you can input the Brands of your Contact", "one Organization can be a container for multiple")
@says("Offices", "you can input the Offices of your Contact Organizations and then assign")
async def test_with_the_licence_brands_and_offices_of_contacts_are_grouped_and_assigned(tonic: TonicDM, box: Sandbox):
    own = (await tonic.organizations.me()).id
    other = next(one.id for one in await tonic.organizations.list().all() if one.id != own)
    assert other is not None
    brand = next(one for one in await tonic.brands.list().all() if one.organization_id not in {own, other})
    changed = await tonic.brands.update(brand.id or "", organization_id=other)
    assert changed is not None
    assert changed.organization_id == other
    office = await tonic.offices.create(name="Leeds", extra={"organizationId": other})
    assert office is not None
    assert office.organization_id == other
    contact = await tonic.email_addresses.list().first()
    assert contact is not None
    moved = await tonic.email_addresses.update(contact.id or "", office=office.id)
    assert moved is not None
    assert moved.office is not None
    assert moved.office.id == office.id


@says("Brands", "Each Organization must have one Brand with at least one Domain", "can have zero or more Domains")
@says("Brands", "The same Domain can not be associated with more than one Brand")
async def test_brands_have_domains_and_a_domain_has_one_brand(tonic: TonicDM):
    own = (await tonic.organizations.me()).id
    brands = await tonic.brands.list().all()
    domains = [domain for brand in brands for domain in brand.domains or ()]
    assert len(domains) == len(set(domains))
    mine = next(brand for brand in brands if brand.organization_id == own and brand.domains)
    other = next(brand for brand in brands if brand.id != mine.id)
    with pytest.raises(BadRequestError):
        await tonic.brands.update(other.id or "", domains=[*(mine.domains or ())])


@says("Offices", "Each Person can be optionally be assigned one of the Offices")
@says("Offices", "Each Project can be optionally be assigned one of the Offices")
async def test_persons_and_projects_have_an_office_that_can_be_set(tonic: TonicDM):
    own = (await tonic.organizations.me()).id
    assert own is not None
    office = await tonic.offices.list(filter_organization_ids=[own]).first()
    assert office is not None
    person = next(iter(await tonic.organizations.staff().all()))
    await tonic.persons.update(person.id or "", office=office.id)
    moved = (await tonic.persons.get(person.id or "")).office
    assert moved is not None
    assert moved.id == office.id
    project = await tonic.projects.list().first()
    assert project is not None
    await tonic.projects.update(
        project.id or "",
        project_number=project.project_number or "",
        project_name_legal=project.project_name_legal or "",
        office=office.id,
    )
    changed = (await tonic.projects.get(project.id or "")).office
    assert changed is not None
    assert changed.id == office.id


# --- Email Addresses, Persons and Staff -------------------------------------------------------------------------------

EMAILS = "Email Addresses, Persons and Staff"


@says(EMAILS, "allow for a contact information like Name, Title etc. and a single email address")
@says(EMAILS, "are automatically assigned one of the following Types")
async def test_contact_data_of_an_email_address_are_attributes(tonic: TonicDM):
    addresses = await tonic.email_addresses.list().all()
    assert all(one.email_address and one.title is not None and one.name is not None for one in addresses)
    assert all(one.deskphone_number and one.mobilephone_number for one in addresses)
    assert {str(one.type) for one in addresses} <= {"business", "personal", "system", "misspelled"}
    assert {str(one.delivery_status) for one in addresses} <= {"unknown", "delivered", "bounced"}
    assert any(one.office is not None and one.office.id for one in addresses)
    assert any(one.brand_id is not None for one in addresses)
    made = await tonic.email_addresses.create(email_address="new@pacific-architects.com", name="Mel", title="Clerk")
    assert made is not None
    assert (made.name, made.title) == ("Mel", "Clerk")


@says(EMAILS, "PersonID links one or more email addresses together", "do not have to be at the same domain")
@says(EMAILS, "you will be able to use the PersonID field to group data together by Person")
@says(EMAILS, "One of the Email Address records can be set as isPrime", "email addresses can have a start and end date")
async def test_addresses_of_one_person_are_grouped_and_one_of_them_is_prime(tonic: TonicDM):
    person = next(one for one in await tonic.persons.list().all() if len(one.email_addresses or ()) > 1)
    first, second, *_ = person.email_addresses or ()
    assert first.person_id == second.person_id == person.id
    assert sum(bool(one.is_prime) for one in person.email_addresses or ()) == 1
    day = datetime.date(2026, 3, 1)
    await tonic.email_addresses.update(second.id or "", date_active=day, date_inactive=day, is_prime=False)
    changed = await tonic.email_addresses.get(second.id or "")
    assert (changed.date_active, changed.date_inactive, changed.is_prime) == (day, day, False)


@says(EMAILS, "you will not have access to the PersonID field for EmailAddress records outside")
@says(EMAILS, "except for Staff, you will not be able to use the PersonID field")
@says(EMAILS, "you will still have access to the Offices, Brands and Persons features for your own Organization")
async def test_without_the_licence_only_staff_are_grouped_by_person(
    make_box: Callable[..., Any], connect: Callable[..., TonicDM]
):
    tonic = connect(await make_box(advanced_contacts=False))
    addresses = await tonic.email_addresses.list().all()
    assert any(one.person_id is None for one in addresses)
    staff = {one.id for one in await tonic.organizations.staff().all()}
    assert staff <= {one.person_id for one in addresses}
    assert await tonic.offices.list().all()


@says(EMAILS, "Staff are Persons in your Organization with an email address of Type business")
@says(EMAILS, "If a firm has 2 employees:", "then the Staff List will show 2 items")
@says(EMAILS, "The staff list can be accessed via /core/organizations/me/staff")
async def test_the_staff_of_the_pages_example_are_two_persons(tonic: TonicDM, box: Sandbox):
    staff = await tonic.organizations.staff().all()
    assert list(box.journal)[-1].path == "/core/organizations/me/staff"
    assert sorted(str(one.name) for one in staff) == ["Employee One", "Employee Two"]
    assert {type(one) for one in staff} == {Person}
    two = next(one for one in staff if one.name == "Employee Two")
    texts = sorted(str(one.email_address) for one in two.email_addresses or ())
    assert texts == ["two@pacific-architects.com", "two@pacific-engineers.com"]


# --- Data Residency ---------------------------------------------------------------------------------------------------


@says("Data Residency", "API calls can be made through any of the API servers")
async def test_any_zone_serves_the_same_records(box: Sandbox, connect: Callable[..., TonicDM]):
    (one, *_) = box.world.ids("persons")
    found = [await connect(box, base_url=url).persons.get(one) for url in box.urls.values()]
    assert len(found) == 2
    assert found[0] == found[1]


@says("Data Residency", "To find your Organization's home zone, use: /core/me")
async def test_me_tells_the_home_zone(tonic: TonicDM):
    assert (await tonic.me.get()).home_zone == "us"


@says("Data Residency", "To find the Zone where your Project's data is stored, use /core/projects")
async def test_each_project_tells_its_zone(tonic: TonicDM):
    assert {project.zone for project in await tonic.projects.list().all()} <= {"us", "de", "ie"}
