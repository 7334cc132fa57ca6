"""The budget that a client takes when it is given none."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import warnings
from collections.abc import Iterator

import pytest

from tests import places
from tonicdm import ConfigError, TonicDM, UnitBudget
from tonicdm.budget.default import budget_key, default_path, open_budget
from tonicdm.clock import VirtualClock
from tonicdm.config import ZONES
from tonicdm.errors import BudgetTimeoutError


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
    assert default_path().is_relative_to(state)
    for budget in (first, second, other):
        await budget.close()


async def test_where_nothing_can_be_written_one_warning_says_what_that_means(
    state: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = state / "a file, not a folder"
    blocked.write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(blocked))
    monkeypatch.setattr("tonicdm.budget.default.default_path", lambda: blocked / "tonicdm" / "budget.db")
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


# --- keys ---------------------------------------------------------------------------------------------------------


def key_of(**settings: str) -> str:
    """Return under which key a client keeps its budget."""
    client = TonicDM(**{"token": "t", **settings})
    return client.budget.ledger.key  # type: ignore[attr-defined]


async def test_all_zones_have_the_key_that_they_had_in_the_version_before(state: pathlib.Path) -> None:
    """By zone= or base_url=, however the address is written: TonicDM counts the calls of a token together."""
    known = "0fc0739b0d789c52df01eb2c29559e0b"
    assert budget_key("t") == known, "files hold it already"
    keys = {key_of(zone=zone) for zone in ZONES} | {key_of(base_url=url) for url in ZONES.values()}
    keys |= {key_of(base_url="HTTPS://US-API.tonicdm.com:443/"), key_of(base_url="https://us-api.tonicdm.com.")}
    assert keys == {known}


async def test_every_other_server_counts_for_itself(state: pathlib.Path) -> None:
    """Scheme, host and port tell servers apart; all names of this machine are one."""
    urls = ["http://us-api.tonicdm.com", "https://us-api.tonicdm.com:8443", "https://proxy.example", "http://10.0.0.1"]
    keys = [key_of(base_url=url) for url in (*urls, "http://localhost:8300", "http://localhost:8301")]
    assert len({budget_key("t"), *keys}) == 7
    assert key_of(base_url="https://PROXY.example:443") == key_of(base_url="https://proxy.example")
    loopback = {
        key_of(base_url=f"http://{name}:8300") for name in ("localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "[::1]")
    }
    assert loopback == {key_of(base_url="http://localhost:8300")}


async def test_a_name_joins_a_proxy_with_the_zones(state: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an argument, as a variable, or as the very key that the zones have."""
    assert key_of(zone="us", budget_key="firm") == key_of(base_url="https://proxy.example", budget_key="firm") == "firm"
    assert key_of(base_url="https://proxy.example", budget_key=budget_key("t")) == key_of(zone="de")
    monkeypatch.setenv("TONICDM_BUDGET_KEY", "all of us")
    assert key_of(zone="us") == key_of(base_url="https://proxy.example") == "all of us"
    assert key_of(zone="us", budget_key="firm") == "firm", "an argument goes before a variable"


@pytest.mark.parametrize("wrong", ["secret-token", "of secret-token", " x", "a\nb", "x" * 201])
async def test_a_name_is_no_token_and_no_riddle(state: pathlib.Path, wrong: str) -> None:
    with pytest.raises(ConfigError, match="budget_key") as caught:
        TonicDM("secret-token", zone="us", budget_key=wrong)
    assert "secret-token" not in str(caught.value)


async def test_a_name_is_no_use_beside_a_budget_of_ones_own() -> None:
    async with UnitBudget.memory() as budget:
        with pytest.raises(ConfigError, match="nothing to choose"):
            TonicDM("t", zone="us", budget=budget, budget_key="firm")


async def refuse(budget: UnitBudget, clock: VirtualClock) -> None:
    async with budget.reserve(5) as reservation:
        await reservation.sent()
        await reservation.settle(3600, 0, clock.now() + 1800, date=clock.now(), status=429)


@pytest.mark.parametrize(
    ("former", "now"),
    [
        ({"zone": "us"}, {"zone": "us", "budget_key": "firm"}),
        ({"base_url": "https://proxy.example"}, {"base_url": "https://proxy.example", "budget_key": "firm"}),
    ],
)
async def test_a_429_is_obeyed_also_after_the_budget_was_given_a_name(
    state: pathlib.Path, former: dict[str, str], now: dict[str, str]
) -> None:
    clock = VirtualClock()
    async with TonicDM("t", clock=clock, **former) as tonic:
        await refuse(tonic.budget, clock)
    async with TonicDM("t", clock=clock, **now) as tonic:
        with pytest.raises(BudgetTimeoutError, match="blocked"):
            await tonic.budget.reserve(1, max_wait=60).__aenter__()


