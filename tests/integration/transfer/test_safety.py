"""Where a download goes, what goes with it, and what nobody gets to see."""

from __future__ import annotations

import asyncio
import logging
import pathlib
import socket
import traceback

import pytest

from tests.cases import for_each
from tests.hostile import CUT, Hostile, head
from tonicdm import (
    ClientClosedError,
    DownloadError,
    InvalidOptionError,
    Secret,
    TonicDM,
    TonicDMError,
    UnitBudget,
    UnsafeLinkError,
)

from .conftest import API, SECRET, TOKEN, link
from .storage import Storage, left

FILE = Storage(content=b"the file")


def moved(to: str, status: int = 302) -> bytes:
    return head(status, [("Location", to), ("Content-Length", "0")])


async def test_no_token_and_no_unit_goes_with_a_download(tonic: TonicDM, tmp_path: pathlib.Path):
    """Not to another host, not to the API's own, and not behind a redirect from one to the other."""
    async with Hostile(otherwise=FILE) as storage, Hostile(otherwise=lambda _: moved(link(storage))) as api:
        async with TonicDM(token=TOKEN, base_url=api.url, budget=UnitBudget.memory()) as own:
            await own.download(link(api), tmp_path / "a", allow_private=True)
            await own.download(link(storage), tmp_path / "b", allow_private=True)
            snapshot = own.budget.snapshot()
        heads = [request.head for request in (*storage.requests, *api.requests)]
    assert len(heads) == 3
    for text in heads:
        assert "authorization" not in text.lower()
        assert "cookie" not in text.lower()
        assert TOKEN not in text
    assert (snapshot.remaining, snapshot.reserved, snapshot.spent) == (snapshot.limit, 0, {})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(tonic: TonicDM, tmp_path: pathlib.Path, status: int):
    """Relative ones too; the Range goes along."""
    async with Hostile(moved("/elsewhere/plan.pdf?x=1", status), otherwise=FILE) as server:
        await tonic.download(link(server), tmp_path / "plan.pdf", allow_private=True)
        assert [request.target for request in server.requests][1] == "/elsewhere/plan.pdf?x=1"
    assert (tmp_path / "plan.pdf").read_bytes() == b"the file"


async def test_redirects_have_an_end(tonic: TonicDM, tmp_path: pathlib.Path):
    async with Hostile(otherwise=moved("/again")) as server:
        with pytest.raises(UnsafeLinkError, match="more than 5 redirects"):
            await tonic.download(link(server), tmp_path / "plan.pdf", allow_private=True)
        assert len(server.requests) == 6


@pytest.mark.parametrize(
    "to",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:127.0.0.1]:{port}/x",
        "http://0x7f000001:{port}/x",
        "http://2130706433:{port}/x",
        "http://127.1:{port}/x",
        "http://localhost:{port}/x",
        "http://[::1]:{port}/x",
        "http://0.0.0.0:{port}/x",
        "http://10.0.0.1/x",
        "file:///etc/passwd",
        "ftp://example.org/x",
        "http://user:password@127.0.0.1:{port}/x",
        "http://",
        "http://example.org:99999/x",
    ],
)
async def test_a_redirect_leads_to_no_private_place(tmp_path: pathlib.Path, to: str):
    """The API's own host may be private; what it redirects to may not, whatever it is called."""
    async with Hostile(otherwise=FILE) as other:
        async with (
            Hostile(otherwise=lambda _: moved(to.format(port=other.port))) as api,
            TonicDM(token=TOKEN, base_url=api.url, budget=UnitBudget.memory(), timeout=5) as tonic,
        ):
            with pytest.raises(UnsafeLinkError):
                await tonic.download(link(api), tmp_path / "plan.pdf")
        assert not other.received
    assert left(tmp_path) == []


