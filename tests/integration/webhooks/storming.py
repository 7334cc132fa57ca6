"""A storm of webhooks against the commands as users run them, each in a process of its own, measured by the sandbox.

The sandbox's sender posts an event for each change, some twice and all of them shuffled. The receiver is killed twice
and the worker once, with -9. Units are those of the sandbox's journal.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from typing import Any

import attrs

from tests.engines import rows, words
from tests.processes import free_port
from tonicdm import TonicDM, UnitBudget
from tonicdm.store import Store, choose
from tonicdm.store.database import Location
from tonicdm.store.opening import locate
from tonicdm.sync import synchronize

TYPES = (
    "organizations", "brands", "offices", "persons", "email_addresses", "projects", "notes", "rfis", "submittals",
    "cos", "tasks", "conversations",
)  # fmt: skip
SYNC_TOKEN, WORK_TOKEN = "sandbox-token", "storm-token"
"""Two tokens of one tenant: what the first load costs is not what the storm costs."""
KEY = "a-key-of-the-storm-of-webhooks"
WORK = ("--handlers", "stormhandlers:handlers", "--batch-window", "1", "--lease", "5")
HANDLERS = """
from tonicdm.webhooks import Handlers

handlers = Handlers()


@handlers.on("*")
async def note(delivery):
    row = (delivery.event, delivery.id)
    delivery.store(lambda db: db.execute("INSERT INTO effect VALUES (?, ?)", row))
