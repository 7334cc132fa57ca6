"""Queries: run once, whatever comes between; and what is downloaded is what was promised."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import logging
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from tonicdm import Hooks
from tonicdm.clock import VirtualClock
from tonicdm.errors import ConfigError
from tonicdm.rhythm import Dialect, PollRules, QuerySpec, any_of, field
from tonicdm.rhythm.errors import QueryFailedError, QueryTimeoutError, ResultError
from tonicdm.sandbox.rhythm import RhythmSandbox, RhythmSettings

from .conftest import drive

SPEC = QuerySpec(type="rolodex:contacts", fields=("id", "last_name", "number"))
WORKER = pathlib.Path(__file__).with_name("worker.py")


def downloads(box: RhythmSandbox) -> list[int | None]:
    return [entry.status for entry in box.downloads()]


def expiring(box: RhythmSandbox, times: int) -> Hooks:
    """Hooks under which the first *times* URIs of a finished query have expired before they are used."""
    left = times

    def on_response(event) -> None:
        nonlocal left
        if "/describe/" in event.path and left and box.queries()[-1].state(box.now()) == "done":
            left -= 1
            box.advance(box.settings.uri_seconds)

    return Hooks(on_response=on_response)


@pytest.mark.parametrize("output_format", ["json", "csv", "excel"])
async def test_a_result_is_streamed_to_its_file(rhythm, box, clock, tmp_path, output_format: str) -> None:
    """Without the bearer header, which a storage service would refuse; the note and the part are gone in the end."""
    output = tmp_path / f"rows.{output_format}"
    result = await drive(clock, rhythm.queries.run(SPEC, output, output_format=output_format), rhythm)
    assert result.rows == 500
    assert result.size == output.stat().st_size > 0
    assert list(tmp_path.iterdir()) == [output]
    assert downloads(box) == [200]
    assert not any(entry.authorized for entry in box.downloads())
    if output_format == "json":
        assert len(json.loads(output.read_text())) == 500
    if output_format == "csv":
        assert len(list(csv.DictReader(io.StringIO(output.read_text())))) == 500


async def test_criteria_reach_the_server_as_they_were_meant(rhythm, box, clock, tmp_path) -> None:
    contacts = [box.world.tables["contacts"].record(rank) for rank in range(500)]
    names = sorted({one["last_name"] for one in contacts})[:2]
    criteria = any_of(field("last_name") == names[0], (field("last_name") == names[1]) & (field("number") > 100))
    spec = QuerySpec(type="rolodex:contacts", fields=("id",), criteria=criteria, sort=("-number",))
    await drive(clock, rhythm.queries.run(spec, tmp_path / "x"), rhythm)
    expected = [
        one for one in contacts
        if one["last_name"] == names[0] or (one["last_name"] == names[1] and one["number"] > 100)
    ]  # fmt: skip
    expected.sort(key=lambda one: -one["number"])
    assert [row["id"] for row in json.loads((tmp_path / "x").read_text())] == [one["id"] for one in expected] != []


@pytest.mark.parametrize("empty", ["no_result_set", "empty_file"])
@pytest.mark.parametrize("output_format", ["json", "csv", "excel"])
async def test_nothing_found_is_an_end(rhythm, box, clock, tmp_path, empty: str, output_format: str) -> None:
    box.settings.empty_result = empty
    spec = QuerySpec(type="rolodex:contacts", fields=("id",), criteria=field("last_name") == "Nobody-at-all")
    output = tmp_path / "x"
    result = await drive(clock, rhythm.queries.run(spec, output, output_format=output_format), rhythm)
    assert result.rows == 0
    if result.path is not None and output_format == "json":
        assert json.loads(output.read_text()) == []
    assert not (tmp_path / "x.job").exists()


async def test_an_expired_uri_is_renewed_and_the_query_not_run_again(make, box, clock, tmp_path) -> None:
    rhythm = make(hooks=expiring(box, 2))
    result = await drive(clock, rhythm.queries.run(SPEC, tmp_path / "x"), rhythm)
    assert result.rows == 500
    assert downloads(box) == [403, 403, 200]
    assert len(box.queries()) == 1


async def test_a_uri_that_is_always_refused_ends_in_an_error_and_can_be_resumed(make, box, clock, tmp_path) -> None:
    hooks = expiring(box, 99)
    rhythm = make(hooks=hooks)
    with pytest.raises(ResultError, match=r"could not be fetched in 5 tries.*not run again"):
        await drive(clock, rhythm.queries.run(SPEC, tmp_path / "x"), rhythm)
    assert [path.name for path in tmp_path.iterdir()] == ["x.job"]
    result = await drive(clock, make().queries.run(SPEC, tmp_path / "x"), rhythm)
    assert result.rows == 500
    assert len(box.queries()) == 1


@pytest.mark.parametrize("fault", ["cut_body", "drop_before", "truncated_body", "server_error"])
async def test_a_download_that_breaks_off_is_fetched_again_and_leaves_no_half_file(
    rhythm, box, clock, tmp_path, fault: str
) -> None:
    (tmp_path / "x").write_text("an older result")
    started = await rhythm.queries.start_spec(SPEC)
    await drive(clock, started.wait(), rhythm)
    box.faults.next(fault, path=f"/s3/{box.tenant_id}/{started.id}/data.json")
    result = await drive(clock, started.save(tmp_path / "x"), rhythm)
    assert result.rows == 500
    assert len(downloads(box)) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


async def test_missing_rows_are_noticed(rhythm, box, clock, tmp_path, monkeypatch) -> None:
    """A file that is whole as such, and has fewer rows than the server named, is not taken for the result."""
    from tonicdm.rhythm.query import running

    (tmp_path / "x").write_text("an older result")
    monkeypatch.setattr(running, "_whole", lambda rows: None if rows is None else int(rows) + 1)
    with pytest.raises(ResultError, match="has 500 rows where the server named 501"):
        await drive(clock, rhythm.queries.run(SPEC, tmp_path / "x"), rhythm)
    assert (tmp_path / "x").read_text() == "an older result"
    assert not (tmp_path / "x.part").exists()


async def test_the_id_is_on_the_disk_before_the_query_is_looked_at(make, box, clock, tmp_path) -> None:
    seen: list[bool] = []
    note = tmp_path / "x.job"
    hooks = Hooks(on_request=lambda event: seen.append(note.exists()) if "/describe/" in event.path else None)
    await drive(clock, make(hooks=hooks).queries.run(SPEC, tmp_path / "x"))
    assert seen and all(seen)


async def test_a_query_that_takes_too_long_is_resumed_by_the_same_call(rhythm, box, clock, tmp_path) -> None:
    box.settings.query_seconds = 1000
    rules = PollRules(deadline=60)
    with pytest.raises(QueryTimeoutError, match="not given up at the server"):
        await drive(clock, rhythm.queries.run(SPEC, tmp_path / "x", rules=rules), rhythm)
    result = await drive(clock, rhythm.queries.run(SPEC, tmp_path / "x"), rhythm)
    assert result.rows == 500
    assert len(box.queries()) == 1


async def test_waiting_looks_less_and_less_often(rhythm, box, clock, tmp_path) -> None:
    """1, 2, 4, ... 30 s: an hour's query is looked at about 120 times."""
    box.settings.query_seconds = 3000
    await drive(clock, rhythm.queries.run(SPEC, tmp_path / "x"), rhythm)
    assert len(box.calls(operation="describeQuery")) < 110


