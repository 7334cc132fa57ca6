"""A file appears whole and right, or not at all, and where it was meant to."""

from __future__ import annotations

import asyncio
import base64
import errno
import gzip
import hashlib
import io
import os
import pathlib
import random
import tracemalloc
import zlib

import pytest

from tests.hostile import CUT, Hostile, head
from tonicdm import DownloadError, IntegrityError, TonicDM

from .conftest import link
from .storage import Storage, left

CONTENT = random.Random(3).randbytes(200_000) + b"text " * 50_000
MD5 = base64.b64encode(hashlib.md5(CONTENT).digest()).decode()
SHA = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
WRONG = base64.b64encode(bytes(32)).decode()


async def fetch(tonic: TonicDM, storage: object, to: object, path: str = "/files/plan.pdf", **options: object):
    async with Hostile(otherwise=storage) as server:  # type: ignore[arg-type]
        return await tonic.download(link(server, path), to, allow_private=True, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("header", "checked"),
    [
        (("Content-MD5", MD5), "md5"),
        (("Content-MD5", hashlib.md5(CONTENT).hexdigest()), "md5"),
        (("Digest", f"SHA-256={SHA}"), "sha256"),
        (("Digest", f"md5={MD5},unixsum=30637"), "md5"),
        (("Repr-Digest", f"sha-256=:{SHA}:"), "sha256"),
        (("Content-Digest", f"sha-256=:{SHA}:, unknown=:AAAA:"), "sha256"),
    ],
)
async def test_hashes_of_headers_are_compared(
    tonic: TonicDM, tmp_path: pathlib.Path, header: tuple[str, str], checked: str
):
    """A right one is named in what is returned; a wrong one leaves no file."""
    found = await fetch(tonic, Storage(content=CONTENT, headers=[header]), tmp_path / "a")
    assert found.checked == ("size", checked)
    with pytest.raises(IntegrityError, match=f"another {checked} than the server named"):
        await fetch(tonic, Storage(content=CONTENT[::-1], headers=[header]), tmp_path / "b")
    assert left(tmp_path) == ["a"]


async def test_a_hash_that_is_no_hash_proves_nothing(tonic: TonicDM, tmp_path: pathlib.Path):
    lines = [("Content-MD5", "nonsense"), ("Digest", "sha-256"), ("Repr-Digest", "sha-256=:AAAA:")]
    found = await fetch(tonic, Storage(content=CONTENT, headers=lines), tmp_path / "a")
    assert found.checked == ("size",)


@pytest.mark.parametrize("checksum", [f"sha256:{SHA}", "sha-256:" + hashlib.sha256(CONTENT).hexdigest().upper()])
async def test_what_the_caller_expects_is_compared(tonic: TonicDM, tmp_path: pathlib.Path, checksum: str):
    storage = Storage(content=CONTENT)
    found = await fetch(tonic, storage, tmp_path / "a", size=len(CONTENT), checksum=checksum)
    assert found.checked == ("size", "sha256")
    for options in ({"size": len(CONTENT) + 1}, {"size": 5}, {"checksum": f"sha256:{WRONG}"}):
        with pytest.raises(IntegrityError, match="expected"):
            await fetch(tonic, storage, tmp_path / "b", **options)
        with pytest.raises(IntegrityError, match="expected"):
            await fetch(tonic, storage, io.BytesIO(), **options)
    assert left(tmp_path) == ["a"]


async def test_a_size_that_does_not_fit_costs_no_bytes(tonic: TonicDM, tmp_path: pathlib.Path):
    """Content-Length tells before the body; what has none ends where it grows too long."""
    async with Hostile([head(200, [("Content-Length", str(1 << 40))]), CUT]) as server:
        with pytest.raises(IntegrityError):
            await tonic.download(link(server), tmp_path / "a", allow_private=True, size=5)
        assert len(server.requests) == 1
    endless = [head(200, [("Transfer-Encoding", "chunked")]), *([b"10000\r\n" + bytes(65_536) + b"\r\n"] * 400), CUT]
    async with Hostile(endless) as server:
        with pytest.raises(IntegrityError):
            await tonic.download(link(server), tmp_path / "a", allow_private=True, size=5)
        assert len(server.requests) == 1
    assert left(tmp_path) == []


def raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(CONTENT)),
        ("X-GZIP", gzip.compress(CONTENT[:1000]) + gzip.compress(CONTENT[1000:]) + bytes(64)),
        ("deflate", zlib.compress(CONTENT)),
        ("deflate", raw_deflate(CONTENT)),
        ("identity", CONTENT),
    ],
    ids=["gzip", "members", "zlib", "raw", "identity"],
)
@pytest.mark.parametrize("cut", [None, 60_000])
async def test_a_content_coding_is_undone_and_sizes_are_of_the_right_bytes(
    tonic: TonicDM, tmp_path: pathlib.Path, coding: str, packed: bytes, cut: int | None
):
    """Length, ranges and the server's hashes are of what is sent; the caller's size and hash of the file. Also cut."""
    lines = [("Content-Encoding", coding), ("Content-MD5", base64.b64encode(hashlib.md5(packed).digest()).decode())]
    for to in (tmp_path / "a", buffer := io.BytesIO()):
        storage = Storage(content=packed, headers=lines, cuts=[] if cut is None else [cut])
        found = await fetch(tonic, storage, to, size=len(CONTENT), checksum=f"sha256:{SHA}")
        assert found.size == len(CONTENT)
        assert found.checked == ("size", "md5", "sha256")
        assert storage.asked == ([None] if cut is None else [None, f"bytes={cut}-"])
    assert (tmp_path / "a").read_bytes() == buffer.getvalue() == CONTENT
    assert left(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("coding", "packed", "error"),
    [
        ("br", b"\x0b\x02\x80", DownloadError),
        ("gzip, gzip", gzip.compress(gzip.compress(CONTENT)), DownloadError),
        ("gzip", CONTENT, IntegrityError),
        ("gzip", gzip.compress(CONTENT)[:-20], IntegrityError),
        ("gzip", gzip.compress(CONTENT)[:-8] + bytes(8), IntegrityError),
        ("deflate", b"no deflate at all", IntegrityError),
    ],
    # Named, as the bytes hold the time: workers that began in two seconds would know other tests by it.
    ids=["unknown", "twice", "plain", "cut", "sum", "noise"],
)
async def test_a_coding_that_can_not_be_undone_leaves_no_file(
    tonic: TonicDM, tmp_path: pathlib.Path, coding: str, packed: bytes, error: type[Exception]
):
    for to in (tmp_path / "a", io.BytesIO()):
        with pytest.raises(error):
            await fetch(tonic, Storage(content=packed, headers=[("Content-Encoding", coding)]), to)
    assert left(tmp_path) == []


async def test_an_answer_that_unpacks_to_a_thousand_times_its_size_fills_no_memory(
    tonic: TonicDM, tmp_path: pathlib.Path
):
    storage = Storage(content=gzip.compress(bytes(50_000_000), 9), headers=[("Content-Encoding", "gzip")])
    tracemalloc.start()
    try:
        found = await fetch(tonic, storage, tmp_path / "a")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.size == 50_000_000
    assert peak < 12_000_000


async def test_an_empty_file_is_a_file(tonic: TonicDM, tmp_path: pathlib.Path):
    found = await fetch(tonic, Storage(content=b""), tmp_path / "a")
    assert (found.size, (tmp_path / "a").read_bytes()) == (0, b"")


@pytest.mark.parametrize(
    ("disposition", "path", "name"),
    [
        ('attachment; filename="Plan A.pdf"', "/x", "Plan A.pdf"),
        ("attachment; filename=a.pdf; filename*=UTF-8''Gr%C3%B6%C3%9Fe.pdf", "/x", "Größe.pdf"),
        ('attachment; filename="../../../etc/passwd"', "/x", "passwd"),
        (None, "/files/%2e%2e%2f%2e%2e%2fsecret.txt", "secret.txt"),
        (None, "/", "download"),
        ('attachment; filename=".."', "/x/", "download"),
        ('attachment; filename="AUX.pdf"', "/x", "_AUX.pdf"),
    ],
)
async def test_a_folder_gets_the_file_under_a_safe_name(
    tonic: TonicDM, tmp_path: pathlib.Path, disposition: str | None, path: str, name: str
):
    """What the server calls it, else the link's last part; never anywhere but in the folder."""
    folder = tmp_path / "inner"
    folder.mkdir()
    storage = Storage(content=b"x", headers=[("Content-Disposition", disposition)] if disposition else [])
    found = await fetch(tonic, storage, folder, path)
    assert found.path == folder / name
    assert (left(tmp_path), left(folder)) == (["inner"], [name])


async def test_a_folder_keeps_what_it_has(tonic: TonicDM, tmp_path: pathlib.Path):
    """A name that a server chooses replaces nothing; downloads at once do not take each other's."""
    (tmp_path / "plan.pdf").write_bytes(b"mine")
    storage = Storage(content=b"theirs")
    async with Hostile(otherwise=storage) as server:
        found = await asyncio.gather(
            *(tonic.download(link(server), f"{tmp_path}{os.sep}", allow_private=True) for _ in range(3))
        )
    names = sorted(one.path.name for one in found if one.path)
    assert names == ["plan (1).pdf", "plan (2).pdf", "plan (3).pdf"]
    assert (tmp_path / "plan.pdf").read_bytes() == b"mine"
    assert left(tmp_path) == ["plan (1).pdf", "plan (2).pdf", "plan (3).pdf", "plan.pdf"]


