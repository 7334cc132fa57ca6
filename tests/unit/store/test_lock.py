"""Two syncs never have one store at once, wherever they run, and one that is gone does not keep it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import attrs
import pytest

from tonicdm.store.database import Database
from tonicdm.store.lock import LEASE_SECONDS, NOTE, WHOLE, Hold, Holder, acquire, forget, is_held, release

NOW = 1_800_000_000.0
ME = Holder.this_process()


def gone() -> int:
    """Return the number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


OTHERS = {
    "process 1 of another container": attrs.evolve(ME, namespace="pid:[1]"),
    "the same number on another machine": attrs.evolve(ME, boot="another"),
    "a live process here": None,
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_process_has_it_until_its_lease_ends_and_the_error_says_for_how_long(name: str, db: Database) -> None:
    """One of another container may have our own number, and be alive though no process here has its number."""
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as process:
        other = OTHERS[name] or holder_of(process.pid)
        assert acquire(db, NOW, me=other) is None
        busy = acquire(db, NOW + 50)
        assert busy is not None
        assert "nothing was sent" in str(busy) and f"in {LEASE_SECONDS - 50:.0f} s" in str(busy)
        release(db)
        assert acquire(db, NOW + 50) is not None, "only its holder gives it back"
        assert acquire(db, NOW + LEASE_SECONDS + 1) is None
        assert acquire(db, NOW + LEASE_SECONDS + 1, me=other) is not None
        process.kill()


def holder_of(pid: int) -> Holder:
    code = "from tonicdm.store.lock import _start_of; print(_start_of(%d))" % pid
    start = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    return attrs.evolve(ME, pid=pid, start=start)


@pytest.mark.skipif(sys.platform != "linux", reason="only there a process can be looked for")
@pytest.mark.parametrize("later", [False, True], ids=["no such process", "a later process with its number"])
def test_one_that_is_dead_in_our_own_namespace_is_taken_over_at_once(later: bool, db: Database) -> None:
    dead = attrs.evolve(ME, pid=os.getppid(), start="1") if later else attrs.evolve(ME, pid=gone(), start="1")
    assert acquire(db, NOW, me=dead) is None
    assert acquire(db, NOW + 1) is None


def test_its_holder_takes_it_again_and_gives_it_back(db: Database) -> None:
    assert acquire(db, NOW) is None
    assert acquire(db, NOW + 30) is None
    release(db)
    assert acquire(db, NOW + 31, me=attrs.evolve(ME, boot="another")) is None


@pytest.mark.parametrize(("pid", "free"), [(None, True), (os.getppid(), False)], ids=["gone", "alive"])
def test_the_note_of_the_version_before_is_understood(pid: int | None, free: bool, db: Database) -> None:
    """It named a process, and a time until which it was to be believed."""
    db.execute("INSERT INTO meta VALUES (?, ?)", (NOTE, f"{pid or gone()} {NOW + 100}"))
    assert (acquire(db, NOW) is None) is free
    assert acquire(db, NOW + 101) is None


PERSONS, OFFICES = Hold.of_type("persons", 60.0), Hold.of_type("offices", 60.0)


def test_runs_of_two_types_have_one_store_side_by_side_and_two_of_one_type_never(db: Database) -> None:
    """Also within one process."""
    assert acquire(db, NOW, hold=PERSONS) is None
    assert acquire(db, NOW, hold=OFFICES) is None
    assert acquire(db, NOW, hold=Hold.of_type("persons", 60.0)) is not None
    assert acquire(db, NOW + 61, hold=Hold.of_type("persons", 60.0)) is None, "the lease of the first one has ended"
    assert not is_held(db, hold=PERSONS)
    release(db, hold=PERSONS)
    assert acquire(db, NOW + 62, hold=PERSONS) is not None, "who has lost it gives back nothing"


@pytest.mark.parametrize(("first", "second"), [(WHOLE, PERSONS), (PERSONS, WHOLE)], ids=["whole first", "type first"])
def test_a_run_of_the_whole_store_shuts_out_each_type_and_is_shut_out_by_it(
    first: Hold, second: Hold, db: Database
) -> None:
    assert acquire(db, NOW, hold=first, me=attrs.evolve(ME, boot="another")) is None
    assert acquire(db, NOW, hold=second) is not None
    release(db, hold=first, me=attrs.evolve(ME, boot="another"))
    assert acquire(db, NOW, hold=second) is None
    forget(db)
    assert acquire(db, NOW, hold=first, me=attrs.evolve(ME, boot="another")) is None


def test_the_note_of_a_whole_run_is_one_that_the_version_before_reads(db: Database) -> None:
    """It knows four fields and the time, and takes any other for damage."""
    acquire(db, NOW)
    ((value,),) = db.execute("SELECT value FROM meta WHERE name = ?", (NOTE,)).fetchall()
    assert set(json.loads(value)) == {"boot", "namespace", "pid", "start", "until"}