async def test_unknown_words_for_the_state_are_waited_out(rhythm, box, clock, tmp_path) -> None:
    """The URI tells that the result is there, whatever the word."""
    box.settings.query_statuses = ("pondering", "on its way", "there you are", "oh no")
    assert (await drive(clock, rhythm.queries.run(SPEC, tmp_path / "x"), rhythm)).rows == 500


async def test_a_uri_under_another_name_is_a_setting(make, box, clock, tmp_path) -> None:
    box.settings.uri_name = "zz_location"
    with pytest.raises(ResultError, match=r"Dialect\.result_uris"):
        await drive(clock, make().queries.run(SPEC, tmp_path / "x"))
    rhythm = make(dialect=Dialect(result_uris=("zz_location",)))
    assert (await drive(clock, rhythm.queries.run(SPEC, tmp_path / "x"), rhythm)).rows == 500
    assert len(box.queries()) == 1


async def test_a_query_that_failed_is_forgotten_so_that_the_next_call_starts_anew(rhythm, box, clock, tmp_path) -> None:
    box.faults.on("task_fails")
    with pytest.raises(QueryFailedError, match="'FAILED'"):
        await drive(clock, rhythm.queries.run(SPEC, tmp_path / "x"), rhythm)
    assert list(tmp_path.iterdir()) == []
    box.faults.off()
    assert (await drive(clock, rhythm.queries.run(SPEC, tmp_path / "x"), rhythm)).rows == 500


async def test_a_query_that_the_server_forgot_is_told_and_started_anew(rhythm, box, clock, tmp_path) -> None:
    box.settings.query_seconds = 1000
    with pytest.raises(QueryTimeoutError):
        await drive(clock, rhythm.queries.run(SPEC, tmp_path / "x", rules=PollRules(deadline=5)), rhythm)
    box.tenants[box.tenant_id].queries.clear()
    with pytest.raises(QueryFailedError, match="does not know it any more"):
        await drive(clock, rhythm.queries.run(SPEC, tmp_path / "x"), rhythm)
    assert list(tmp_path.iterdir()) == []