async def test_a_name_that_is_taken_meanwhile_is_not_replaced(tonic: TonicDM, tmp_path: pathlib.Path):
    """Between the look at the folder and the renaming somebody else may take the name; packed files as well."""
    other = tmp_path / "plan.pdf"
    for lines, content in (([], CONTENT), ([("Content-Encoding", "gzip")], gzip.compress(CONTENT))):
        storage = Storage(content=content, headers=lines)
        other.unlink(missing_ok=True)
        found = await fetch(tonic, storage, tmp_path, on_progress=lambda *_: other.write_bytes(b"mine"))
        assert other.read_bytes() == b"mine"
        assert found.path is not None
        assert found.path.name == "plan (1).pdf"
        assert found.path.read_bytes() == CONTENT
        found.path.unlink()
    assert left(tmp_path) == ["plan.pdf"]


async def test_a_path_is_replaced_when_the_new_file_is_whole(tonic: TonicDM, tmp_path: pathlib.Path):
    path = tmp_path / "plan.pdf"
    path.write_bytes(b"old")
    seen: list[bytes] = []
    await fetch(tonic, Storage(content=CONTENT), path, on_progress=lambda *_: seen.append(path.read_bytes()))
    assert set(seen) == {b"old"}
    assert path.read_bytes() == CONTENT


async def test_progress_is_told_with_the_whole(tonic: TonicDM, tmp_path: pathlib.Path):
    told: list[tuple[int, int | None]] = []
    await fetch(tonic, Storage(content=bytes(1_000_000)), tmp_path / "a", on_progress=lambda *one: told.append(one))
    assert told[-1] == (1_000_000, 1_000_000)
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    told.clear()
    await fetch(
        tonic, Storage(content=bytes(9_000), chunked=True), tmp_path / "a", on_progress=lambda *one: told.append(one)
    )
    assert told[-1] == (9_000, None)


class AsyncBuffer:
    """A file as aiofiles has it, and a stream that must be drained."""

    def __init__(self) -> None:
        self.content = b""
        self.drained = 0

    async def write(self, data: bytes) -> None:
        await asyncio.sleep(0)
        self.content += data

    async def drain(self) -> None:
        self.drained += 1


async def test_a_writer_may_be_asynchronous(tonic: TonicDM):
    writer = AsyncBuffer()
    found = await fetch(tonic, Storage(content=CONTENT), writer)
    assert (writer.content, found.path) == (CONTENT, None)
    assert writer.drained


async def test_a_file_that_can_not_be_written_costs_no_request(tonic: TonicDM, tmp_path: pathlib.Path):
    """What the system refuses is our error, before anything is sent."""
    (tmp_path / ".a.part").mkdir()
    async with Hostile(otherwise=Storage(content=CONTENT)) as server:
        with pytest.raises(DownloadError, match="can't be written: Is a directory"):
            await tonic.download(link(server), tmp_path / "a", allow_private=True)
        assert not server.requests


@pytest.mark.parametrize("to", ["absent/a", "absent/", "file/a"])
async def test_a_path_that_can_not_be_costs_no_request(tonic: TonicDM, tmp_path: pathlib.Path, to: str):
    (tmp_path / "file").write_bytes(b"")
    async with Hostile(otherwise=Storage(content=CONTENT)) as server:
        with pytest.raises(DownloadError, match="there is no folder"):
            await tonic.download(link(server), f"{tmp_path}/{to}", allow_private=True)
        assert not server.requests


class FullDisk(io.BytesIO):
    """A writer on a disk that is full."""

    def write(self, data: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


async def test_a_full_disk_is_our_error_and_keeps_what_was_written(
    tonic: TonicDM, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    """The next call goes on from what fitted."""
    from tonicdm.transfer.part import PartFile

    real = PartFile.write

    def write(self: PartFile, piece: bytes) -> None:
        with self._errors():
            if self.size + len(piece) > 300_000:
                real(self, piece[: 300_000 - self.size])
                raise OSError(errno.ENOSPC, "No space left on device")
        real(self, piece)

    with pytest.raises(DownloadError, match="writer refused it"):
        await fetch(tonic, Storage(content=CONTENT), FullDisk())
    storage = Storage(content=CONTENT)
    monkeypatch.setattr(PartFile, "write", write)
    with pytest.raises(DownloadError, match="No space left on device; 300,000 bytes are kept") as caught:
        await fetch(tonic, storage, tmp_path / "a")
    assert caught.value.path == str(tmp_path / "a")
    monkeypatch.setattr(PartFile, "write", real)
    async with Hostile(otherwise=storage) as server:
        storage.asked.clear()
        await tonic.download(link(server), tmp_path / "a", allow_private=True)
    assert (tmp_path / "a").read_bytes() == CONTENT


async def test_a_link_laid_for_the_part_is_not_followed(tonic: TonicDM, tmp_path: pathlib.Path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched")
    (tmp_path / ".a.part").symlink_to(victim)
    with pytest.raises(DownloadError):
        await fetch(tonic, Storage(content=CONTENT), tmp_path / "a")
    assert victim.read_bytes() == b"untouched"


async def test_a_name_as_long_as_the_system_allows_has_a_part(tonic: TonicDM, tmp_path: pathlib.Path):
    path = tmp_path / ("n" * 255)
    await fetch(tonic, Storage(content=CONTENT, cuts=[100_000]), path)
    assert path.read_bytes() == CONTENT
