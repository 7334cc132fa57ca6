"""Single requests outside any budget: to an issuer of tokens, or to a signed URI. No token of an API goes with them."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import attrs
import yarl

from tonicdm.clock import Clock, SystemClock
from tonicdm.errors import ConfigError, ProtocolError, TonicDMError, UnsafeLinkError
from tonicdm.http.addresses import PrivateAddressError, public_socket
from tonicdm.http.exceptions import map_exception
from tonicdm.http.messages import OutgoingRequest
from tonicdm.http.middleware import SingleRequest
from tonicdm.http.operation import NOTHING_SENT, READ_FAILED
from tonicdm.http.session import USER_AGENT, BodyTooLongError, SessionHolder, read_body
from tonicdm.http.wire import Request
from tonicdm.types import Secret

MAX_BODY_BYTES: Final = 1 << 20
"""Bytes of an answer that are read whole; tokens and their refusals take some thousand."""

DELIVERY_UNKNOWN: Final = "Whether the server took it is unknown."


@attrs.frozen(kw_only=True)
class PlainResponse:
    """What came back, undecoded; and when, so that the server's Date tells something of its clock."""

    status: int
    headers: Mapping[str, str]
    body: bytes = attrs.field(repr=False)
    sent_at: float
    """Monotonic time before the request."""
    received_at: float
    """Monotonic time at which the head of the answer was there."""


@attrs.frozen(kw_only=True)
class PlainStream:
    """An answer whose body is read piece by piece."""

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    """A redirect's Location is among them."""
    chunks: AsyncIterator[bytes] = attrs.field(repr=False)
    """The body as it comes; read inside ``async with`` only."""


@attrs.define
class _Passage:
    """Whether a request has got as far as its connection."""

    sent: bool = False

    async def mark(self) -> None:
        """Note that the first byte is about to leave."""
        self.sent = True