async def test_a_note_of_another_query_stops_the_call(rhythm, box, clock, tmp_path) -> None:
    box.settings.query_seconds = 1000
    with pytest.raises(QueryTimeoutError):
        await drive(clock, rhythm.queries.run(SPEC, tmp_path / "x", rules=PollRules(deadline=5)), rhythm)
    other = QuerySpec(type="rolodex:organizations", fields=("id",))
    with pytest.raises(ConfigError, match="belongs to another task"):
        await rhythm.queries.run(other, tmp_path / "x")
    assert len(box.queries()) == 1


async def test_a_saved_query_of_a_chapter(rhythm, box, clock, tmp_path) -> None:
    from tonicdm.sandbox.rhythm.association import CHAPTERS

    running = await rhythm.queries.start_saved(next(iter(CHAPTERS)), "all-contacts", output_format="csv")
    result = await drive(clock, running.save(tmp_path / "x"), rhythm)
    assert result.rows is not None and 0 < result.rows < 500


@pytest.mark.parametrize("fault", [None, "drop_before", "cut_body", "forbidden", "slow"])
async def test_the_signed_uri_shows_itself_nowhere(rhythm, box, clock, tmp_path, caplog, fault) -> None:
    """Not in logs, errors, their causes, reprs or the note; its signature is a key to all rows."""
    import traceback

    with caplog.at_level(logging.DEBUG):
        started = await rhythm.queries.start_spec(SPEC)
        execution = await drive(clock, started.wait(), rhythm)
        signature = execution.uri.reveal().rpartition("=")[2]
        if fault:
            box.faults.on(fault, path=f"/s3/{box.tenant_id}/{started.id}/data.json")
        try:
            await drive(clock, started.save(tmp_path / "x"), rhythm)
        except ResultError as error:
            shown = "".join(traceback.format_exception(error)) + repr(error) + str(vars(error))
            assert "X-Amz" not in shown and "/s3/" not in shown
    logged = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert "X-Amz" not in logged and signature not in logged
    assert signature not in f"{execution!r}{started!r}"


# --- a crash ----------------------------------------------------------------------------------------------------------


async def test_killed_at_any_moment_it_is_one_query_and_all_rows(tmp_path, clock: VirtualClock) -> None:
    """kill -9 while it waits and while it downloads, then URIs that have expired: one run, exact rows, flat memory."""
    settings = RhythmSettings(query_queued_seconds=0.2, query_seconds=0.5, uri_seconds=1)
    async with RhythmSandbox(records=20_000, settings=settings) as box:
        token = await _token(box)
        output = tmp_path / "rows.json"

        def start(late: int, dawdle: float) -> subprocess.Popen[str]:
            place = [box.service_url, box.tenant_id, token, str(output)]
            command = [sys.executable, str(WORKER), *place, str(late), str(dawdle)]
            return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

        note, part = tmp_path / "rows.json.job", tmp_path / "rows.json.part"

        def started() -> bool:
            """Before the query's id is noted nobody can know of it, and another one is started."""
            return note.exists() and bool(json.loads(note.read_text() or "{}").get("id"))

        for seen in (started, lambda: part.exists() and part.stat().st_size > 0):
            with start(0, 1.0) as process:
                await _until(seen, process)
                process.send_signal(signal.SIGKILL)
        assert part.exists() and not output.exists()
        with start(2, 0) as process:
            said = json.loads(await asyncio.to_thread(process.stdout.read))  # type: ignore[union-attr]
        assert len(box.queries()) == 1
        assert downloads(box)[-3:] == [403, 403, 200] and 200 in downloads(box)[:-3]
        assert said["peak"] < 70, "MB, as for a tenth of the rows"
        rows = json.loads(output.read_text())
        assert said["rows"] == len(rows) == len({row["id"] for row in rows}) == 20_000
        assert [path.name for path in tmp_path.iterdir()] == ["rows.json"]


async def _token(box: RhythmSandbox) -> str:
    from tonicdm.rhythm import MemoryTokenStore, TokenBroker

    broker = TokenBroker(box.auth_url, box.client_id, box.client_secret, store=MemoryTokenStore())
    found = (await broker.token()).reveal()
    await broker.close()
    return found


async def _until(happened, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert process.poll() is None, "the worker ended before it could be killed"
        assert time.monotonic() < deadline
        await asyncio.sleep(0.0005)
