"""Clients of several servers, and clients whose ledger breaks while a call is under way, over real sockets."""

import asyncio
import contextlib
import pathlib
import sqlite3

import pytest

from tonicdm import LedgerUnavailableError, TonicDM, UnitBudget
from tonicdm.sandbox import Sandbox, SandboxSettings


@pytest.fixture
def state(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """The default ledger's folder, and no setting of the shell that runs the tests."""
    for name in ("TONICDM_BUDGET", "TONICDM_BUDGET_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


async def test_two_servers_with_one_token_count_apart(state: pathlib.Path) -> None:
    """Every sandbox has the token sandbox-token; before, a call to the second froze the count of the first."""
    async with (
        Sandbox(records=600) as one,
        Sandbox(records=600) as two,
        TonicDM(one.token, base_url=one.url) as first,
        TonicDM(two.token, base_url=two.url) as second,
    ):
        for _ in range(3):
            await first.offices.list().first()
            await second.offices.list(data_quantity="id_only").first()
            assert first.budget.snapshot().remaining == one.journal[-1].remaining
            assert second.budget.snapshot().remaining == two.journal[-1].remaining
        assert (one.units(), two.units()) == (15, 3)
        assert first.budget.ledger.where == second.budget.ledger.where == str(state / "tonicdm" / "budget.db")


async def test_what_the_server_took_is_not_reported_as_failed_when_the_ledger_breaks(tmp_path: pathlib.Path) -> None:
    """A POST in flight while the file is ruined: its answer is handed out; only the next call hears of the file."""
    file = tmp_path / "budget.db"
    settings = SandboxSettings(latency_seconds=(0.3, 0.3))
    async with (
        Sandbox(records=600, settings=settings) as box,
        UnitBudget.shared(file, key="k") as budget,
        TonicDM(box.token, base_url=box.url, budget=budget) as tonic,
    ):
        await tonic.me.get()
        creating = asyncio.create_task(tonic.offices.create(name="London"))
        async with asyncio.timeout(60):
            while len(box.journal) < 2 and not creating.done():
                await asyncio.sleep(0.01)
        await asyncio.to_thread(ruin, file)
        assert (await creating).id is not None
        sent = len(box.journal)
        with pytest.raises(LedgerUnavailableError, match="damaged"):
            await tonic.me.get()
        assert len(box.journal) == sent, "nothing was sent"


def ruin(file: pathlib.Path) -> None:
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file.write_bytes(b"nonsense" * (file.stat().st_size // 8))
