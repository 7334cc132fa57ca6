"""aioresponses 0.7.9 repaired for aiohttp 3.14: its answers lack a stream_writer and a parser for long bodies.

`test_mocking.py` fails as soon as this is no longer needed.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import json
import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import aiohttp
import attrs
from aiohttp.client_proto import ResponseHandler
from aiohttp.streams import StreamReader
from aioresponses import CallbackResult, aioresponses
from yarl import URL

ANY_URL = re.compile(r".*")


@attrs.frozen
class SentRequest:
    """A request as it reached the session."""

    method: str
    url: URL
    lines: tuple[tuple[str, str], ...]
    body: bytes | None

    @property
    def json(self) -> Any:
        """Its body."""
        return None if self.body is None else json.loads(self.body)


class _Response(aiohttp.ClientResponse):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("stream_writer", SimpleNamespace(output_size=0))
        super().__init__(*args, **kwargs)


def _reader(loop: Any = None) -> StreamReader:
    return StreamReader(ResponseHandler(loop=loop), limit=2**62, loop=loop)


@contextlib.contextmanager
def mocked(answer: Callable[..., CallbackResult]) -> Iterator[None]:
    """Let *answer* give every answer: it is called with method, URL and the further arguments of the request."""
    with (
        mock.patch("aioresponses.core.ClientResponse", _Response),
        mock.patch("aioresponses.core.stream_reader_factory", _reader),
        # It copies the arguments of a request deeply, among them what the transport watches the connection with.
        mock.patch("aioresponses.core.copy", SimpleNamespace(deepcopy=copy.copy)),
        aioresponses() as responses,
    ):
        for method in ("GET", "POST", "PATCH", "DELETE"):
            responses.add(ANY_URL, method=method, callback=functools.partial(answer, method), repeat=True)
        yield
