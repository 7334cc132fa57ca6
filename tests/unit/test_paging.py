"""Lists before they are read, and while they are read ahead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from tests.cases import for_each
from tonicdm import InvalidOptionError
from tonicdm.paging import Page, Paginator


async def pages_of(start: int, *, fails_at: int = 99) -> AsyncGenerator[Page[int], None]:
    for number in range(start, 4):
        if number == fails_at:
            raise RuntimeError("no more")
        yield Page(number, (number * 10, number * 10 + 1))


def a_list(**options: Any) -> Paginator[int]:
    return Paginator(pages_of, **options)


@for_each(
    ("misuse", "says"),
    [
        (iter, "a plain for"),
        (len, "how long"),
        (lambda unread: unread[0], "no elements"),
        (lambda unread: unread.__await__(), "can't be awaited"),
    ],
    ids=["iter", "len", "[]", "await"],
)
def test_a_list_that_is_read_as_if_it_were_there_says_how_it_is_read(misuse: Callable[[Any], Any], says: str) -> None:
    with pytest.raises(TypeError, match=says) as refused:
        misuse(a_list())
    assert ".all()" in str(refused.value)


def test_a_list_is_never_false_and_shows_where_it_begins() -> None:
    """Whether it is empty, nobody knows before it was read."""
    assert a_list()
    assert "<Paginator" in repr(a_list())


async def test_no_records_are_asked_for_where_none_are_wanted() -> None:
    def fails(_start: int) -> AsyncGenerator[Page[int], None]:
        raise AssertionError("nothing is to be sent")

    assert await Paginator(fails).all(limit=0) == []
    with pytest.raises(InvalidOptionError, match="must not be negative"):
        await a_list().all(limit=-1)


async def test_all_records_come_in_order_up_to_a_limit() -> None:
    assert await a_list().all() == [10, 11, 20, 21, 30, 31]
    assert await a_list().all(limit=3) == [10, 11, 20]
    assert await a_list().first() == 10


@for_each("prefetch", [0, 1, 2, 9])
async def test_a_list_that_is_read_ahead_is_the_same_list(prefetch: int) -> None:
    ahead = a_list(prefetch=prefetch)
    assert [page.number async for page in ahead.pages()] == [1, 2, 3]
    assert await ahead.all() == await a_list().all()


@for_each("prefetch", [0, 1, 9])
@for_each("fails_at", [1, 3])
async def test_an_error_comes_behind_the_pages_that_came_before_it(prefetch: int, fails_at: int) -> None:
    pages = Paginator(lambda start: pages_of(start, fails_at=fails_at), prefetch=prefetch).pages()
    assert [(await anext(pages)).number for _ in range(1, fails_at)] == list(range(1, fails_at))
    with pytest.raises(RuntimeError, match="no more"):
        await anext(pages)


async def test_what_nobody_reads_is_not_fetched_further_ahead_than_asked() -> None:
    fetched: list[int] = []

    async def endless(_start: int) -> AsyncGenerator[Page[int], None]:
        for number in range(1, 1_000):
            fetched.append(number)
            yield Page(number, (number,))

    pages = Paginator(endless, prefetch=2).pages()
    assert (await anext(pages)).number == 1
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(fetched) <= 4, "one in hand, two ahead, and one that waits for its place"
    await pages.aclose()