class Plain:
    """Sends a request once, without retries, redirects, cookies or tokens.

    No error names the query of a URL or repeats what aiohttp says of it, and none shows aiohttp's own with it: a signed
    URI and a form are secrets.

    Args:
        clock: Time.
        ssl: As for aiohttp.
        proxy: A proxy's URL.
        trust_env: Whether to read proxies from the environment.
        public_only: Whether connections are made to public addresses alone; a proxy's own counts as well.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        ssl: ssl.SSLContext | bool = True,
        proxy: str | None = None,
        trust_env: bool = False,
        public_only: bool = False,
    ) -> None:
        self._clock = clock or SystemClock()
        # A connector of its own, so that no connection to another address is used again.
        factory = public_socket if public_only else None
        self._session = SessionHolder(ssl=ssl, proxy=proxy, trust_env=trust_env, socket_factory=factory)

    async def post(
        self,
        url: str,
        form: Mapping[str, str | Secret],
        headers: Mapping[str, str] | None = None,
        *,
        timeout: float = 30.0,
    ) -> PlainResponse:
        """Send *form*, form encoded, and return the answer whatever its status.

        Args:
            url: Where to.
            form: The fields.
            headers: More header lines.
            timeout: Seconds that it may take.

        Raises:
            TransportError: No answer came; its ``sent`` says whether the request may have arrived.
        """
        # Sealed first: tools that track errors show the variables of the frames that an error passes.
        body, form = Secret(urlencode({name: _text(value) for name, value in form.items()})), {}
        lines = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json", **(headers or {})}
        return await self._whole("POST", url, lines, timeout, body)

    async def get(self, url: str, headers: Mapping[str, str] | None = None, *, timeout: float = 30.0) -> PlainResponse:
        """Return the answer to a GET, whatever its status.

        Args:
            url: What to read.
            headers: More header lines.
            timeout: Seconds that it may take.

        Raises:
            TransportError: No answer came.
        """
        return await self._whole("GET", url, headers or {}, timeout)

    @contextlib.asynccontextmanager
    async def stream(
        self, link: Secret, headers: Mapping[str, str] | None = None, *, timeout: float = 30.0, raw: bool = False
    ) -> AsyncGenerator[PlainStream]:
        """Read the answer to a GET piece by piece, whatever its status.

        Args:
            link: What to read.
            headers: More header lines.
            raw: Whether the body comes as it was sent, its Content-Encoding not undone.
            timeout: Seconds until the head is there, and between two pieces; the whole may take as long as it takes.

        Raises:
            TransportError: No answer came, or it broke off.
            UnsafeLinkError: It leads to an address that is not public, where that is asked for.
        """
        call, passage = _call("GET", link.reveal(), timeout, shows_path=False), _Passage()
        limits = aiohttp.ClientTimeout(total=None, sock_connect=timeout, sock_read=timeout)
        async with contextlib.AsyncExitStack() as stack:
            response: aiohttp.ClientResponse | None = None
            ours: TonicDMError | None = None
            try:
                response = await stack.enter_async_context(
                    self._request("GET", link, headers or {}, limits, passage, decoded=not raw)
                )
            except Exception as error:
                if (ours := _ours(error, call, passage)) is None:
                    raise
            if response is None:
                assert ours is not None
                raise ours
            pieces = _pieces(response.content, call, passage)
            yield PlainStream(status=response.status, headers=response.headers, chunks=pieces)

    async def put(
        self, link: Secret, pieces: AsyncIterator[bytes], headers: Mapping[str, str], *, timeout: float = 30.0
    ) -> PlainResponse:
        """Send what comes in pieces, and return the answer whatever its status.

        Args:
            link: Where to.
            pieces: The body.
            headers: More header lines, Content-Length among them: storage services take no body of unknown length.
            timeout: Seconds without a byte; the whole may take as long as it takes.

        Raises:
            TransportError: No answer came; its ``sent`` says whether the request may have arrived.
            UnsafeLinkError: It leads to an address that is not public, where that is asked for.
        """
        call = _call("PUT", link.reveal(), timeout, shows_path=False)
        limits = aiohttp.ClientTimeout(total=None, sock_connect=timeout, sock_read=timeout)
        return await self._answered(call, link, headers, limits, pieces)

    async def close(self) -> None:
        """Close the connections; twice is once."""
        await self._session.close()

    async def _whole(
        self, method: str, url: str, headers: Mapping[str, str], timeout: float, body: Secret | None = None
    ) -> PlainResponse:
        limits = aiohttp.ClientTimeout(total=timeout, sock_connect=timeout)
        return await self._answered(_call(method, url, timeout), Secret(url), headers, limits, body)

    async def _answered(
        self,
        call: OutgoingRequest,
        link: Secret,
        headers: Mapping[str, str],
        limits: aiohttp.ClientTimeout,
        body: Secret | AsyncIterator[bytes] | None,
    ) -> PlainResponse:
        passage, sent_at = _Passage(), self._clock.monotonic()
        try:
            async with self._request(call.request.method, link, headers, limits, passage, body) as response:
                received_at = self._clock.monotonic()
                return PlainResponse(
                    status=response.status,
                    headers=response.headers,
                    body=await _read(response, call),
                    sent_at=sent_at,
                    received_at=received_at,
                )
        except Exception as error:
            if (ours := _ours(error, call, passage)) is None:
                raise
        raise ours

    def _request(
        self,
        method: str,
        link: Secret,
        headers: Mapping[str, str],
        timeout: aiohttp.ClientTimeout,
        passage: _Passage,
        body: Secret | AsyncIterator[bytes] | None = None,
        *,
        decoded: bool = True,
    ) -> Any:
        self._session.check_open()
        lines = {"User-Agent": USER_AGENT, **headers}
        return self._session.request(
            method,
            link.reveal(),
            headers=lines,
            # As a payload, which shows nothing of itself in the frames that a cancellation passes.
            data=aiohttp.BytesPayload(body.reveal().encode()) if isinstance(body, Secret) else body,
            timeout=timeout,
            # A token must never be asked for twice by a silent repetition, and a netrc must not sign in for us.
            middleware=SingleRequest(passage.mark, lines=[*lines.items()]),
            decompress=decoded,
        )


def _call(method: str, url: str, timeout: float, *, shows_path: bool = True) -> OutgoingRequest:
    parsed = yarl.URL(url, encoded=True)
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ConfigError("a URL to call must begin with https:// and a host")
    path = parsed.raw_path if shows_path else "/"
    request = Request(method=method, path=path)
    return OutgoingRequest(
        request=request,
        base_url=str(parsed.origin()),
        cost=0,
        timeout=timeout,
        shown_path=f"{parsed.host}{path}",
        if_lost=READ_FAILED if method == "GET" else DELIVERY_UNKNOWN,
    )


def _ours(error: Exception, call: OutgoingRequest, passage: _Passage) -> TonicDMError | None:
    """Return what is raised in place of an error of aiohttp's; None for one that is left as it is.

    It is raised where the other is no longer being handled, and chains nothing: aiohttp's errors, and the frames they
    passed, hold the URL and the form.
    """
    if (refused := _refusal(error, call)) is not None:
        return refused
    if (lost := map_exception(error, call, sent=passage.sent)) is None:
        return None
    lost.error.__cause__ = None
    return lost.error


def _text(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def _refusal(error: Exception, call: OutgoingRequest) -> TonicDMError | None:
    if isinstance(error, aiohttp.InvalidURL):
        return ConfigError(f"the URL can't be called: it is none. {NOTHING_SENT}")
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, PrivateAddressError):
        host = call.base_url.rpartition("/")[2]
        return UnsafeLinkError(f"{host}: it leads to an address that is not public. {NOTHING_SENT}")
    return None


async def _read(response: aiohttp.ClientResponse, call: OutgoingRequest) -> bytes:
    try:
        return await read_body(response, MAX_BODY_BYTES)
    except BodyTooLongError:
        raise ProtocolError(
            f"{call.label}: the answer is longer than {MAX_BODY_BYTES:,} bytes; it was not read to its end.",
            method=call.request.method,
            path=call.path,
            status=response.status,
        ) from None


async def _pieces(content: aiohttp.StreamReader, call: OutgoingRequest, passage: _Passage) -> AsyncIterator[bytes]:
    ours: TonicDMError | None = None
    try:
        async for piece in content.iter_any():
            yield piece
    except Exception as error:
        # What came before a cut may still be in aiohttp's buffer, which its public methods then no longer give out.
        if unread := content._read_nowait(-1):
            yield unread
        if (ours := _ours(error, call, passage)) is None:
            raise
    if ours is not None:
        raise ours
