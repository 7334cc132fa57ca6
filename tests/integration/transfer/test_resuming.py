"""A download that is cut goes on where it was, and only where the file is surely the same."""

from __future__ import annotations

import asyncio
import io
import itertools
import pathlib
import random

import pytest

from tests.hostile import CUT, NEVER, RESET, Hostile, Pause, head
from tonicdm import DownloadError, IntegrityError, RetryPolicy, TonicDM, UnitBudget

from .conftest import API, TOKEN, link
from .storage import OLD, Storage, left

CONTENT = random.Random(1).randbytes(3_000_000)


async def fetch(tonic: TonicDM, server: Hostile, to: object, **options: object):
    return await tonic.download(link(server), to, allow_private=True, **options)


@pytest.mark.parametrize(
    "storage",
    [
        Storage(content=CONTENT, cuts=[900_000, 1_000_000, 500_000]),
        Storage(content=CONTENT, cuts=[900_000, 1_000_000, 500_000], etag=None),
        Storage(content=CONTENT, cuts=[900_000, 1_000_000, 500_000], etag='W/"weak"'),
        Storage(content=CONTENT, cuts=[907_007, 1_007_007], chunked=True),
    ],
    ids=["etag", "last-modified", "weak etag, strong time", "chunked"],
)
@pytest.mark.parametrize("to_writer", [False, True], ids=["file", "writer"])
async def test_a_cut_download_goes_on_where_it_was(
    tonic: TonicDM, tmp_path: pathlib.Path, storage: Storage, to_writer: bool
):
    """Through three cuts no byte is asked for twice, and none is lost."""
    storage = Storage(content=CONTENT, cuts=list(storage.cuts), etag=storage.etag, chunked=storage.chunked)
    cuts = list(storage.cuts)
    buffer, path = io.BytesIO(), tmp_path / "plan.pdf"
    async with Hostile(otherwise=storage) as server:
        found = await fetch(tonic, server, buffer if to_writer else path)
    assert (buffer.getvalue() if to_writer else path.read_bytes()) == CONTENT
    assert found.size == len(CONTENT)
    assert storage.asked[0] is None
    starts = [int(asked.removeprefix("bytes=").rstrip("-")) for asked in storage.asked[1:] if asked]
    assert len(starts) == len(storage.asked) - 1 >= 2, "each further request asks for the rest"
    framing = 0.99 if storage.chunked else 1.0  # some of the bytes that came before a cut are the lengths of chunks
    for start, cut in zip(starts, itertools.accumulate(cuts), strict=True):
        assert framing * cut <= start <= cut, "not one byte is asked for twice"
    assert left(tmp_path) == ([] if to_writer else ["plan.pdf"])


async def test_the_next_call_goes_on_where_the_last_one_ended(tmp_path: pathlib.Path):
    """A cancelled download leaves its part; a new client begins behind it."""
    half = len(CONTENT) // 2
    lines = [("ETag", '"v1"'), ("Content-Length", str(len(CONTENT)))]
    storage = Storage(content=CONTENT)
    async with Hostile([head(200, lines), CONTENT[:half], NEVER], otherwise=storage) as server:
        async with TonicDM(token=TOKEN, base_url=API, budget=UnitBudget.memory()) as tonic:
            seen = asyncio.Event()
            running = asyncio.ensure_future(
                fetch(tonic, server, tmp_path / "plan.pdf", on_progress=lambda done, _: done > 1_000_000 and seen.set())
            )
            await asyncio.wait_for(seen.wait(), 60)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
        assert left(tmp_path) == [".plan.pdf.part", ".plan.pdf.part.json"]
        async with TonicDM(token=TOKEN, base_url=API, budget=UnitBudget.memory()) as tonic:
            found = await fetch(tonic, server, tmp_path / "plan.pdf")
    assert (tmp_path / "plan.pdf").read_bytes() == CONTENT
    assert found.resumed_from > 1_000_000
    assert storage.asked == [f"bytes={found.resumed_from}-"]
    assert left(tmp_path) == ["plan.pdf"]


