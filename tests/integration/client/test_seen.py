"""What a client, its budget and its lists say of themselves, and what becomes of one that is not closed."""

from __future__ import annotations

import gc
import inspect
import warnings
from typing import Any

import pytest

from tonicdm import TonicDM, UnitBudget
from tonicdm.sandbox import Sandbox
from tonicdm.store import Store


@pytest.fixture
async def box():
    async with Sandbox() as box:
        yield box


def client(box: Sandbox, **settings) -> TonicDM:
    return TonicDM(box.token, base_url=box.url, budget=UnitBudget.memory(), **settings)


async def test_a_client_a_budget_and_a_list_say_what_they_are(box, tmp_path):
    async with client(box, store=tmp_path / "firm.db") as tonic:
        await tonic.offices.list().first()
        remaining = tonic.budget.snapshot().remaining
        assert repr(tonic.budget) == f"<UnitBudget in memory, {remaining:,} of 3,600 units left>"
        assert repr(tonic) == f"<TonicDM {box.url}, normal lane, copy in {tmp_path / 'firm.db'}, {tonic.budget!r}>"
        assert box.token not in repr(tonic)
        told = repr(tonic.rfis.list(data_quantity="id_only", start_page=2))
        assert "GET /workflow/rfis" in told
        assert "id_only" in told
        assert ".all()" in told
    assert repr(tonic).endswith(", closed>")


def test_a_budget_in_a_file_is_named_without_reading_it(tmp_path):
    budget = UnitBudget.shared(tmp_path / "budget.db")
    assert repr(budget) == f"<UnitBudget in {tmp_path / 'budget.db'}>"
    assert not (tmp_path / "budget.db").exists()


async def awaited(listed: Any) -> None:
    await listed


@pytest.mark.parametrize("wrong", [awaited, iter, len, list, lambda listed: listed[0]])
async def test_a_list_taken_for_its_records_says_how_it_is_read(box, wrong):
    """A first page taken for the whole is the common mistake: so nothing is returned, and nothing sent."""
    async with client(box) as tonic:
        listed = tonic.rfis.list()
        with pytest.raises(TypeError) as caught:
            await wrong(listed)
        for word in (".all()", ".first()", ".pages()", "Nothing was sent"):
            assert word in str(caught.value)
        assert listed
        assert not box.journal.calls()


async def unclosed(box: Sandbox) -> int:
    tonic = TonicDM(box.token, base_url=box.url, budget=UnitBudget.memory())
    line = inspect.currentframe().f_lineno - 1
    await tonic.offices.list().first()
    await tonic.with_options(priority="bulk").offices.list().first()
    return line


@pytest.mark.filterwarnings("ignore:Unclosed")  # aiohttp's own, when the connection ends
async def test_a_client_that_is_not_closed_warns_once_with_the_line_that_made_it(box):
    """Also where its views are gone with it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        line = await unclosed(box)
        gc.collect()
    told = [each for each in caught if "was not closed" in str(each.message)]
    assert [(each.category, each.filename, each.lineno) for each in told] == [(ResourceWarning, __file__, line)]
    assert "async with" in str(told[0].message)


async def test_a_client_that_sent_nothing_or_was_closed_does_not_warn(box):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        client(box)
        async with client(box) as tonic:
            await tonic.offices.list().first()
        del tonic
        gc.collect()


async def test_whatever_is_closed_asynchronously_says_so(box, tmp_path):
    for opened in (client(box), UnitBudget.memory(), Store(tmp_path / "firm.db")):
        with pytest.raises(TypeError, match=f"{type(opened).__name__} is asynchronous: write 'async with'"), opened:
            pass