"""


@attrs.define(kw_only=True)
class Storm:
    """What a storm was, and what became of it."""

    events: int = 0
    accepted: int = 0
    """Events for which the receiver has answered 2xx at least once."""
    attempts: int = 0
    """Requests that the sender made."""
    unanswered: int = 0
    """Requests that got no answer, because the receiver was dead."""
    duplicates: int = 0
    """Requests that the inbox told as a duplicate."""
    acks: list[float] = attrs.field(factory=list, repr=False)
    """Seconds from each request to its 2xx."""
    kept: set[str] = attrs.field(factory=set, repr=False)
    """Keys of the accepted events."""
    stored: set[str] = attrs.field(factory=set, repr=False)
    """Keys in the inbox."""
    effects: Counter[tuple[str, str]] = attrs.field(factory=Counter, repr=False)
    """Rows that the handler wrote, by event and record."""
    states: dict[str, int] = attrs.field(factory=dict)
    wrong: int = 0
    """Records that changed and are not in the store as the server has them."""
    distinct: dict[str, int] = attrs.field(factory=dict, repr=False)
    """Distinct records that changed, by type."""
    units: int = 0
    calls: int = 0
    refused: int = 0
    """429s that the worker met."""
    killed: dict[str, int] = attrs.field(factory=dict)
    seconds: float = 0.0
    """From the reset until all was worked off."""

    def ack(self, share: float) -> float:
        """Return the milliseconds within which *share* of the requests that were acknowledged had their answer."""
        ordered = sorted(self.acks)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000

    @property
    def bound(self) -> int:
        """Units without updated_after: 5 times the sum of ceil(m/240) over the types."""
        return 5 * sum(-(-count // 240) for count in self.distinct.values())


async def storm(
    folder: pathlib.Path,
    *,
    events: int,
    seconds: float,
    records: int,
    pool: int,
    updated_after: bool = True,
    where: Location | None = None,
    tell: Any = lambda _line: None,
) -> Storm:
    """Make a storm of *events* within *seconds*, and wait until it is worked off.

    Args:
        folder: For the files.
        events: Changes to be made; each is an event.
        seconds: Over which they are spread.
        records: Size of the sandbox's firm.
        pool: Records of each type among which changes are made.
        updated_after: Whether the server heeds it.
        where: The copy; a file in the folder unless given. One in PostgreSQL has the budget beside it.
        tell: Told what happens.
    """
    found, chance = Storm(events=events), random.Random(7)
    file = where or locate(folder / "firm.db")
    (folder / "stormhandlers.py").write_text(HANDLERS)
    with _sandbox(records, updated_after=updated_after) as url:
        await _load(url, file)
        tell("loaded; the budget is spent")
        window = seconds + 8 + seconds / 6
        _post(url, "/__settings", {"window_seconds": window})
        _post(url, "/__spend", {"units": 3600, "token": WORK_TOKEN})
        reset = time.monotonic() + window
        processes = _Processes(folder, file, url)
        with processes:
            processes.start("receiver")
            _subscribe(url, processes.url, seconds)
            # However slow the machine, the worker begins when all is there: units count, and not who was faster.
            await processes.budget("pause")
            processes.start("worker")
            changed = await _change(url, found, chance, pool, seconds, processes)
            tell(f"{events:,} changes made; the receiver was killed {processes.killed['receiver']} times")
            await _wait(lambda: _post(url, "/__webhooks", {})["under_way"] == 0, 600)
            _take_acks(url, found)
            tell(f"all accepted {reset - time.monotonic():.1f} s before the reset")
            await processes.budget("resume")
            await _wait(lambda: _count(file, "SELECT count(*) FROM effect") > events // 20, window + 600)
            began = time.monotonic()
            processes.kill("worker")
            tell("the worker was killed at its work")
            processes.start("worker")
            left = "SELECT count(*) FROM job WHERE state IN ('received', 'leased')"
            await _wait(lambda: _count(file, left) == 0, 600)
            found.seconds, found.killed = time.monotonic() - began, dict(processes.killed)
        journal = _get(url, f"/__journal?token={WORK_TOKEN}")
        tell(f"worked off {found.seconds:.1f} s after the worker was killed")
        found.units = journal["units"]
        found.calls = sum(entry["status"] == 200 for entry in journal["entries"])
        found.refused = sum(entry["status"] == 429 for entry in journal["entries"])
        _compare(url, file, changed, found)
    return found


# --- the parts --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _sandbox(records: int, *, updated_after: bool) -> Iterator[str]:
    command = [sys.executable, "-m", "tonicdm.sandbox", "--port", "0", "--records", str(records)]
    command += ["--token", SYNC_TOKEN, "--token", WORK_TOKEN, "--set", f"updated_after_supported={updated_after}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


async def _load(url: str, file: Location) -> None:
    """Load the types, and find out whether updated_after works."""
    budget = UnitBudget.memory(max_calls_per_second=None)
    async with budget, TonicDM(SYNC_TOKEN, base_url=url, budget=budget) as tonic, Store(file) as store:
        for _ in range(2):
            await synchronize(tonic, store, choose(list(TYPES)), audit="never")
        await store.write(lambda db: db.execute("CREATE TABLE effect (event TEXT, id TEXT)"))


class _Processes:
    """The receiver and the worker, as users start them."""

    def __init__(self, folder: pathlib.Path, file: Location, url: str) -> None:
        self.killed: Counter[str] = Counter()
        self.url = ""
        self._port = free_port()
        self._folder = folder
        self._file = words(file)
        self._running: dict[str, subprocess.Popen[str]] = {}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TONICDM_")}
        self._environment = {
            **kept,
            "TONICDM_TOKEN": WORK_TOKEN,
            "TONICDM_BASE_URL": url,
            "TONICDM_BUDGET": str(folder / "budget.db") if file.schema is None else self._file[0],
            "STORM_KEY": KEY,
        }

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc_info: object) -> None:
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)
        for process in self._running.values():
            assert process.wait(240) == 0, "a process must stop cleanly"
            process.stdout.close()

    def start(self, name: str) -> None:
        options = {
            "receiver": ["serve", *self._file, "--port", str(self._port), "--secret-env", "STORM_KEY"],
            "worker": ["work", *self._file, *WORK],
        }[name]
        with (self._folder / f"{name}.log").open("a") as log:
            self._running[name] = process = subprocess.Popen(
                [sys.executable, "-m", "tonicdm.cli", "webhooks", *options],
                env=self._environment,
                cwd=self._folder,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        line = process.stdout.readline()
        assert line, (self._folder / f"{name}.log").read_text()
        if name == "receiver":
            self.url = line.split()[2]

    async def budget(self, command: str) -> None:
        """Pause the worker's budget, or take that back, as a user does."""
        run = [sys.executable, "-m", "tonicdm.cli", "budget", command]
        await asyncio.to_thread(
            subprocess.run, run, env=self._environment, cwd=self._folder, check=True, capture_output=True
        )

    def kill(self, name: str) -> None:
        process = self._running.pop(name)
        process.kill()
        process.wait()
        process.stdout.close()
        self.killed[name] += 1


