"""Results of queries on bad days: what is no result never becomes the file, and nothing that came is thrown away."""

from __future__ import annotations

import asyncio
import json
import logging
import pathlib
import zipfile
from typing import Any

import pytest

from tests.hostile import CUT, Hostile, Request, answer
from tonicdm.errors import BadRequestError, StoreError, TransportError
from tonicdm.rhythm import PollRules, QuerySpec, RhythmClient, ThrottleRules
from tonicdm.rhythm.errors import QueryTimeoutError, ResultError, UnderWayError
from tonicdm.rhythm.jobs import JobFile, Note

SPEC = QuerySpec(type="rolodex:contacts", fields=("id",))
QUICK = PollRules(first=0.01, cap=0.02, deadline=5)
HTML = b"<!DOCTYPE html><html><body>Sorry</body></html>"
XML = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"


class Rhythm(Hostile):
    """Starts queries, and answers their signed URI with *body*."""

    def __init__(self, body: Any = b"[]", **named: Any) -> None:
        super().__init__(otherwise=self.reply)
        self.body, self.named = body, named
        self.started = self.fetched = self.described = 0
        self.describing: Any = None
        self.start_with: Any = None

    def reply(self, request: Request) -> Any:
        if request.method == "POST":
            self.started += 1
            return self.start_with or answer(200, {"id": f"q-{self.started}"})
        if "/describe/" in request.target:
            self.described += 1
            name = request.target.rpartition("/")[2].partition("?")[0]
            state = {"id": name, "status": "SUCCEEDED", "uri": f"{self.url}/file?signature=s", **self.named}
            return self.describing(self) if self.describing else answer(200, state)
        self.fetched += 1
        assert "authorization" not in request.head.lower(), "a signed URI gets no token"
        return self.body(request) if callable(self.body) else answer(200, self.body)

    def client(self, **settings: Any) -> RhythmClient:
        place = {"base_url_template": f"{self.url}/{{service}}", "throttle": ThrottleRules(calls_per_second=None)}
        return RhythmClient("example.org", token="t", **place, **settings)


def excel(folder: pathlib.Path) -> bytes:
    with zipfile.ZipFile(folder / "x.zip", "w") as package:
        package.writestr("xl/workbook.xml", "<workbook/>" * 50)
    content = (folder / "x.zip").read_bytes()
    (folder / "x.zip").unlink()
    return content


async def run(rhythm: RhythmClient, output: Any, output_format: str = "json", **more: Any) -> Any:
    return await rhythm.queries.run(SPEC, output, output_format=output_format, rules=QUICK, **more)


def names(folder: pathlib.Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- what is no result ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output_format", "body", "rows"),
    [
        *((form, page, 3) for form in ("excel", "json", "csv") for page in (HTML, XML)),
        ("csv", HTML, None),
        ("csv", b'{"error": "AccessDenied"}', None),
        ("json", b'{"error": "AccessDenied"}', None),
        ("json", b'{"message": "Internal error", "requestId": "1"}', 1),
        ("json", b"null", None),
        ("json", b'"sorry"', 1),
        ("csv", b"null", None),
        ("excel", b'{"error": "x"}', 3),
    ],
)
async def test_an_error_page_is_no_result_and_stays_beside(tmp_path, output_format, body, rows) -> None:
    async with Rhythm(body, **({} if rows is None else {"rows": rows})) as server, server.client() as rhythm:
        with pytest.raises(ResultError, match=r"kept as .*out\.part") as caught:
            await run(rhythm, tmp_path / "out", output_format)
        assert str(tmp_path / "out") in str(caught.value) and caught.value.file == str(tmp_path / "out")
        assert names(tmp_path) == ["out.job", "out.part"]
        assert (tmp_path / "out.part").read_bytes() == body
        server.body = {"json": b"[]", "csv": b"id\n", "excel": excel(tmp_path)}[output_format]
        server.named = {}
        await run(rhythm, tmp_path / "out", output_format)
        assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("part", [0.0, 0.5, 0.95])
async def test_a_cut_excel_file_is_no_result_though_rows_are_named(tmp_path, part: float) -> None:
    """An xlsx begins and ends as one; a cut leaves nothing beside, for another try brings the rest."""
    whole = excel(tmp_path)
    async with Rhythm(whole[: int(len(whole) * part)], rows=3) as server, server.client() as rhythm:
        with pytest.raises(ResultError):
            await run(rhythm, tmp_path / "out", "excel")
        assert names(tmp_path) == ["out.job"]
        server.body = whole
        assert (await run(rhythm, tmp_path / "out", "excel")).rows == 3
        assert server.started == 1


