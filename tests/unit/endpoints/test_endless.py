"""A list that never ends is given up after a few pages; the error carries what was read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.cases import for_each
from tests.unit.endpoints.pagingserver import Server, record
from tonicdm.endpoints.listing import Listing
from tonicdm.endpoints.offices import Offices
from tonicdm.endpoints.progress import Progress
from tonicdm.errors import EndlessListError
from tonicdm.http.headers import Headers
from tonicdm.http.messages import Response
from tonicdm.paging import Paginator
from tonicdm.types import DataQuantity

SIZE = 100
Pages = Callable[[int], Iterable[int]]

CIRCLES: dict[str, Pages] = {
    "A, B, A, B": lambda page: range((page % 2) * SIZE, (page % 2 + 1) * SIZE),
    "A, B, C, A, B, C": lambda page: range((page % 3) * SIZE, (page % 3 + 1) * SIZE),
    "shifted by one in a circle": lambda page: range(page % 7, page % 7 + SIZE),
}


class Circle(Server):
    """Answers each page as *pages* says, whatever was asked for."""

    pages: Pages

    async def call(
        self, operation: Any, options: Any = None, *, data_quantity: Any = None, body: Any = None
    ) -> Response:
        """Answer with a page."""
        self.calls.append(dict(options or {}))
        self.units += (data_quantity or DataQuantity.BASIC).units
        found = [record(number) for number in self.pages(self.calls[-1].get("page_number", 1))]
        return Response(status=200, headers=Headers(), body=json.dumps(found).encode(), rate_limit=None, attempts=1)


def listed(pages: Pages, **how: Any) -> tuple[Circle, Paginator[Any]]:
    server = Circle(count=0)
    server.pages = pages
    return server, Paginator(Listing(server, Offices._listing, {"page_size": SIZE}, DataQuantity.BASIC, **how))


@for_each("raw", [False, True], ids=["records", "plain JSON"])
@for_each("name", CIRCLES)
async def test_two_pages_running_without_a_new_record_end_it(name: str, raw: bool) -> None:
    server, pages = listed(CIRCLES[name], raw=raw)
    with pytest.raises(EndlessListError, match="circles") as caught:
        await pages.all()
    assert server.units <= 5 * 12
    seen = {number for page in range(1, caught.value.pages + 1) for number in CIRCLES[name](page)}
    assert {one["id"] if raw else one.id for one in caught.value.records} == {record(number)["id"] for number in seen}


async def test_a_list_that_brings_new_records_for_ever_ends_at_max_pages() -> None:
    server, pages = listed(lambda page: range(page * SIZE, (page + 1) * SIZE), max_pages=7)
    with pytest.raises(EndlessListError, match="max_pages") as caught:
        await pages.all()
    assert len(caught.value.records) == 7 * SIZE
    assert server.units <= 5 * 8


async def test_one_page_that_was_shown_before_is_no_end() -> None:
    """Records that are created while a list is read push others onto the next page."""
    shown = {
        1: range(SIZE),
        2: range(1, SIZE + 1),
        3: [*range(SIZE - 1), SIZE],
        4: range(SIZE + 1, SIZE + 31),
    }
    _, pages = listed(lambda page: shown.get(page, []))
    assert len(await pages.all()) == SIZE + 31


def test_a_million_records_need_little_memory_and_none_is_mistaken() -> None:
    progress = Progress(10_000)
    for page in range(1_000):
        progress.take("GET /core/persons", (f"{number:032x}" for number in range(page * 100, page * 100 + 100)))
    assert len(progress._seen) == 2**21