async def test_a_folder_goes_on_too(tonic: TonicDM, tmp_path: pathlib.Path):
    """The name is known after the first answer only; what an earlier call left under it is not fetched again."""
    storage = Storage(
        content=CONTENT, cuts=[1_500_000, 0, 0, 0], headers=[("Content-Disposition", 'attachment; filename="a.pdf"')]
    )
    async with Hostile(otherwise=storage) as server:
        with pytest.raises(DownloadError) as caught:
            await fetch(tonic, server, tmp_path)
        assert caught.value.kept > 1_000_000
        storage.asked.clear()
        found = await fetch(tonic, server, tmp_path)
    assert found.path == tmp_path / "a.pdf"
    assert found.path.read_bytes() == CONTENT
    assert found.resumed_from == caught.value.kept
    assert storage.asked == [None, f"bytes={caught.value.kept}-"]


async def test_a_server_that_ignores_range_costs_no_bytes_twice_on_the_disk(tonic: TonicDM, tmp_path: pathlib.Path):
    """A whole answer to a request for the rest is the same file where its validator says so: it is skipped."""
    storage = Storage(content=CONTENT, cuts=[1_000_000], ranges=False)
    buffer = io.BytesIO()
    async with Hostile(otherwise=storage) as server:
        await fetch(tonic, server, buffer)
    assert buffer.getvalue() == CONTENT


@pytest.mark.parametrize("etag", ['"v2"', None])
async def test_a_file_that_changed_is_fetched_anew(tonic: TonicDM, tmp_path: pathlib.Path, etag: str | None):
    """Halves of two files are never joined: If-Range, and the whole where the server proves no sameness."""
    other = random.Random(2).randbytes(len(CONTENT))
    before = Storage(content=CONTENT, cuts=[1_000_000], etag='"v1"' if etag else None, last_modified=None)
    after = Storage(content=other, etag=etag, last_modified=None)
    async with Hostile(before, otherwise=after) as server:
        await fetch(tonic, server, tmp_path / "plan.pdf")
    assert (tmp_path / "plan.pdf").read_bytes() == other


async def test_a_writer_is_told_that_a_file_changed(tonic: TonicDM):
    """What a writer got can't be taken back, so nothing is written behind it that does not belong there."""
    before = Storage(content=CONTENT, cuts=[1_000_000])
    buffer = io.BytesIO()
    async with Hostile(before, otherwise=Storage(content=CONTENT[::-1], etag='"v2"')) as server:
        with pytest.raises(DownloadError, match=r"can't be gone on with after 1,0\d\d,\d\d\d bytes|after [\d,]+ bytes"):
            await fetch(tonic, server, buffer)
    assert CONTENT.startswith(buffer.getvalue())


def lines_of(first: int, last: int, total: object, etag: str = '"v1"', length: int | None = None):
    return [
        ("ETag", etag),
        ("Content-Range", f"bytes {first}-{last}/{total}"),
        ("Content-Length", str(last - first + 1 if length is None else length)),
    ]