def _subscribe(url: str, target: str, seconds: float) -> None:
    settings = {
        "duplicate_rate": 0.3,
        "delay_seconds": [0.0, min(5.0, seconds / 4)],
        "retries": 100,
        # As a sender would, not all at once when the receiver is back.
        "retry_seconds": min(1.0, seconds / 15),
        "max_retry_seconds": max(1.0, seconds / 12),
    }
    _post(
        url,
        "/__webhooks",
        {"subscribe": [{"url": target, "secret": KEY, "record_types": list(TYPES)}], "set": settings},
    )


async def _change(
    url: str, found: Storm, chance: random.Random, pool: int, seconds: float, processes: _Processes
) -> dict[str, set[str]]:
    """Change records at an even pace, and kill the receiver at a third and at two thirds of the way."""
    ids = {kind: [item["id"].replace("-", "") for item in _world(url, kind)][:pool] for kind in TYPES}
    changed: dict[str, set[str]] = {kind: set() for kind in TYPES}
    began, made = time.monotonic(), 0
    kills = [found.events // 3, 2 * found.events // 3]
    while made < found.events:
        due = min(found.events, int(found.events * (time.monotonic() - began) / seconds) + 1)
        updates = []
        for number in range(made, due):
            kind = chance.choice(TYPES)
            one = chance.choice(ids[kind])
            changed[kind].add(one)
            updates.append({"type": kind, "id": one, "fields": {"stormMark": number}})
        made = max(made, due)
        if updates:
            await asyncio.to_thread(_post, url, "/__world", {"update": updates})
        if kills and made >= kills[0]:
            kills.pop(0)
            processes.kill("receiver")
            await asyncio.to_thread(processes.start, "receiver")
        await asyncio.sleep(0.05)
    found.distinct = {kind: len(names) for kind, names in changed.items()}
    return changed


def _take_acks(url: str, found: Storm) -> None:
    deliveries = _get(url, "/__webhooks")
    acknowledged = [one for one in deliveries if one["status"] is not None and 200 <= one["status"] < 300]
    found.attempts, found.acks = len(deliveries), [one["seconds"] for one in acknowledged]
    found.unanswered = sum(one["status"] is None for one in deliveries)
    found.kept = {one["event"] for one in acknowledged}
    found.accepted = len(found.kept)


def _compare(url: str, file: Location, changed: dict[str, set[str]], found: Storm) -> None:
    found.stored = {key for (key,) in rows(file, "SELECT key FROM event")}
    found.duplicates = int(rows(file, "SELECT sum(copies) FROM event")[0][0])
    found.effects = Counter(rows(file, "SELECT event, id FROM effect"))
    found.states = dict(rows(file, "SELECT state, count(*) FROM job GROUP BY state"))
    for kind, names in changed.items():
        truth = {item["id"].replace("-", ""): item for item in _world(url, kind)}
        held = dict(rows(file, "SELECT id, raw FROM record WHERE type = ?", kind))
        found.wrong += sum(json.loads(held[one])["stormMark"] != truth[one]["stormMark"] for one in names)


def _world(url: str, kind: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{url}/__world?type={kind}") as answer:
        return [json.loads(line) for line in answer.read().splitlines() if line]


def _get(url: str, path: str) -> Any:
    with urllib.request.urlopen(url + path) as answer:
        return json.loads(answer.read())


def _post(url: str, path: str, body: Any) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url + path, json.dumps(body).encode())) as answer:
        return json.loads(answer.read())


def _count(file: Location, query: str) -> int:
    return int(rows(file, query)[0][0])


async def _wait(condition: Any, most: float) -> None:
    end = time.monotonic() + most
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < end, "it takes too long"
        await asyncio.sleep(0.05)
