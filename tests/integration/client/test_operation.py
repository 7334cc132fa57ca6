"""Shares, deadlines, pauses, rotated tokens and others' units, through a client against the sandbox."""

from __future__ import annotations

import asyncio
import datetime
import logging
from typing import Any

import pytest

from tonicdm import BudgetTimeoutError, ConfigError, ConnectError, TokenFile, TonicDM, UnitBudget
from tonicdm.clock import VirtualClock
from tonicdm.http.hooks import FailureEvent, ForeignUsageEvent, Hooks
from tonicdm.sandbox import Sandbox
from tonicdm.store import Store, choose
from tonicdm.sync import synchronize

from .conftest import drive


async def test_a_job_takes_its_share_and_others_go_on(make, box: Sandbox, clock: VirtualClock) -> None:
    box.settings.limit = 100
    tonic: TonicDM = make()
    await tonic.me.get()
    nightly = tonic.with_options(label="nightly", share=0.3, max_wait=0)
    calls = await asyncio.gather(*(nightly.offices.list().first() for _ in range(9)), return_exceptions=True)
    refused = [call for call in calls if isinstance(call, BudgetTimeoutError)]
    assert len(refused) == 3
    assert "share of the window spent" in str(refused[0])
    await tonic.offices.list().first()
    assert tonic.budget.snapshot().by_label == {"nightly": (6, 30)}


async def test_views_of_a_view_keep_label_and_share(make) -> None:
    nightly = make().with_options(label="nightly", share=0.3)
    assert nightly.with_options(timeout=5).caller.share == nightly.caller.share
    assert nightly.with_options(share=0.5).caller.share.fraction == 0.5
    assert nightly.with_options(label="report").caller.share.fraction == 1.0
    with pytest.raises(ConfigError, match="label="):
        make().with_options(share=0.3)


async def test_no_call_of_a_view_is_sent_after_its_deadline(make, box: Sandbox, clock: VirtualClock) -> None:
    box.settings.limit = 20
    tonic: TonicDM = make()
    await tonic.offices.list(data_quantity="complete").first()
    soon = datetime.datetime.fromtimestamp(clock.now() + 60, datetime.UTC)
    job = tonic.with_options(finish_by=soon)
    with pytest.raises(BudgetTimeoutError, match="longer than max_wait"):
        await job.offices.list().first()
    clock.advance(61)
    with pytest.raises(BudgetTimeoutError, match="has passed"):
        await job.offices.list().first()
    assert len(box.journal) == 1


async def test_a_sync_says_beforehand_that_it_cannot_be_done_in_time(make, box: Sandbox, clock, tmp_path) -> None:
    tonic: TonicDM = make()
    async with Store(tmp_path / "copy.db") as store:
        types = choose(["offices", "persons", "projects"])
        await drive(clock, synchronize(tonic, store, types[:1]), tonic)
        calls = len(box.journal)
        soon = datetime.datetime.fromtimestamp(clock.now() + 5, datetime.UTC)
        job = tonic.with_options(label="nightly", share=0.001, finish_by=soon)
        with pytest.raises(BudgetTimeoutError, match="'nightly' can't be spent before finish_by"):
            await synchronize(job, store, types)
        assert len(box.journal) == calls
        later = tonic.with_options(finish_by=datetime.datetime.fromtimestamp(clock.now() + 90_000, datetime.UTC))
        assert await drive(clock, synchronize(later, store, types[:1]), tonic)


async def test_a_pause_lets_calls_under_way_end_and_holds_up_the_next(make, box: Sandbox, clock: VirtualClock) -> None:
    tonic: TonicDM = make()
    await tonic.me.get()
    await tonic.budget.pause()
    waiting = asyncio.create_task(tonic.me.get())
    await asyncio.sleep(0.05)
    assert len(box.journal) == 1
    await tonic.budget.resume()
    await waiting
    assert len(box.journal) == 2


async def test_others_are_noticed_once_in_a_window_as_a_warning(make, box: Sandbox, caplog) -> None:
    told: list[ForeignUsageEvent] = []
    tonic: TonicDM = make(hooks=Hooks(on_foreign_usage=told.append))
    await tonic.offices.list().first()
    with caplog.at_level(logging.INFO, logger="tonicdm"):
        for _ in range(2):
            box.spend(40)
            await tonic.offices.list().first()
    assert [(event.units, event.in_window) for event in told] == [(40, 40), (40, 80)]
    levels = [record.levelname for record in caplog.records if "others spent" in record.getMessage()]
    assert levels == ["WARNING", "INFO"]


async def test_an_attempt_without_an_answer_is_told(make, box: Sandbox, clock: VirtualClock) -> None:
    told: list[FailureEvent] = []
    tonic: TonicDM = make(base_url="http://127.0.0.1:9", hooks=Hooks(on_failure=told.append))
    with pytest.raises(ConnectError, match="GET /core"):
        await drive(clock, tonic.me.get(), tonic)
    assert {(event.error_type, event.sent, event.status) for event in told} == {("ConnectError", False, None)}
    assert len(told) == told[-1].attempt


@pytest.fixture
def budget_file(tmp_path) -> Any:
    return tmp_path / "budget.db"


async def test_a_rotated_token_is_read_from_its_file_and_keeps_the_cooldown(
    make, box: Sandbox, clock: VirtualClock, tmp_path, budget_file
) -> None:
    """No restart: the next call goes with the new token, what is under way stays charged, and a 429 stays obeyed."""
    path = tmp_path / "token"
    path.write_text(box.token)
    async with UnitBudget.shared(budget_file, key="k", clock=clock, max_calls_per_second=None) as budget:
        tonic: TonicDM = make(token=TokenFile(path), budget=budget)
        await tonic.me.get()
        under_way = budget.reserve(20)
        await under_way.__aenter__()
        await under_way.sent()
        path.with_name("next").write_text("another-token")
        path.with_name("next").replace(path)
        box.settings.tokens = ("another-token",)
        await tonic.me.get()
        assert [call.status for call in box.journal.calls()] == [200, 200]
        assert budget.snapshot().reserved == 20
        await under_way.refund()


async def test_a_token_that_the_server_refuses_is_read_again(make, box: Sandbox, tmp_path) -> None:
    path = tmp_path / "token"
    path.write_text(box.token)
    tonic: TonicDM = make(token=TokenFile(path))
    await tonic.me.get()
    box.settings.tokens = ("another-token",)
    path.write_text("another-token")
    await tonic.me.get()
    assert [call.status for call in box.journal.calls()][-1] == 200
