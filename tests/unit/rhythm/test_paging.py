"""Keys that lead from page to page."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import for_each
from tonicdm import DecodeError
from tonicdm.rhythm.errors import RepeatedKeyError
from tonicdm.rhythm.models import Contact
from tonicdm.rhythm.paging import paginate, read_page


def server(pages: list[Any]):
    """Answers page by page, and wants the key that the page before named."""
    asked: list[str | None] = []

    async def fetch(key: str | None) -> Any:
        asked.append(key)
        return pages[len(asked) - 1]

    return paginate(fetch, Contact, "GET /contacts"), asked


def page(*ids: str, key: Any = None) -> dict[str, Any]:
    found: dict[str, Any] = {"Items": [{"id": one} for one in ids], "Count": len(ids)}
    return found if key is None else {**found, "LastEvaluatedKey": key}


async def test_an_empty_page_is_not_the_end() -> None:
    contacts, asked = server([page("a", key="1"), page(key="2"), page("b")])
    assert [one.id for one in await contacts.all()] == ["a", "b"]
    assert asked == [None, "1", "2"]


async def test_a_bare_array_is_a_whole_list() -> None:
    contacts, asked = server([[{"id": "a"}]])
    assert [one.id for one in await contacts.all()] == ["a"]
    assert asked == [None]


@pytest.mark.parametrize("last", ["", {}, None])
async def test_an_empty_key_is_the_end(last: Any) -> None:
    contacts, _ = server([{**page("a"), "LastEvaluatedKey": last}])
    assert len(await contacts.all()) == 1


@given(key=st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers(), min_size=1, max_size=3))
def test_a_key_that_is_an_object_travels_as_json_text(key: dict[str, Any]) -> None:
    _, found = read_page({"Items": [], "LastEvaluatedKey": key})
    assert found is not None
    assert json.loads(found) == key


@pytest.mark.parametrize("keys", [["1", "1"], ["1", "2", "1"], [{"a": 1, "b": 2}, {"b": 2, "a": 1}]])
async def test_a_repeated_key_ends_in_an_error_and_not_in_a_loop(keys: list[Any]) -> None:
    """What was read before is handed out; the same object in another order is the same key."""
    contacts, asked = server([page(str(number), key=key) for number, key in enumerate(keys)])
    reading = aiter(contacts)
    seen = [await anext(reading) for _ in keys]
    with pytest.raises(RepeatedKeyError, match="would never end"):
        await anext(reading)
    assert len(seen) == len(asked) == len(keys)


@for_each("answer", [None, "x", 1, {}, {"Items": None}, {"items": []}])
async def test_what_is_no_page_is_told(answer: Any) -> None:
    contacts, _ = server([answer])
    with pytest.raises(DecodeError, match=r"expected an array, or an object with Items"):
        await contacts.all()


async def test_no_page_is_fetched_beyond_what_is_asked_for() -> None:
    contacts, asked = server([page("a", "b", key="1"), page("c")])
    assert len(await contacts.all(limit=2)) == 2
    assert len(asked) == 1
