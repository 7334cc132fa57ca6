"""A pooler before PostgreSQL, as PgBouncer is one: in transaction mode a session's settings are anybody's."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from typing import Self

import psycopg.conninfo

END_OF_STARTUP = b"Z"
RESET = b"DISCARD ALL\0"
"""What a session forgets before the next client gets it for as long as that one is there."""
NEEDS_ANSWER = b"QS"
"""Messages of a client that end with the server's word that it is ready: a query, and the end of a pipeline."""


class Session:
    """A connection to the server, behind its log-in."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.parameters: list[bytes] = []


async def message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Read one message: its type, and all of it."""
    head = await reader.readexactly(5)
    (length,) = struct.unpack("!I", head[1:])
    return head[:1], head + await reader.readexactly(length - 4)


class Pooler:
    """Lends sessions of the server; opened with ``async with``.

    Args:
        url: Of the server's database.
        by_transaction: Whether a session is lent for a transaction; else for as long as the client is there.
    """

    def __init__(self, url: str, *, by_transaction: bool) -> None:
        self._target = psycopg.conninfo.conninfo_to_dict(url)
        self._by_transaction = by_transaction
        self._free: list[Session] = []
        self._all: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"postgresql://{self._target.get('user')}@127.0.0.1:{port}/{self._target['dbname']}"
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._server.close()
        for writer in self._all:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._all.append(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                (length,) = struct.unpack("!I", await reader.readexactly(4))
                startup = await reader.readexactly(length - 4)
                if startup[:2] == b"\0\3":  # the protocol's version; before it, clients ask for encryption
                    break
                writer.write(b"N")
            session = await self._lend(startup)
            self._free.append(session)
            writer.write(b"R" + struct.pack("!II", 8, 0) + b"".join(session.parameters))
            writer.write(b"K" + struct.pack("!III", 12, 1, 1) + b"Z" + struct.pack("!I", 5) + b"I")
            await self._speak(reader, writer, startup)
        writer.transport.abort()

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, startup: bytes) -> None:
        session: Session | None = None
        try:
            while True:
                kind, content = await message(reader)
                if kind == b"X":
                    return
                session = session or await self._lend(startup)
                session.writer.write(content)
                if kind in NEEDS_ANSWER and await self._answered(session, writer) and self._by_transaction:
                    self._free.append(session)
                    session = None
        finally:
            if session is not None and self._by_transaction:
                session.writer.transport.abort()
            elif session is not None:
                session.writer.write(b"Q" + struct.pack("!I", 4 + len(RESET)) + RESET)
                if await self._answered(session, None):
                    self._free.append(session)

    async def _answered(self, session: Session, writer: asyncio.StreamWriter | None) -> bool:
        """Hand an answer on; whether the session is in no transaction then."""
        while True:
            kind, content = await message(session.reader)
            if writer is not None:
                writer.write(content)
            if kind == END_OF_STARTUP:
                if writer is not None:
                    await writer.drain()
                return content.endswith(b"I")

    async def _lend(self, startup: bytes) -> Session:
        """Lend the session that came back last, else a new one."""
        if self._free:
            return self._free.pop()
        host, port = self._target.get("host", "localhost"), self._target.get("port", 5432)
        where = f"{host}/.s.PGSQL.{port}"
        reader, writer = await (
            asyncio.open_unix_connection(where)
            if str(host).startswith("/")
            else asyncio.open_connection(str(host), int(port))
        )
        self._all.append(writer)
        session = Session(reader, writer)
        writer.write(struct.pack("!I", len(startup) + 4) + startup)
        kind = b""
        while kind != END_OF_STARTUP:
            kind, content = await message(reader)
            if kind == b"S":
                session.parameters.append(content)
        return session