SIZE = len(CONTENT)


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        (lines_of(0, SIZE - 1, SIZE), CONTENT),
        (lines_of(2_000_000, SIZE - 1, SIZE), CONTENT[2_000_000:]),
        (lines_of(1_000_000, SIZE - 1, SIZE + 5), CONTENT[1_000_000:]),
        (lines_of(1_000_000, SIZE - 1, SIZE, etag='"v2"'), CONTENT[1_000_000:]),
        ([("ETag", '"v1"'), ("Content-Range", "bytes nonsense"), ("Content-Length", "5")], b"12345"),
        ([("ETag", '"v1"'), ("Content-Length", "5")], b"12345"),
        (lines_of(1_000_000, 500, SIZE, length=5), b"12345"),
        ([("ETag", '"v1"'), ("Content-Type", "multipart/byteranges; boundary=x"), ("Content-Length", "5")], b"--x--"),
    ],
    ids=["from zero", "a gap", "another total", "another etag", "nonsense", "none", "backwards", "multipart"],
)
async def test_a_part_that_does_not_fit_is_not_joined(
    tonic: TonicDM, tmp_path: pathlib.Path, lines: list[tuple[str, str]], body: bytes
):
    """A 206 with a Content-Range that is not what was asked for: the whole is fetched anew, without Range."""
    storage = Storage(content=CONTENT, cuts=[1_000_000])

    def second(request):
        start = int(str(request.header("Range")).removeprefix("bytes=").rstrip("-"))
        moved = [(name, value.replace("1000000", str(start))) for name, value in lines]
        assert 900_000 < start <= 1_000_000
        return [head(206, moved), body, CUT]

    async with Hostile(storage, second, otherwise=storage) as server:
        await fetch(tonic, server, tmp_path / "plan.pdf")
    assert (tmp_path / "plan.pdf").read_bytes() == CONTENT
    assert storage.asked == [None, None]


async def test_a_part_that_nobody_asked_for_is_gone_on_with(tonic: TonicDM, tmp_path: pathlib.Path):
    """Some caches answer a plain GET with what they have."""
    lines = lines_of(0, 999_999, SIZE)
    for to in (tmp_path / "plan.pdf", tmp_path):
        async with Hostile([head(206, lines), CONTENT[:1_000_000]], otherwise=Storage(content=CONTENT)) as server:
            found = await fetch(tonic, server, to)
            assert server.requests[1].header("Range") == "bytes=1000000-"
        assert found.path is not None
        assert found.path.read_bytes() == CONTENT
    assert left(tmp_path) == ["plan (1).pdf", "plan.pdf"]


async def test_416_for_a_whole_part_means_whole(tonic: TonicDM, tmp_path: pathlib.Path):
    """A call that broke between its last byte and the renaming needs no byte more."""
    storage = Storage(content=CONTENT)
    async with Hostile(otherwise=storage) as server:
        await fetch(tonic, server, tmp_path / "plan.pdf")
        storage.cuts = [len(CONTENT) - 10, 0, 0, 0]
        with pytest.raises(DownloadError):
            await fetch(tonic, server, tmp_path / "plan.pdf")
        part = tmp_path / ".plan.pdf.part"
        part.write_bytes(CONTENT)
        (tmp_path / "plan.pdf").unlink()
        storage.asked.clear()
        await fetch(tonic, server, tmp_path / "plan.pdf")
    assert (tmp_path / "plan.pdf").read_bytes() == CONTENT
    assert storage.asked == [f"bytes={len(CONTENT)}-"]


async def test_416_for_a_part_that_is_too_long_begins_anew(tonic: TonicDM, tmp_path: pathlib.Path):
    storage = Storage(content=CONTENT, cuts=[1_000_000, 0, 0, 0])
    async with Hostile(otherwise=storage) as server:
        with pytest.raises(DownloadError):
            await fetch(tonic, server, tmp_path / "plan.pdf")
        (tmp_path / ".plan.pdf.part").write_bytes(CONTENT + b"more")
        await fetch(tonic, server, tmp_path / "plan.pdf")
    assert (tmp_path / "plan.pdf").read_bytes() == CONTENT


async def test_a_part_that_was_damaged_between_two_calls_is_found_out(tonic: TonicDM, tmp_path: pathlib.Path):
    """The hash covers what an earlier call left; the whole is then fetched anew, and fits."""
    import base64
    import hashlib

    digest = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    storage = Storage(content=CONTENT, cuts=[1_000_000, 0, 0, 0], headers=[("Repr-Digest", f"sha-256=:{digest}:")])
    async with Hostile(otherwise=storage) as server:
        with pytest.raises(DownloadError):
            await fetch(tonic, server, tmp_path / "plan.pdf")
        part = tmp_path / ".plan.pdf.part"
        part.write_bytes(b"damage" + part.read_bytes()[6:])
        found = await fetch(tonic, server, tmp_path / "plan.pdf")
    assert (tmp_path / "plan.pdf").read_bytes() == CONTENT
    assert found.checked == ("size", "sha256")


