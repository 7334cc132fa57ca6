"""The aiohttp session that requests go through: one opened here, or a user's with its defaults overridden."""

from __future__ import annotations

import asyncio
import ssl
import sys
import types
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import aiohttp
import yarl

from tonicdm._version import __version__
from tonicdm.errors import ClientClosedError, ConfigError
from tonicdm.http.headers import FRAMING
from tonicdm.http.middleware import GatedRequest

PACKAGE: Final = __name__.partition(".")[0]

USER_AGENT: Final = f"tonicdm-python/{__version__}"

MAX_HEADER_BYTES: Final = 65_536
"""Bytes of one response header that are still read; a proxy's long policy header must not cost an answer."""

MAX_HEADERS: Final = 256
"""Header lines of a response that are still read."""

OF_SESSION: Final[dict[str, Any]] = {
    "raise_for_status": False,  # what a status means is decided here; an answer that raises would settle nothing
    "read_bufsize": 65_536,
    "max_line_size": MAX_HEADER_BYTES,
    "max_field_size": MAX_HEADER_BYTES,
    "max_headers": MAX_HEADERS,
}
"""What a session that is opened here is made with, and what each request through a user's says itself."""

PER_REQUEST: Final[dict[str, Any]] = {
    "allow_redirects": False,  # they would carry the token elsewhere
}
"""What each request says itself: aiohttp's sessions have no default of it."""


class BodyTooLongError(Exception):
    """A body is longer than what is read of it."""


def arrived_body(response: aiohttp.ClientResponse, max_bytes: int) -> bytes | None:
    """Return a body that has come with the head, as short ones do, unpacked; None for one that is to be waited for.

    Args:
        response: Whose.
        max_bytes: Bytes that it has at most.

    Raises:
        BodyTooLongError: It is longer.
    """
    stream = response.content
    if not stream.is_eof():
        return None
    body = stream.read_nowait()
    if len(body) > max_bytes:
        raise BodyTooLongError
    return body


async def read_body(response: aiohttp.ClientResponse, max_bytes: int, content: bytearray | None = None) -> bytes:
    """Read a body piece by piece, unpacked.

    Args:
        response: Whose.
        max_bytes: Bytes that are read at most.
        content: Added to, so that what had come before an error is not lost.

    Raises:
        BodyTooLongError: It is longer; *content* holds no more than *max_bytes*.
    """
    content = bytearray() if content is None else content
    async for piece in response.content.iter_any():
        content += piece
        if len(content) > max_bytes:
            del content[max_bytes:]
            raise BodyTooLongError
    return bytes(content)


