"""Notes of tasks keep the same promises in files, in a database that hosts share, and in a store."""

from __future__ import annotations

import asyncio
import itertools
import pathlib
import threading
from collections.abc import Callable

import attrs
import psycopg
import pytest

from tests.postgres import DatabaseTime
from tonicdm.errors import ConfigError, StoreError
from tonicdm.rhythm import RhythmClient
from tonicdm.rhythm.database import SCHEMA, RhythmDatabase
from tonicdm.rhythm.databasenotes import LEASE_SECONDS, DatabaseNote, StoreNote
from tonicdm.rhythm.errors import UnderWayError
from tonicdm.rhythm.jobs import MAX_TRIES, JobFile, JobNote, Note
from tonicdm.store.opening import locate

NOTE = Note(id="q-1", fingerprint="f", started_at=1e9)
Opener = Callable[[], JobNote]


@pytest.fixture(params=["file", "database", "store"])
def again(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Opener:
    """Returns the same note as another process or host has it."""
    output = tmp_path / "rows.json"
    if request.param == "file":
        return lambda: JobFile.beside(output)
    url = request.getfixturevalue("postgres_url")
    if request.param == "store":
        return lambda: StoreNote(locate(url, "firm"), "rhythm_contacts.changes")
    return lambda: DatabaseNote.at(RhythmDatabase(url), "example.org", output)


def test_a_note_is_read_as_written_by_whoever_has_the_task_until_it_is_forgotten(again: Opener) -> None:
    note = again()
    assert note.read() is None
    note.remove()
    note.write(NOTE)
    assert again().read() == again().matching("f") == again().of("f") == NOTE
    with pytest.raises(ConfigError, match=r"belongs to another task \(q-1\).* Nothing was sent"):
        again().matching("g")
    assert again().of("g") is None
    assert again().read() is None, "another question's was forgotten"
    assert note.name == again().name


def test_a_task_is_given_up_after_its_tries_or_a_day(again: Opener) -> None:
    note, known = again(), NOTE
    note.write(known)
    for number in range(MAX_TRIES):
        assert note.failed(known, 1e9) == (number == MAX_TRIES - 1)
        found = note.read()
        assert (None if found is None else found.tries) == (None if number == MAX_TRIES - 1 else number + 1)
        known = found or known
    note.write(NOTE)
    assert note.failed(NOTE, 1e9 + 86400.0, counts=False)
    assert note.read() is None


async def test_one_at_a_time_holds_a_note(again: Opener) -> None:
    if isinstance(again(), StoreNote):
        pytest.skip("a sync holds its store")
    async with again().holding():
        with pytest.raises(UnderWayError):
            async with again().holding():
                raise AssertionError
        await asyncio.to_thread(again().write, NOTE)
    async with again().holding():
        assert await asyncio.to_thread(again().read) == NOTE


# --- the database ---------------------------------------------------------------------------------------------------


def changed(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(sql.encode())


async def test_a_host_that_is_gone_holds_its_notes_for_a_lease_by_the_databases_clock(postgres_url: str) -> None:
    note = DatabaseNote(RhythmDatabase(postgres_url), "x")
    await asyncio.to_thread(note._hold, "gone")
    with pytest.raises(UnderWayError):
        async with note.holding():
            raise AssertionError
    changed(postgres_url, f"UPDATE {SCHEMA}.note SET held_until = held_until - {LEASE_SECONDS}")
    async with note.holding():
        with pytest.raises(UnderWayError):
            await asyncio.to_thread(note._hold, "gone")
        await asyncio.to_thread(note._let_go, "gone")
        with pytest.raises(UnderWayError):
            await asyncio.to_thread(note._hold, "a third")


async def test_a_note_of_one_that_died_before_the_databases_clock_was_set_back_is_free_after_a_lease(
    postgres_url: str,
) -> None:
    time_of_database = DatabaseTime(postgres_url)
    await asyncio.to_thread(DatabaseNote(RhythmDatabase(postgres_url), "x")._hold, "dead")
    time_of_database.set(-3600.0)
    with pytest.raises(UnderWayError):
        await asyncio.to_thread(DatabaseNote(RhythmDatabase(postgres_url), "x")._hold, "theirs")
    time_of_database.set(LEASE_SECONDS + 1)
    await asyncio.to_thread(DatabaseNote(RhythmDatabase(postgres_url), "x")._hold, "late")


@pytest.mark.parametrize("seconds", [-3600.0, 3600.0])
async def test_a_note_is_held_by_the_living_and_for_one_lease_by_the_dead_whatever_the_databases_clock_is_set_by(
    postgres_url: str, seconds: float
) -> None:
    time_of_database = DatabaseTime(postgres_url)
    ours, theirs = (DatabaseNote(RhythmDatabase(postgres_url), "x") for _ in range(2))
    await asyncio.to_thread(ours._hold, "ours")
    assert theirs.read() is None
    time_of_database.set(seconds)
    for _ in range(2):
        with pytest.raises(UnderWayError):
            await asyncio.to_thread(theirs._hold, "theirs")
        await asyncio.to_thread(ours._hold, "ours")
    time_of_database.set(LEASE_SECONDS + 1)
    late = DatabaseNote(RhythmDatabase(postgres_url), "x")  # for others the clock would be set once more
    await asyncio.to_thread(late._hold, "late")


@pytest.mark.parametrize("renews", [False, True])
async def test_a_run_that_is_cancelled_while_it_takes_its_note_lets_go_of_it_behind_that(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, renews: bool
) -> None:
    """The thread took the note, or held it for longer, after it had been given back: nobody got it for a minute."""
    note, hold = DatabaseNote(RhythmDatabase(postgres_url), "x"), DatabaseNote._hold
    entered, go = threading.Event(), threading.Event()
    calls = itertools.count(1)
    monkeypatch.setattr("tonicdm.rhythm.databasenotes.LEASE_SECONDS", 0.03 if renews else LEASE_SECONDS)

    def slow(self: DatabaseNote, holder: str) -> None:
        if next(calls) > renews:
            entered.set()
            go.wait(60)
            monkeypatch.setattr("tonicdm.rhythm.databasenotes.LEASE_SECONDS", LEASE_SECONDS)
        hold(self, holder)

    async def run() -> None:
        async with note.holding():
            await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        patch.setattr(DatabaseNote, "_hold", slow)
        task = asyncio.create_task(run())
        await asyncio.to_thread(entered.wait, 60)
        task.cancel()
        await asyncio.sleep(0.1)
        go.set()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0.1)
    async with note.holding():
        pass


async def test_a_run_that_is_cancelled_lets_go(postgres_url: str) -> None:
    note, held = DatabaseNote(RhythmDatabase(postgres_url), "x"), asyncio.Event()

    async def run() -> None:
        async with note.holding():
            held.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(run())
    await held.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with note.holding():
        pass
    with psycopg.connect(postgres_url) as db:
        assert db.execute(f"SELECT count(*) FROM {SCHEMA}.note".encode()).fetchone() == (0,), "no row stays behind"


def test_a_damaged_note_stops_rather_than_start_a_second_task(postgres_url: str) -> None:
    note = DatabaseNote(RhythmDatabase(postgres_url), "x")
    note.write(NOTE)
    for text in ("{", '{"version": 1}', '{"version": 2}'):
        changed(postgres_url, f"UPDATE {SCHEMA}.note SET document = '{text}'")
        with pytest.raises(StoreError, match="note"):
            note.read()


async def test_tenants_and_outputs_have_notes_of_their_own_and_a_user_shares_the_clients(
    tmp_path: pathlib.Path,
) -> None:
    where = "postgresql://db/x"
    async with (
        RhythmClient("a.example.org", token="t", database=where) as one,
        RhythmClient("b.example.org", token="t", database=where) as other,
    ):
        notes = [client._caller.note_at(tmp_path / name) for client in (one, other) for name in ("x.job", "y.job")]
        assert len({note.name for note in notes}) == 4
        assert all("postgresql://db/x" in note.name for note in notes)
    async with RhythmClient("a.example.org", token="t") as without:
        assert without._caller.note_at(tmp_path / "x.job") == JobFile(tmp_path / "x.job")


def test_a_note_holds_nothing_but_an_id_a_fingerprint_and_figures() -> None:
    assert {field.name for field in attrs.fields(Note)} == {"id", "fingerprint", "started_at", "tries"}
