"""A list is read whole, however the server pages it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.cases import for_each
from tonicdm import OptionIgnoredError
from tonicdm.endpoints.offices import Offices
from tonicdm.endpoints.rfis import Rfis
from tonicdm.endpoints.tasks import Tasks
from tonicdm.plan.arithmetic import ROUND_SIZES

from .pagingserver import Server, record

QUICK = settings(max_examples=60, deadline=None, database=None)
ROUND = st.sampled_from(sorted(ROUND_SIZES - {1000}))
COUNTS = st.integers(0, 2300) | ROUND.map(lambda size: size * 2) | st.sampled_from([50, 100, 999, 1000, 1001, 2000])


async def ids(endpoint: Any, **options: Any) -> list[str]:
    return [str(one.id) for one in await endpoint.list(**options).all()]


def all_of(server: Server) -> list[str]:
    return [record(number)["id"] for number in range(server.count)]


@QUICK
@given(count=COUNTS, own=ROUND, most=st.sampled_from([100, 200, 500, 1000]))
@example(count=102, own=50, most=1000)
@example(count=100, own=50, most=1000)
async def test_a_list_whose_page_shows_no_paging_is_read_whole_where_the_server_pages_it(
    count: int, own: int, most: int
):
    """RFIs: the reference shows no paging, and servers may page them all the same, by a size of their own."""
    server = Server(count=count, own=own, most=most)
    assert await ids(Rfis(server)) == all_of(server)  # type: ignore[arg-type]


@QUICK
@given(count=COUNTS)
async def test_a_list_that_comes_whole_is_read_with_one_call_or_two(count: int):
    """A second, cheap one only where its number of records could be a cut."""
    server = Server(count=count, whole=True)
    assert await ids(Tasks(server)) == all_of(server)  # type: ignore[arg-type]
    assert len(server.calls) == (2 if count in ROUND_SIZES else 1)
    assert server.units <= 6


@QUICK
@given(count=COUNTS, most=st.sampled_from([50, 100, 200, 500, 1000]), size=st.sampled_from([1, 7, 50, 250, 1000]))
async def test_a_paged_list_is_read_whole_where_the_server_cuts_page_sizes(count: int, most: int, size: int):
    server = Server(count=min(count, 40 * size), most=most)
    assert await ids(Offices(server), page_size=size) == all_of(server)  # type: ignore[arg-type]


@QUICK
@given(count=COUNTS, own=ROUND)
async def test_a_paged_list_is_never_cut_by_a_server_that_does_not_see_page_size(count: int, own: int):
    """All records, or an error that says so."""
    server = Server(count=count, own=own, deaf=True)
    assert await ids(Offices(server)) == all_of(server)  # type: ignore[arg-type]


@pytest.mark.thorough
@settings(QUICK, max_examples=3_000)
@given(
    count=COUNTS,
    own=ROUND,
    most=st.sampled_from([50, 100, 200, 500, 1000]),
    size=st.sampled_from([1, 7, 50, 250, 1000]),
)
async def test_any_list_is_read_whole_by_any_server(count: int, own: int, most: int, size: int):
    """The four properties above, of many more lists."""
    unpaged = Server(count=count, own=own, most=most)
    assert await ids(Rfis(unpaged)) == all_of(unpaged)  # type: ignore[arg-type]
    whole = Server(count=count, whole=True)
    assert await ids(Tasks(whole)) == all_of(whole)  # type: ignore[arg-type]
    assert len(whole.calls) == (2 if count in ROUND_SIZES else 1)
    cutting = Server(count=min(count, 40 * size), most=most)
    assert await ids(Offices(cutting), page_size=size) == all_of(cutting)  # type: ignore[arg-type]
    deaf = Server(count=count, own=own, deaf=True)
    assert await ids(Offices(deaf)) == all_of(deaf)  # type: ignore[arg-type]


@QUICK
@given(count=COUNTS, own=ROUND)
@example(count=360, own=50)
async def test_a_paged_list_is_read_whole_though_page_size_got_lost_on_the_way_of_the_first_call(count: int, own: int):
    """From the second call on it arrives, and behind the first 1,000 records there may be nothing."""

    class Losing(Server):
        async def call(self, operation: Any, options: Any = None, **rest: Any) -> Any:
            self.deaf = not self.calls
            return await super().call(operation, options, **rest)

    server = Losing(count=count, own=own)
    assert await ids(Offices(server)) == all_of(server)  # type: ignore[arg-type]


class Stuck(Server):
    """Answers with its first page, whichever is asked for."""

    async def call(self, operation: Any, options: Any = None, **rest: Any) -> Any:
        """Answer with the first page."""
        return await super().call(operation, {**(options or {}), "page_number": 1}, **rest)


@for_each("own", sorted(ROUND_SIZES - {1000}))
async def test_a_paged_list_that_repeats_its_first_page_is_an_error(own: int):
    """A server that sees neither pageSize nor pageNumber gives the same page for ever."""
    server = Stuck(count=1200, own=own, deaf=True)
    with pytest.raises(OptionIgnoredError) as caught:
        await ids(Offices(server))  # type: ignore[arg-type]
    assert len(caught.value.records) == own


@for_each("count", [18, 50, 100])
async def test_a_repeated_page_is_the_whole_list_of_a_server_that_has_sent_longer_ones(count: int):
    """So it has not cut this one; 18 is no number at which one would."""
    server = Stuck(count=count)
    server.facts.largest_page = 655 if count > 18 else 0
    assert await ids(Offices(server)) == all_of(server)  # type: ignore[arg-type]


async def test_what_was_learned_of_a_path_is_kept():
    """The second list of RFIs asks for large pages at once."""
    server = Server(count=300)
    rfis = Rfis(server)  # type: ignore[arg-type]
    await ids(rfis)
    before = len(server.calls)
    assert await ids(rfis) == all_of(server)
    assert server.calls[before]["page_size"] == 1000
    assert len(server.calls) - before == 1


async def test_a_later_first_page_of_an_unpaged_list_is_asked_for_by_its_number():
    server = Server(count=2300)
    assert await ids(Rfis(server), start_page=3) == all_of(server)[2000:]  # type: ignore[arg-type]


async def test_stubs_and_records_tell_the_same_ids():
    server = Server(count=120)
    offices = Offices(server)  # type: ignore[arg-type]
    assert await ids(offices, data_quantity="id_only") == await ids(offices)


async def test_get_many_keeps_the_order_asked_for_and_names_what_is_missing():
    server = Server(count=600)
    wanted = [record(number)["id"] for number in (599, 3, 700, 250, 3)]
    found = await Offices(server).get_many(wanted)  # type: ignore[arg-type]
    assert [one.id for one in found] == [wanted[0], wanted[1], wanted[3]]
    assert list(found.missing) == [wanted[2]]