@pytest.mark.parametrize(
    ("named", "good"),
    [
        ({"rows": "2"}, True),
        ({"rows": "3"}, False),
        ({"rows": 3}, False),
        ({"size": 27}, False),
        ({"size": "24"}, True),
        ({"size": 24.0, "rows": "many"}, True),
        ({"rows": 2, "size": 999}, True),
    ],
)
async def test_what_is_named_is_compared_be_it_a_text_or_a_number(tmp_path, named, good: bool) -> None:
    """Rows that were counted and agree say more than a size, whose unit no page names."""
    body = b'[{"id": "a"},{"id":"b"}]'
    assert len(body) == 24
    async with Rhythm(body, **named) as server, server.client() as rhythm:
        if good:
            assert (await run(rhythm, tmp_path / "out")).rows == 2
        else:
            with pytest.raises(ResultError, match="where the server named"):
                await run(rhythm, tmp_path / "out")
            assert names(tmp_path) == ["out.job"]


# --- odd CSV --------------------------------------------------------------------------------------------------------

ODD = {
    "inch mark": b'id,name\r\n1,5" pipe\r\n2,x\r\n',
    "lone returns": b"id,name\r1,a\r2,b\r",
    "blank last line": b"id,name\n1,a\n2,b\n\n",
    "UTF-16": "id,name\r\n1,a\r\n2,b\r\n".encode("utf-16"),
}


@pytest.mark.parametrize(
    ("odd", "rows"), [(odd, rows) for odd in ODD for rows in (2, None) if (odd, rows) != ("blank last line", None)]
)
async def test_odd_csv_is_fetched_once_and_kept_or_accepted_leniently(tmp_path, odd: str, rows) -> None:
    """A blank line may be a row of one empty column: only a named number tells."""
    async with Rhythm(ODD[odd], **({} if rows is None else {"rows": rows})) as server, server.client() as rhythm:
        with pytest.raises(ResultError, match="lenient=True, or --lenient"):
            await run(rhythm, tmp_path / "out", "csv")
        assert server.fetched == 1
        assert (tmp_path / "out.part").read_bytes() == ODD[odd]
        assert (await run(rhythm, tmp_path / "out", "csv", lenient=True)).rows == 2
        assert (tmp_path / "out").read_bytes() == ODD[odd]
        assert names(tmp_path) == ["out"]
        assert server.started == 1


@pytest.mark.parametrize("cut", [b"id,name\n1,a\n", b'id,name\n1,a\n2,"b', b'id,name\n1,5" pipe\n'])
async def test_a_cut_is_told_apart_from_an_odd_form_and_is_not_accepted_leniently(tmp_path, cut: bytes) -> None:
    async with Rhythm(cut, rows=2) as server, server.client() as rhythm:
        with pytest.raises(ResultError, match="could not be fetched in 5 tries"):
            await run(rhythm, tmp_path / "out", "csv", lenient=True)
        assert server.fetched == 5
        assert names(tmp_path) == ["out.job"]


@pytest.mark.parametrize("good", [b'id,name\n1,"5"" pipe"\n2,6" x 4"\n', b'id\n""\n\n', b'id,n\n1,"a\rb"\n2,"\r"\n'])
async def test_csv_that_counts_to_what_was_named_is_accepted(tmp_path, good: bytes) -> None:
    async with Rhythm(good, rows=2) as server, server.client() as rhythm:
        assert (await run(rhythm, tmp_path / "out", "csv")).rows == 2


# --- redirects ------------------------------------------------------------------------------------------------------


async def test_a_redirect_of_the_signed_host_is_followed_without_a_token(tmp_path) -> None:
    def body(request: Request) -> bytes:
        if "/file" in request.target:
            return answer(307, b"", [("Location", "/region?signature=r")])
        return answer(200, b"[]")

    async with Rhythm(body, rows=0) as server, server.client() as rhythm:
        server.named = {"rows": None}
        assert (await run(rhythm, tmp_path / "out")).rows == 0
        assert server.fetched == 2


@pytest.mark.parametrize("target", ["ftp://x/y", "http://u:p@127.0.0.1/x", "/file?signature=s"])
async def test_a_redirect_to_a_bad_place_or_in_a_circle_is_an_error(tmp_path, target: str) -> None:
    async with Rhythm(lambda _: answer(307, b"", [("Location", target)])) as server, server.client() as rhythm:
        with pytest.raises(ResultError) as caught:
            await run(rhythm, tmp_path / "out")
        assert "signature" not in str(caught.value)
        assert server.started == 1


def test_a_redirect_from_outside_does_not_lead_inside() -> None:
    from tonicdm.rhythm.query.download import NotWholeError, _check_host
    from tonicdm.types import Secret

    _check_host(Secret("https://bucket.example.com/x"), Secret("https://bucket.us-west-2.example.com/x"))
    names = ["169.254.169.254", "localhost", "10.0.0.1", "db.internal", "LOCALHOST.", "127.1", "0x7f.1", "2130706433"]
    for inside in (f"http://{name}/x" for name in [*names, "[64:ff9b::7f00:1]", "[::ffff:10.0.0.1]"]):
        with pytest.raises(NotWholeError):
            _check_host(Secret("https://bucket.example.com/x"), Secret(inside))