async def test_a_429_that_the_version_before_remembered_is_obeyed_by_clients_of_any_server(
    state: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It kept a proxy's budget under the token alone; what this version notes there for the zones is no proxy's."""
    from tests.unit.budget.version_before import VersionBefore
    from tonicdm.budget.ledgers import starts

    clock = VirtualClock()
    file = default_path()
    file.parent.mkdir(parents=True)
    before = VersionBefore(file, budget_key("t"), starts.boot_id())
    with before.step() as window:
        window.silence.until, window.reset, window.used = clock.now() + 1800, clock.now() + 1800, 3600
        window.hold(5, "sent", clock.monotonic() + 30, clock.monotonic())
    before.close()
    for server in ({"base_url": "https://proxy.example"}, {"zone": "us"}):
        async with TonicDM("t", clock=clock, **server) as tonic:
            with pytest.raises(BudgetTimeoutError, match="blocked"):
                await tonic.budget.reserve(1, max_wait=60).__aenter__()
            assert tonic.budget.snapshot().reserved == 5
    async with TonicDM("u", zone="us", clock=clock) as tonic:
        await refuse(tonic.budget, clock)
    async with (
        TonicDM("u", base_url="http://localhost:8300", clock=clock) as tonic,
        tonic.budget.reserve(1, max_wait=0),
    ):
        pass


async def test_a_new_token_takes_over_the_cooldown_of_the_old_one(state: pathlib.Path) -> None:
    """For a program that is started anew with a new token (how-to: budget)."""
    clock = VirtualClock()
    async with TonicDM("old", zone="us", clock=clock) as old, TonicDM("new", zone="us", clock=clock) as tonic:
        await refuse(old.budget, clock)
        await tonic.budget.inherit(old.budget)
        with pytest.raises(BudgetTimeoutError, match="blocked"):
            await tonic.budget.reserve(1, max_wait=60).__aenter__()


# --- places -------------------------------------------------------------------------------------------------------


def names_in(folder: pathlib.Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def spend(budget: UnitBudget, clock: VirtualClock) -> int:
    async with budget.reserve(5) as reservation:
        await reservation.sent()
        await reservation.settle(3600, 3595, clock.now() + 3600, date=clock.now())
    remaining = budget.snapshot().remaining
    await budget.close()
    return remaining


@pytest.mark.parametrize("where", ["~/budget.db", "$HOME/budget.db", "${HOME}/budget.db", "budget.db"])
async def test_a_path_is_the_same_file_however_it_is_written(
    state: pathlib.Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Also where no shell has read it, and when the working directory changes afterwards."""
    monkeypatch.chdir(state)
    clock = VirtualClock()
    for budget in (open_budget(where, key="k", clock=clock), UnitBudget.shared(where, key="k", clock=clock)):
        monkeypatch.chdir("/")
        assert await spend(budget, clock) == 3595
        monkeypatch.chdir(state)
    assert sorted(name for name in names_in(state) if name.endswith(".db")) == ["budget.db"]
    assert "~" not in names_in(state)


@pytest.mark.parametrize(
    "where", ["$NO_SUCH_VARIABLE/b.db", "file:b.db", "sqlite:///b.db", " ", "a\0b.db", "~nobody-at-all/b.db"]
)
async def test_a_path_that_names_no_file_is_an_error_and_no_file(
    state: pathlib.Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.chdir(state)
    with pytest.raises(ConfigError):
        UnitBudget.shared(where)
    assert names_in(state) == []


async def test_sqlites_word_for_memory_is_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot tells what was spent; before, each look was into a new memory of its own."""
    clock = VirtualClock()
    for budget in (open_budget(":memory:", key="k", clock=clock), UnitBudget.shared(":memory:", clock=clock)):
        assert budget.ledger.where == "memory"
        assert await spend(budget, clock) == 3595


async def test_a_folder_is_no_file(state: pathlib.Path) -> None:
    async with UnitBudget.shared(state) as budget:
        assert budget.snapshot().remaining == 3600
        with pytest.raises(ConfigError, match="can't be used"):
            await budget.reserve(1).__aenter__()


def run_as(user: int, code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run *code* in a process of its own, as *user*, who may not read the interpreter's own files."""
    return subprocess.run(
        [sys.executable, "-W", "always", "-c", f"{LOADED}\nos.setuid({user})\n{code}"],
        env={"PYTHONPATH": os.pathsep.join(sys.path), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


LOADED = (
    "import aiolimiter, asyncio, os, platformdirs.unix, pwd, tonicdm.budget.ledgers.sqlite, tonicdm.client, "
    "concurrent.futures.thread"
)
CLIENT = """
from tonicdm import TonicDM
async def main():
    async with TonicDM("t", zone="us") as tonic:
        async with tonic.budget.reserve(5):
            print(tonic.budget.ledger.where)
asyncio.run(main())
"""


@pytest.fixture
def open_folder() -> Iterator[pathlib.Path]:
    """A folder that other users can get to; pytest's own are closed to them."""
    with places.open_folder() as folder:
        yield folder


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="becomes another user")
def test_a_user_without_home_or_with_one_of_root_has_the_promised_warning(
    open_folder: pathlib.Path,
) -> None:
    """Containers and functions: no HOME and no entry in passwd; a state folder that root made; a log of root's."""
    roots = open_folder / "roots"
    roots.mkdir(mode=0o755)
    mine = open_folder / "mine" / "tonicdm"
    mine.mkdir(parents=True)
    for path in (mine.parent, mine):
        os.chown(path, 54321, 54321)
    (mine / "budget.db").touch()
    os.chown(mine / "budget.db", 54321, 54321)
    (mine / "budget.db-wal").touch(mode=0o600)  # root's
    folder = f"os.chdir({str(open_folder)!r})\n"
    for environ in ({}, {"XDG_STATE_HOME": str(roots)}, {"XDG_STATE_HOME": str(mine.parent)}, {"HOME": str(roots)}):
        done = run_as(54321, folder + CLIENT, **environ)
        assert done.stdout == "memory\n", (environ, done.stderr)
        assert done.stderr.count("RuntimeWarning") == 1
        assert "TONICDM_BUDGET" in done.stderr
    done = run_as(54321, folder + CLIENT, TONICDM_BUDGET="~/budget.db")
    assert done.stdout == "memory\n", done.stderr
    assert not (open_folder / "~").exists()