async def test_the_address_that_is_connected_to_is_what_counts(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    """A name that resolves to a public address at a first look and to a private one at a second gains nothing."""
    looks: list[str] = []
    real = asyncio.get_running_loop().getaddrinfo

    async def rebinding(host, port, **options):
        if host != "rebind.example.org":
            return await real(host, port, **options)
        looks.append(host)
        address = "93.184.216.34" if len(looks) < 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", rebinding)
    async with Hostile(otherwise=FILE) as server:
        async with TonicDM(token=TOKEN, base_url=API, budget=UnitBudget.memory()) as tonic:
            with pytest.raises(UnsafeLinkError, match="not public"):
                await tonic.download(f"http://rebind.example.org:{server.port}/x", tmp_path / "x")
        assert looks
        assert not server.received


async def test_a_connection_that_was_allowed_serves_no_call_that_is_not(tonic: TonicDM, tmp_path: pathlib.Path):
    """An open connection to a private address is not used by a download that may not go there."""
    async with Hostile(otherwise=FILE) as server:
        await tonic.download(link(server), tmp_path / "a", allow_private=True)
        with pytest.raises(UnsafeLinkError):
            await tonic.download(link(server), tmp_path / "b")
        assert len(server.requests) == 1


async def test_the_apis_own_address_may_be_private(tmp_path: pathlib.Path):
    async with (
        Hostile(otherwise=FILE) as server,
        TonicDM(token=TOKEN, base_url=server.url, budget=UnitBudget.memory()) as tonic,
    ):
        await tonic.download(link(server), tmp_path / "plan.pdf")
    assert (tmp_path / "plan.pdf").read_bytes() == b"the file"


@pytest.mark.parametrize(
    "url", ["http://files.example.org/x", "ftp://x/y", "files/x", "", "https://", "https://a:b@c/x"]
)
async def test_only_https_where_the_api_has_it(tmp_path: pathlib.Path, url: str):
    async with TonicDM(token=TOKEN, base_url="https://us-api.tonicdm.com", budget=UnitBudget.memory()) as tonic:
        with pytest.raises(UnsafeLinkError):
            await tonic.download(url, tmp_path / "x", allow_private=True)
    assert left(tmp_path) == []


@pytest.mark.parametrize("url", [None, 5, b"https://x/y", ["https://x/y"]])
async def test_what_is_no_link_is_said(tonic: TonicDM, tmp_path: pathlib.Path, url: object):
    with pytest.raises(InvalidOptionError, match="url must be"):
        await tonic.download(url, tmp_path / "x")  # type: ignore[arg-type]


@for_each(
    ("options", "match"),
    [
        ({"size": -1}, "size must be"),
        ({"size": True}, "size must be"),
        ({"size": "5"}, "size must be"),
        ({"checksum": "crc32:1234"}, "must begin with one of md5"),
        ({"checksum": "sha256:1234"}, "is no sha256"),
        ({"checksum": "abc"}, "must begin with one of"),
        ({"checksum": 5}, "must be a text"),
        ({"on_progress": 5}, "on_progress must be"),
    ],
)
async def test_bad_promises_are_refused_before_anything_is_sent(
    tonic: TonicDM, tmp_path: pathlib.Path, options: dict[str, object], match: str
):
    async with Hostile(otherwise=FILE) as server:
        with pytest.raises(InvalidOptionError, match=match):
            await tonic.download(link(server), tmp_path / "x", allow_private=True, **options)  # type: ignore[arg-type]
        with pytest.raises(InvalidOptionError, match="to= takes"):
            await tonic.download(link(server), 5, allow_private=True)  # type: ignore[arg-type]
        with pytest.raises(InvalidOptionError, match="to= is empty"):
            await tonic.download(link(server), "", allow_private=True)
        assert not server.received


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
async def test_a_link_that_is_refused_says_so(tonic: TonicDM, tmp_path: pathlib.Path, status: int):
    """At once, with its status; S3's answer is not repeated, as it quotes what was signed."""
    body = b"<Error><StringToSign>" + SECRET.encode() + b"</StringToSign></Error>"
    answer = head(status, [("Content-Length", str(len(body)))]) + body
    async with Hostile(otherwise=answer) as server:
        with pytest.raises(DownloadError, match=f"refused the link with {status}") as caught:
            await tonic.download(link(server), tmp_path / "plan.pdf", allow_private=True)
        assert len(server.requests) == 1
    assert caught.value.status == status


async def test_a_link_that_expires_is_renewed(tonic: TonicDM, tmp_path: pathlib.Path):
    """A function gives a fresh link, and the download goes on where it was."""
    content = bytes(500_000)
    storage = Storage(content=content, cuts=[200_000])
    refused = head(403, [("Content-Length", "0")])
    async with Hostile(storage, refused, otherwise=storage) as server:
        given: list[str] = []

        async def fresh() -> str:
            given.append(link(server) + f"&n={len(given)}")
            return given[-1]

        await tonic.download(fresh, tmp_path / "plan.pdf", allow_private=True)
    assert (tmp_path / "plan.pdf").read_bytes() == content
    assert len(given) == 2
    assert storage.asked == [None, "bytes=200000-"]


async def test_a_link_that_is_always_refused_is_given_up(tonic: TonicDM, tmp_path: pathlib.Path):
    async with Hostile(otherwise=head(403, [("Content-Length", "0")])) as server:

        async def fresh() -> Secret:
            return Secret(link(server))

        with pytest.raises(DownloadError, match="403"):
            await tonic.download(fresh, tmp_path / "plan.pdf", allow_private=True)
        assert len(server.requests) <= 4


def everything_of(error: BaseException) -> str:
    """Return what a crash report would show: texts, attributes, causes, and the variables of our frames."""
    parts = ["".join(traceback.format_exception(error)), repr(error), repr(vars(error))]
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        one = pending.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        pending += [one.__cause__, one.__context__]
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if "/tonicdm/" in frame.f_code.co_filename:
                parts += [repr(value) for value in frame.f_locals.values()]
    return "\n".join(parts)


@pytest.mark.parametrize(
    "replies",
    [
        [CUT],
        [head(403, [("Content-Length", "0")])],
        [head(200, [("Content-Length", "100")]), b"half", CUT],
        [head(200, [("Content-Length", "4"), ("Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA==")]), b"four"],
        [b"HTTP/1.1 nonsense\r\n\r\n", CUT],
        [moved(f"http://10.0.0.1/{SECRET}?sig={SECRET}")],
        [moved(f"ftp://x/{SECRET}")],
    ],
    ids=["cut", "refused", "broken off", "wrong hash", "nonsense", "private", "ftp"],
)
async def test_a_signed_link_shows_itself_nowhere(
    tmp_path: pathlib.Path, replies: list[object], caplog: pytest.LogCaptureFixture
):
    """Not in an error, its causes or the variables of its frames, and in no log; nor its path."""
    caplog.set_level(logging.DEBUG)
    async with (
        Hostile(otherwise=replies) as server,
        TonicDM(token=TOKEN, base_url=server.url, budget=UnitBudget.memory()) as tonic,
    ):
        with pytest.raises(TonicDMError) as caught:
            await tonic.download(f"{server.url}/{SECRET}/x?sig={SECRET}", tmp_path / "plan.pdf")
        assert SECRET not in everything_of(caught.value)
        assert SECRET not in repr(tonic)
    assert SECRET not in caplog.text
    assert all(SECRET not in path.read_text("latin-1") for path in map(tmp_path.joinpath, left(tmp_path)))


async def test_a_link_through_a_proxy_is_not_private_by_its_name(tmp_path: pathlib.Path):
    """The proxy resolves the name, so an address or name that is private as it stands is refused before it is asked."""
    async with (
        Hostile(otherwise=FILE) as proxy,
        TonicDM(token=TOKEN, base_url=API, proxy=proxy.url, budget=UnitBudget.memory()) as tonic,
    ):
        for host in ("10.0.0.1", "[::1]", "localhost", "storage", "files.internal", "x.localhost."):
            with pytest.raises(UnsafeLinkError):
                await tonic.download(f"http://{host}/x", tmp_path / "x")
        assert not proxy.received
        await tonic.download("http://files.example.org/x", tmp_path / "x")
        assert proxy.requests[0].target == "http://files.example.org/x"
    assert (tmp_path / "x").read_bytes() == b"the file"


@pytest.mark.parametrize("made", [None, 5, b"https://x/y"])
async def test_a_function_that_gives_no_link_is_said(tonic: TonicDM, tmp_path: pathlib.Path, made: object):
    async def link_of() -> object:
        return made

    with pytest.raises(InvalidOptionError, match="the function for the link returned"):
        await tonic.download(link_of, tmp_path / "x")  # type: ignore[arg-type]


async def test_a_closed_client_downloads_nothing(tmp_path: pathlib.Path):
    tonic = TonicDM(token=TOKEN, base_url=API, budget=UnitBudget.memory())
    await tonic.close()
    with pytest.raises(ClientClosedError):
        await tonic.download("https://files.example.org/x", tmp_path / "x")