async def test_a_part_of_another_link_is_not_joined(tonic: TonicDM, tmp_path: pathlib.Path):
    """Files of one second have one Last-Modified: a part belongs to the link that it came from."""
    storage = Storage(content=CONTENT, cuts=[1_000_000, 0, 0, 0], etag=None, last_modified=OLD)
    other = CONTENT[::-1]
    async with Hostile(otherwise=storage) as server:
        with pytest.raises(DownloadError):
            await fetch(tonic, server, tmp_path / "plan.pdf")
        storage.content = other
        await tonic.download(link(server, "/files/other.pdf"), tmp_path / "plan.pdf", allow_private=True)
    assert (tmp_path / "plan.pdf").read_bytes() == other


@pytest.mark.parametrize(
    "failure", [[head(503, [("Content-Length", "0")])], [RESET], [b"", CUT], [b"nonsense\r\n\r\n", CUT]]
)
async def test_a_server_that_never_answers_well_ends_the_download(
    tonic: TonicDM, tmp_path: pathlib.Path, failure: list[object]
):
    """Three tries without a byte, as the client's retry says; the error says what is kept."""
    async with Hostile(otherwise=failure) as server:
        with pytest.raises(DownloadError, match=r"Nothing was received\. Nothing was charged") as caught:
            await fetch(tonic, server, tmp_path / "plan.pdf")
        assert len(server.requests) == 3
    assert caught.value.kept == 0
    assert left(tmp_path) == []


async def test_a_silent_server_is_given_up_and_gone_on_with(tmp_path: pathlib.Path):
    """The timeout counts from the last byte, not from the first."""
    lines = [("ETag", '"v1"'), ("Content-Length", str(len(CONTENT)))]
    slow = [head(200, lines), CONTENT[:300_000], Pause(0.4), CONTENT[300_000:700_000], Pause(0.4), NEVER]
    async with (
        Hostile(slow, otherwise=Storage(content=CONTENT)) as server,
        TonicDM(token=TOKEN, base_url=API, budget=UnitBudget.memory(), timeout=1.0) as tonic,
    ):
        await fetch(tonic, server, tmp_path / "plan.pdf")
        assert server.requests[1].header("Range") == "bytes=700000-"
    assert (tmp_path / "plan.pdf").read_bytes() == CONTENT


async def test_two_downloads_of_one_file_do_not_mix(tmp_path: pathlib.Path):
    """The part has one writer at a time; the other call says so, and sends nothing."""
    async with (
        Hostile([head(200, [("Content-Length", "10")]), b"01234", NEVER], otherwise=Storage(content=b"x")) as server,
        TonicDM(token=TOKEN, base_url=API, budget=UnitBudget.memory(), retry=RetryPolicy(attempts=1)) as tonic,
    ):
        first = asyncio.ensure_future(fetch(tonic, server, tmp_path / "plan.pdf"))
        await server.seen(1)
        with pytest.raises(DownloadError, match="being written by another download"):
            await fetch(tonic, server, tmp_path / "plan.pdf")
        assert len(server.requests) == 1
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)


async def test_a_whole_file_that_is_wrong_replaces_nothing(tonic: TonicDM, tmp_path: pathlib.Path):
    path = tmp_path / "plan.pdf"
    path.write_bytes(b"as it was")
    async with Hostile(otherwise=Storage(content=CONTENT)) as server:
        with pytest.raises(IntegrityError, match="sha256"):
            await fetch(tonic, server, path, checksum="sha256:" + "0" * 64)
    assert path.read_bytes() == b"as it was"
    assert left(tmp_path) == ["plan.pdf"]
