"""Lists that are cut to more IDs than one call holds, and options that the package does not know."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cases import for_each
from tonicdm import InvalidOptionError, OptionIgnoredError
from tonicdm.endpoints.disciplines import Disciplines
from tonicdm.endpoints.offices import Offices
from tonicdm.endpoints.persons import Persons
from tonicdm.endpoints.rfi_parts import RfiParts
from tonicdm.endpoints.tasks import Tasks
from tonicdm.http.headers import Headers
from tonicdm.models import RecordStub

from .pagingserver import Server, record

QUICK = settings(max_examples=60, deadline=None, database=None)
MOST = st.sampled_from([50, 200, 1000])
ONE_CALL = 240
SINCE = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def named(*numbers: int) -> list[str]:
    return [record(number)["id"] for number in numbers]


async def ids(paginator: Any) -> list[str]:
    return [str(one.id) for one in await paginator.all()]


@QUICK
@given(count=st.integers(1, 1200), most=MOST, size=st.none() | st.sampled_from([7, 100, 1000]))
async def test_a_list_of_known_ids_is_read_whole_whatever_their_number(count: int, most: int, size: int | None):
    """The same records, each once, in the order of the batches; as few calls as the IDs and the page size allow."""
    server = Server(count=count, most=most)
    wanted = named(*range(count))
    paging = {} if size is None else {"page_size": size}
    assert await ids(Offices(server).list(filter_ids=wanted, **paging)) == wanted  # type: ignore[arg-type]
    if most == 1000 and count > 15:
        assert len(server.calls) == -(-count // min(ONE_CALL, size or ONE_CALL))


async def test_480_ids_are_two_calls_and_a_reader_who_stops_early_pays_for_one():
    server = Server(count=480)
    wanted = named(*range(480))
    offices = Offices(server)  # type: ignore[arg-type]
    assert await ids(offices.list(filter_ids=wanted)) == wanted
    assert server.units == 10
    first = await offices.list(filter_ids=wanted).first()
    assert first is not None
    assert len(await offices.list(filter_ids=wanted).all(limit=240)) == 240
    assert server.units == 10 + 5 + 5
    stubs = await offices.list(filter_ids=wanted, data_quantity="id_only").all()
    assert {type(one) for one in stubs} == {RecordStub}
    assert server.units == 10 + 10 + 2


async def test_pages_of_a_split_list_count_on_and_can_be_begun_late():
    server = Server(count=600)
    wanted = named(*range(600))
    pages = [page async for page in Offices(server).list(filter_ids=wanted).pages()]  # type: ignore[arg-type]
    assert [(page.number, len(page.records)) for page in pages] == [(1, 240), (2, 240), (3, 120)]
    late = Offices(server).list(filter_ids=wanted, start_page=3, prefetch=1)  # type: ignore[arg-type]
    assert await ids(late) == wanted[480:]


async def test_ids_that_are_repeated_in_another_spelling_are_asked_for_once():
    server = Server(count=2)
    (one, two) = named(0, 1)
    wanted = [one.upper(), uuid.UUID(one), two, one]
    assert await ids(Offices(server).list(filter_ids=wanted)) == [one, two]  # type: ignore[arg-type]
    assert server.calls[0]["filter_ids"] == [one, two]


@for_each("count", [3, 300])
@for_each("make", [iter, tuple, lambda wanted: dict.fromkeys(wanted).keys()], ids=["iterator", "tuple", "keys"])
async def test_ids_come_in_whatever_can_be_iterated_over(count: int, make: Any):
    server = Server(count=count)
    wanted = named(*range(count))
    assert await ids(Offices(server).list(filter_ids=make(wanted))) == wanted  # type: ignore[arg-type]


async def test_every_call_of_a_split_list_carries_the_other_options():
    server = Server(count=300)
    await Persons(server).list(filter_ids=named(*range(300)), filter_statuses=["deleted"], options={"zzNew": 1}).all()  # type: ignore[arg-type]
    assert [(one["filter_statuses"], one["zzNew"], one["sort_by"]) for one in server.calls] == [
        (["deleted"], 1, "name")
    ] * 2


class Sorting(Server):
    """Answers each call sorted by name, as far as it is asked to."""

    async def call(self, operation: Any, options: Any = None, **more: Any) -> Any:
        import json

        answer = await Server.call(self, operation, options, **more)
        records = json.loads(answer.body)
        descending = (options or {}).get("sort_direction") == "desc"
        records.sort(key=lambda one: one.get("name", "").casefold(), reverse=descending)
        return type(answer)(
            status=200, headers=Headers(), body=json.dumps(records).encode(), rate_limit=None, attempts=1
        )


@pytest.mark.parametrize("direction", ["asc", "desc"])
async def test_an_order_that_is_asked_for_holds_across_the_calls(direction: Any):
    """All of them are made before the first record comes; an order nobody asked for is that of the batches."""
    server = Sorting(count=500)
    wanted = named(*reversed(range(500)))
    offices = Offices(server)  # type: ignore[arg-type]
    found = await offices.list(filter_ids=wanted, sort_by="name", sort_direction=direction).all()
    names = [str(one.name) for one in found]
    assert names == sorted(names, reverse=direction == "desc")
    assert len(names) == 500
    assert server.units == 15


class Parents(Server):
    """Has three records for each of *count* parents, in pages of 1000."""

    async def call(self, operation: Any, options: Any = None, **more: Any) -> Any:
        import json

        from tonicdm.http.messages import Response

        operation.encode(options)
        self.calls.append(dict(options))
        wanted = [*options["rfi_ids"]]
        both = [{"item_id": one, "number": str(n)} for one in wanted for n in range(3)]
        size, number = options.get("page_size", 10_000), options.get("page_number", 1)
        page = both[(number - 1) * size : number * size]
        return Response(status=200, headers=Headers(), body=json.dumps(page).encode(), rate_limit=None, attempts=1)


async def test_a_list_by_more_parents_than_one_call_holds_is_split_as_well():
    server = Parents(count=500)
    parents = named(*range(500))
    found = await RfiParts(server).list(rfi_ids=parents).all()  # type: ignore[arg-type]
    assert [(one.item_id, one.number) for one in found] == [(one, str(n)) for one in parents for n in range(3)]
    assert [len(one["rfi_ids"]) for one in server.calls] == [240, 240, 20]
    with pytest.raises(InvalidOptionError, match="start_page"):
        await RfiParts(server).list(rfi_ids=parents, start_page=2).all()  # type: ignore[arg-type]


async def test_two_long_lists_of_ids_are_split_crosswise():
    """Filters combine by AND, the IDs of each by OR."""
    server = Parents(count=300)
    await RfiParts(server).list(rfi_ids=named(*range(300)), part_ids=named(*range(300))).all()  # type: ignore[arg-type]
    asked = [(len(one["rfi_ids"]), len(one["part_ids"])) for one in server.calls]
    assert asked == [(240, 240), (240, 60), (60, 240), (60, 60)]


# --- options that the package does not know --------------------------------------------------------------------------


@for_each(
    ("given", "text"),
    [("a b", "a b"), (17, "17"), (True, "true"), (["x", 2], "x,2"), (SINCE, "2026-01-01T00:00:00Z"),
     (SINCE.date(), "2026-01-01"), (uuid.UUID(int=1), "0" * 31 + "1")],
    ids=str,
)  # fmt: skip
async def test_an_unknown_option_is_passed_on_by_the_type_of_its_value(given: Any, text: str):
    sent: list[str] = []

    class Noting(Server):
        async def call(self, operation: Any, options: Any = None, **more: Any) -> Any:
            sent.extend(value for option, value in operation.encode(options) if option.name == "zzNew")
            return await Server.call(self, operation, options, **more)

    await Disciplines(Noting(count=3)).list(options={"zzNew": given}).all()  # type: ignore[arg-type]
    assert sent == [text]


@for_each(
    ("name", "said"),
    [("filterIDs", "filter_ids"), ("filterids", "filter_ids"), ("sort_by", "sort_by"), ("sortBy", "sort_by"),
     ("pageSize", "page_size"), ("dataQuantity", "itself"), ("data_quantity", "itself"),
     ("updated_after", "updated_after")],
)  # fmt: skip
def test_an_option_that_the_package_knows_is_refused_under_options(name: str, said: str):
    with pytest.raises(InvalidOptionError, match=said):
        Persons(Server(count=1)).list(options={name: "name"})  # type: ignore[arg-type]
    for paging in ("pageSize", "pageNumber"):
        with pytest.raises(InvalidOptionError, match="itself"):
            Disciplines(Server(count=1)).list(options={paging: 1})  # type: ignore[arg-type]


def test_an_option_that_a_list_does_not_have_is_refused_with_the_way_to_pass_it_on():
    for name in ("updated_after", "page_sizes"):
        with pytest.raises(InvalidOptionError, match=rf"no option '{name}'.*options=\{{'{name}'"):
            Disciplines(Server(count=1)).list(**{name: SINCE})  # type: ignore[arg-type]


def test_the_first_page_has_one_name():
    with pytest.raises(InvalidOptionError, match="start_page"):
        Persons(Server(count=1)).list(page_number=3)  # type: ignore[arg-type, call-overload]


class Timed(Server):
    """Its records say when they changed, or not; it never heeds updated_after."""

    when: str | None = None

    async def call(self, operation: Any, options: Any = None, **more: Any) -> Any:
        import json

        answer = await Server.call(self, operation, options, **more)
        records = [{**one, **({} if self.when is None else {"updated": self.when})} for one in json.loads(answer.body)]
        return type(answer)(
            status=200, headers=Headers(), body=json.dumps(records).encode(), rate_limit=None, attempts=1
        )


@pytest.mark.parametrize(
    ("when", "said"), [(None, "may have had no"), ("2025-06-01T00:00:00Z", "had no effect.*server may not know")]
)
async def test_an_updated_after_that_is_ignored_costs_one_page_of_a_hundred(when: str | None, said: str):
    """5 units, then the error with what was paid for; whether the records tell another time or none at all."""
    server = Timed(count=100_000)
    server.when = when
    with pytest.raises(OptionIgnoredError, match=said) as caught:
        await Disciplines(server).list(options={"updated_after": SINCE}).all()  # type: ignore[arg-type]
    assert server.units == 5
    assert caught.value.option == "updated_after"
    assert len(caught.value.records) > 0
    accepted = Disciplines(Timed(count=120)).list(options={"updated_after": SINCE}, on_ignored="accept")  # type: ignore[arg-type]
    assert len(await accepted.all()) == 120


async def test_an_updated_after_that_finds_nothing_is_no_error():
    assert await Disciplines(Timed(count=0)).list(options={"updated_after": SINCE}).all() == []  # type: ignore[arg-type]


async def test_records_are_asked_for_by_what_is_known_of_the_server_at_that_time():
    """What an endpoint prepares for all of its calls is made anew when a call has shown more of the server's pages."""
    server = Server(count=3)
    tasks = Tasks(server)  # type: ignore[arg-type]
    await tasks.get(record(1)["id"])
    server.facts.paged.add("/workflow/tasks")
    await tasks.get(record(1)["id"])
    server.facts.page_limit = 200
    await tasks.get(record(1)["id"], data_quantity="id_only")
    await tasks.get(record(1)["id"])
    assert [call.get("page_size") for call in server.calls] == [None, 1000, 200, 200]
