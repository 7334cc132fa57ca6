"""The session that requests go through: our own, or a user's with its defaults overridden."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import aiohttp

from tonicdm._version import __version__
from tonicdm.errors import ClientClosedError, ConfigError
from tonicdm.http.headers import FRAMING

USER_AGENT: Final = f"tonicdm-python/{__version__}"

MAX_HEADER_BYTES: Final = 65_536
"""Bytes of one response header that are still read; a proxy's long policy header must not cost an answer."""

MAX_HEADERS: Final = 256
"""Header lines of a response that are still read."""

PER_REQUEST: Final[dict[str, Any]] = {
    "allow_redirects": False,  # they would carry the token elsewhere
    "raise_for_status": False,  # what a status means is decided here; an answer that raises would settle nothing
    "auto_decompress": True,
    "read_bufsize": 65_536,
    "max_line_size": MAX_HEADER_BYTES,
    "max_field_size": MAX_HEADER_BYTES,
    "max_headers": MAX_HEADERS,
}
"""What each request says itself, whatever the defaults of its session are."""


class BodyTooLongError(Exception):
    """A body is longer than what is read of it."""


async def read_body(response: aiohttp.ClientResponse, most: int, content: bytearray | None = None) -> bytearray:
    """Read a body piece by piece, unpacked.

    Args:
        response: Whose.
        most: Bytes that are read at most.
        content: Added to, so that what had come before an error is not lost.

    Raises:
        BodyTooLongError: It is longer; *content* holds no more than *most*.
    """
    content = bytearray() if content is None else content
    async for piece in response.content.iter_any():
        content += piece
        if len(content) > most:
            del content[most:]
            raise BodyTooLongError
    return content


def open_session(connector: aiohttp.BaseConnector | None, *, trust_env: bool) -> aiohttp.ClientSession:
    """Make a session without memory.

    Args:
        connector: Used and not closed; None for one that is closed with the session.
        trust_env: Whether to read proxies from the environment.
    """
    return aiohttp.ClientSession(
        # The transport's slots bound the calls under way; a second bound would hold reserved units in a queue.
        connector=connector or aiohttp.TCPConnector(limit=0),
        connector_owner=connector is None,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=trust_env,
    )


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
    return getattr(code, "co_filename", None) != aiohttp.client.__file__


def _named(value: Any) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"
