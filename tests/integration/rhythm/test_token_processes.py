"""Real processes on one folder or database, with the real lock, against the sandbox: at once, killed, restarted."""

import asyncio
import itertools
import json
import os
import subprocess
import sys

import pytest

from tests import processes
from tests.engines import ENGINES
from tests.unit.rhythm.kept import SEALING_KEY
from tonicdm.sandbox.rhythm import RhythmSandbox

pytestmark = [pytest.mark.realtime, pytest.mark.skipif(sys.platform == "win32", reason="needs signals")]

SHORT = ["sqlite", pytest.param("postgresql", marks=pytest.mark.thorough)]
"""Files in the suite; a database is used by threads and a fork there, by many processes in what is thorough."""


@pytest.fixture
def where(request, tmp_path, monkeypatch) -> str:
    """Where the tokens are kept, for processes to come."""
    if request.param == "sqlite":
        return str(tmp_path / "rhythm")
    monkeypatch.setenv("RHYTHM_TOKENS_KEY", SEALING_KEY)
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def start(where):
    """Starts processes on one place; whatever is left of them is killed."""
    started = []

    def start(box: RhythmSandbox) -> subprocess.Popen[str]:
        command = [*processes.module("tests.integration.rhythm.tokenworker"), box.auth_url, box.client_id]
        started.append(
            subprocess.Popen(
                [*command, box.client_secret, where],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


async def line(process: subprocess.Popen[str]) -> str:
    async with asyncio.timeout(240):
        return await asyncio.to_thread(process.stdout.readline)


async def go(processes: list[subprocess.Popen[str]]) -> None:
    """Let all begin at the same moment."""
    for process in processes:
        assert await line(process) == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()


async def end(process: subprocess.Popen[str]) -> dict[str, int]:
    process.terminate()
    while (last := await line(process)) == "called\n":
        pass
    return json.loads(last)


@pytest.mark.parametrize("where", SHORT, indirect=True)
async def test_processes_that_begin_at_once_share_one_token(start) -> None:
    """And one that comes later, too."""
    async with RhythmSandbox(records=3) as box:
        processes = [start(box) for _ in range(5)]
        await go(processes)
        assert [await line(process) for process in processes] == ["called\n"] * 5
        processes.append(start(box))
        await go(processes[-1:])
        assert await line(processes[-1]) == "called\n"
        told = [await end(process) for process in processes]
        assert [one["tokens"] for one in told] == [1] * 6
        assert [one["errors"] for one in told] == [0] * 6
        assert len(box.mints()) == 1


@pytest.mark.parametrize("where", SHORT, indirect=True)
async def test_tokens_that_end_are_replaced_once_though_a_process_is_killed_in_the_middle_of_a_mint(start) -> None:
    """A killed process may cost the mint that it had sent, and no more; the others go on after its lease."""
    async with RhythmSandbox(records=3) as box:
        box.settings.token_seconds = 2
        box.settings.latency_seconds = (0.2, 0.2)
        processes = [start(box) for _ in range(4)]
        await go(processes)
        async with asyncio.timeout(240):
            while not box.mints():
                await asyncio.sleep(0.005)
            processes[0].kill()  # the one that minted still waits for its answer: it may be this one
            while len(box.mints()) < 3:
                await asyncio.sleep(0.005)
        for process in processes[1:]:
            assert [await line(process), await line(process)] == ["called\n"] * 2, "it goes on"
        told = [await end(process) for process in processes[1:]]
        at = [mint.at for mint in box.mints()]
        early = sum(later - earlier < 2 for earlier, later in itertools.pairwise(at))
        assert early <= 1, "only what the killed process had sent may be asked for again"
        assert all(one["errors"] == 0 for one in told)


FORK = """
import asyncio, os, sys
from tonicdm.rhythm import TokenBroker

async def main():
    broker = TokenBroker(*sys.argv[1:4], store=sys.argv[4])
    mint = asyncio.create_task(broker.token())
    while not len(broker._minting):
        await asyncio.sleep(0.001)
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.write(write, asyncio.run(broker.token()).reveal().encode())
        os._exit(0)
    os.close(write)
    token = (await mint).reveal()
    told = await asyncio.to_thread(os.read, read, 10_000)
    os.waitpid(child, 0)
    print(told.decode() == token)

asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("where", ENGINES, indirect=True)
async def test_a_child_forked_during_a_mint_takes_its_token(where: str) -> None:
    """It once waited for a task of the loop that it had left behind: RuntimeError, for good."""
    async with RhythmSandbox(records=3) as box:
        box.settings.latency_seconds = (0.3, 0.3)
        arguments = [box.auth_url, box.client_id, box.client_secret, where]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK, *arguments,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), 240)
        assert out == b"True\n", err[-800:]
        assert len(box.mints()) == 1