# --- one run at a time, and its note --------------------------------------------------------------------------------


async def test_a_second_run_into_one_output_says_that_the_first_is_under_way(tmp_path) -> None:
    gate = asyncio.Event()

    async def body(_: Request) -> bytes:
        await gate.wait()
        return answer(200, b'[{"id": "a"}]')

    async with Rhythm(body) as server, server.client() as rhythm, server.client() as other:
        first = asyncio.create_task(run(rhythm, tmp_path / "out"))
        while not server.fetched:
            await asyncio.sleep(0.01)
        for one in (rhythm, other):
            with pytest.raises(UnderWayError, match=r"out\.job\.lock"):
                await run(one, tmp_path / "out")
        gate.set()
        assert (await first).rows == 1
        assert server.started == 1
        assert names(tmp_path) == ["out"]


async def test_an_output_that_can_not_be_written_starts_nothing(tmp_path, monkeypatch) -> None:
    async with Rhythm() as server, server.client() as rhythm:
        with pytest.raises(StoreError):
            await run(rhythm, tmp_path / "none" / "out")

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("tonicdm.rhythm.jobs.to_text", full)
        with pytest.raises(StoreError, match="No space"):
            await run(rhythm, tmp_path / "out")
        assert server.started == 0


async def test_a_kill_between_start_and_note_is_seen(tmp_path, caplog) -> None:
    """So is an answer that was lost; a start that was refused leaves nothing."""
    async with Rhythm() as server, server.client() as rhythm:
        server.start_with = [CUT]
        with pytest.raises(TransportError):
            await run(rhythm, tmp_path / "out")
        assert json.loads((tmp_path / "out.job").read_text())["id"] == ""
        server.start_with = None
        with caplog.at_level(logging.WARNING):
            await run(rhythm, tmp_path / "out")
        assert "may have left one at the server" in caplog.text
        assert names(tmp_path) == ["out"]
        server.start_with = answer(400, b"{}")
        with pytest.raises(BadRequestError, match="400"):
            await run(rhythm, tmp_path / "other")
        assert names(tmp_path) == ["out"]


# --- what can't be brought home -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 403, 200])
async def test_a_result_that_can_not_be_brought_home_is_given_up_after_three_runs(tmp_path, status: int) -> None:
    """Forgotten with 400 or 403, or wrong for good; the message names the file, and another query is started."""
    output = tmp_path / "out"
    async with Rhythm(b'[{"id": "a"}]', rows=2) as server, server.client() as rhythm:
        if status != 200:
            server.describing = lambda server: (
                answer(status, b"{}") if server.started == 1 else answer(200, {"status": "SUCCEEDED", "rows": 0})
            )
        for number in (1, 2):
            with pytest.raises(ResultError, match=str(output)):
                await run(rhythm, output)
            note = JobFile.beside(output).read()
            assert note is not None and (note.id, note.tries) == ("q-1", number)
        if status == 200:
            server.named = {"rows": 2}
            server.body = lambda _: answer(200, b'[{"id":"a"},{"id":"b"}]' if server.started > 1 else b'[{"id": "a"}]')
        result = await run(rhythm, output)
        assert (server.started, result.query) == (2, "q-2")
        assert names(tmp_path) == ["out"]


async def test_a_query_that_runs_for_ever_is_given_up_after_a_day_and_not_by_short_deadlines(tmp_path) -> None:
    output = tmp_path / "out"
    async with Rhythm() as server, server.client() as rhythm:
        server.describing = lambda server: answer(
            200, {"status": "RUNNING" if server.started == 1 else "DONE", "rows": 0}
        )
        short = PollRules(first=0.01, deadline=0.02)
        for _ in range(5):
            with pytest.raises(QueryTimeoutError, match=f"{output}.job remembers it"):
                await rhythm.queries.run(SPEC, output, rules=short)
        job = JobFile.beside(output)
        note = job.read()
        job.write(Note(id=note.id, fingerprint=note.fingerprint, started_at=note.started_at - 86400))
        assert (await rhythm.queries.run(SPEC, output, rules=short)).query == "q-2"


def test_the_rule_of_giving_up() -> None:
    def given_up(tries: int, age: float) -> bool:
        return Note(id="q", fingerprint="f", started_at=1e9, tries=tries).is_given_up(1e9 + age)

    assert not given_up(0, 0) and not given_up(2, 86399) and given_up(3, 0) and given_up(0, 86400)
    assert given_up(0, -30 * 86400.0), "a clock that was a month ahead must not keep it for a month"