class SessionHolder:
    """Opens a session with the first request, and sends requests through it; bound to one event loop.

    Args:
        session: A session to use instead of one opened here; it is not closed here.
        connector: A connector for the session opened here; it is not closed here.
        socket_factory: Makes the sockets of the session opened here, where no connector does.
        ssl: As for aiohttp.
        proxy: A proxy's URL.
        trust_env: Whether to read proxies from the environment.

    Raises:
        ConfigError: *session* is none that requests can be sent through.
    """

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession | None = None,
        connector: aiohttp.BaseConnector | None = None,
        socket_factory: Callable[..., Any] | None = None,
        ssl: ssl.SSLContext | bool = True,
        proxy: str | None = None,
        trust_env: bool = False,
    ) -> None:
        if session is not None:
            check_session(session)
        self._session = session
        self._own_session = session is None
        self._connector = connector
        self._socket_factory = socket_factory
        self._options: dict[str, Any] = dict(PER_REQUEST)
        if session is not None:
            self._options |= OF_SESSION
        if ssl is not True:
            self._options["ssl"] = ssl
        if proxy is not None:
            self._options["proxy"] = proxy
        self._trust_env = trust_env
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._made_at = _caller_line()

    def __del__(self, warn: Callable[..., None] = warnings.warn_explicit) -> None:
        session = getattr(self, "_session", None)
        if session is None or self._closed or not self._own_session or getattr(session, "closed", True):
            return
        file, line = self._made_at
        warn(
            f"the client made at {file}:{line} was not closed, and its connections stay open; use 'async with' around "
            "it, or await its close()",
            ResourceWarning,
            file,
            line,
            source=self,
        )

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def check_open(self) -> None:
        """Refuse use after close or on another event loop.

        Raises:
            ClientClosedError: Saying which of both, and what to do.
        """
        if self._closed:
            raise ClientClosedError("this client is closed; make a new one, or keep it open with async with")
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise ClientClosedError("this client belongs to another event loop; make one client per loop")
        if not self._own_session:
            check_usable(self._session)

    @property
    def is_own(self) -> bool:
        """Whether the session is one that is opened here."""
        return self._own_session

    @property
    def is_replaced(self) -> bool:
        """Whether a tool stands in for aiohttp's way of sending, as those that record and replay requests do."""
        return is_replaced(self.open())

    def open(self) -> aiohttp.ClientSession:
        """Return the session, opened with the first call."""
        if self._session is None:
            # The budget's slots bound the calls under way; a second bound would hold reserved units in a queue.
            connector = self._connector or aiohttp.TCPConnector(limit=0, socket_factory=self._socket_factory)
            self._session = aiohttp.ClientSession(
                connector=connector,
                connector_owner=self._connector is None,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=self._trust_env,
                request_class=GatedRequest,
                **OF_SESSION,
            )
        return self._session

    def request(
        self,
        method: str,
        url: str | yarl.URL,
        *,
        headers: Sequence[tuple[str, str]] | Mapping[str, str] | None,
        data: Any,
        timeout: aiohttp.ClientTimeout,
        middleware: aiohttp.ClientMiddlewareType,
        decompress: bool = True,
    ) -> Any:
        """Return the context in which a request is sent and its response is there.

        Args:
            method: The HTTP method.
            url: What to call, encoded already: a signature holds for the text as it was given.
            headers: Its lines, as far as the middleware does not bring them.
            data: Its body.
            timeout: As for aiohttp.
            middleware: Stands between the session and the connection, in place of the session's own.
            decompress: Whether a Content-Encoding is undone.
        """
        return self.open().request(
            method,
            yarl.URL(url, encoded=True) if isinstance(url, str) else url,
            headers=headers,
            data=data,
            timeout=timeout,
            middlewares=(middleware,),
            auto_decompress=decompress,
            **self._options,
        )

    async def close(self) -> None:
        """Close the session, if it was opened here; twice is once."""
        if not self._closed:
            self._closed = True
            if self._own_session and self._session is not None:
                await self._session.close()


def _caller_line() -> tuple[str, int]:
    """Return file and line of the code outside this package that runs now; no frame is kept, nor its variables."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] == PACKAGE:
        frame = frame.f_back
    return ("<unknown>", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)


def check_session(session: Any) -> None:
    """Refuse a user's session that our requests can't be sent through.

    Raises:
        ConfigError: It is none, or it adds header lines that decide where a request ends.
    """
    if isinstance(session, type) or not callable(getattr(session, "request", None)):
        raise ConfigError(f"session= must be an aiohttp.ClientSession, not {_named(session)}")
    framing = sorted(name for name in getattr(session, "headers", ()) if name.lower() in FRAMING)
    if framing:
        raise ConfigError(
            f"session= sends {', '.join(framing)} with every request, which would break the requests made here; "
            "make a session without"
        )


def check_usable(session: Any) -> None:
    """Refuse a user's session that is closed or belongs to another event loop.

    Raises:
        ClientClosedError: Saying which of both.
    """
    if getattr(session, "closed", False) is True:
        raise ClientClosedError("the session= of this client is closed; make a new client on an open one")
    loop = getattr(session, "_loop", None)
    if isinstance(loop, asyncio.AbstractEventLoop) and loop is not asyncio.get_running_loop():
        raise ClientClosedError("the session= of this client belongs to another event loop; make both on one loop")


def is_replaced(session: Any) -> bool:
    """Tell whether a tool stands in for aiohttp's way of sending, as those that record and replay requests do."""
    code = getattr(getattr(session, "_request", None), "__code__", None)
    return code is None or code.co_filename != _AIOHTTP_FILE


_AIOHTTP_FILE: Final = aiohttp.client.__file__


def _named(value: Any) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"
