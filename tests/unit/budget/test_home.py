"""The budget that a client takes when it is given none."""

from __future__ import annotations

import pathlib
import warnings

import pytest

from tonicdm.budget.home import budget_key, default_file, open_budget
from tonicdm.clock import VirtualClock


@pytest.fixture
def state(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_a_key_is_the_same_for_a_token_and_tells_nothing_of_it() -> None:
    assert budget_key("a") == budget_key("a") != budget_key("b")
    assert len(budget_key("a")) == 32
    assert "secret" not in budget_key("secret")


async def test_by_default_all_processes_of_a_user_share_a_file(state: pathlib.Path) -> None:
    clock = VirtualClock()
    first = open_budget(None, key="k", clock=clock)
    async with first.reserve(5) as reservation:
        await reservation.sent()
        await reservation.settle(3600, 3595, clock.now() + 3600)
    second, other = open_budget(None, key="k", clock=clock), open_budget(None, key="another", clock=clock)
    assert second.snapshot().remaining == 3595
    assert other.snapshot().remaining == 3600
    assert default_file().is_relative_to(state)
    for budget in (first, second, other):
        await budget.close()


async def test_where_nothing_can_be_written_one_warning_says_what_that_means(
    state: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = state / "a file, not a folder"
    blocked.write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(blocked))
    monkeypatch.setattr("tonicdm.budget.home.default_file", lambda: blocked / "tonicdm" / "budget.db")
    with pytest.warns(RuntimeWarning, match="TONICDM_BUDGET"):
        budget = open_budget(None, key="k", clock=VirtualClock())
    assert budget.ledger.where == "memory"
    await budget.close()


async def test_memory_is_taken_without_a_word_when_asked_for() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        budget = open_budget("memory", key="k", clock=VirtualClock())
    assert budget.ledger.where == "memory"
    await budget.close()
