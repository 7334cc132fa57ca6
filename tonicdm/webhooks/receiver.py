"""The receiver: it refuses a request, or stores its event and then acknowledges it, whatever server it came through."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import time
from collections import Counter
from collections.abc import AsyncIterable, Mapping, Sequence
from typing import Any, Final, Protocol, Self

import attrs

from tonicdm.clock import Clock, SystemClock
from tonicdm.closing import AsyncClosing
from tonicdm.errors import ConfigError, MalformedEventError, SignatureError, StoreError
from tonicdm.store import Store
from tonicdm.store.database import Location
from tonicdm.webhooks.event import Event, parse
from tonicdm.webhooks.inbox import Inbox
from tonicdm.webhooks.payload import PayloadReader, TolerantReader
from tonicdm.webhooks.refusals import Deadlines, Refusals, Refused
from tonicdm.webhooks.verify import Verifier

logger: Final = logging.getLogger("tonicdm.webhooks")

NO_VERIFIER: Final = (
    "a receiver must be told how to check who sends: StandardWebhooks(secret), SharedSecret(header, secret), "
    "or Unverified(), with which every event is only a hint"
)


def _positive(_instance: Any, attribute: attrs.Attribute[Any], value: float) -> None:
    if not value > 0:
        raise ConfigError(f"{attribute.name} must be more than 0, not {value!r}")


@attrs.frozen(kw_only=True)
class Limits:
    """What a receiver takes on before it says no."""

    max_body: int = attrs.field(default=1024**2, validator=_positive)
    """Bytes of one body; more is answered with 413."""
    body_seconds: float = attrs.field(default=10.0, validator=_positive)
    """Seconds in which a whole body must have come; else 408, and the connection is cut."""
    max_readers: int = attrs.field(default=2000, validator=_positive)
    """Bodies that are read at the same time; the next request is answered with 503 at once."""
    max_held: int = attrs.field(default=64 * 1024**2, validator=_positive)
    """Bytes of all bodies that are read or wait for the disk; beyond it 503."""
    max_waiting: int = attrs.field(default=1000, validator=_positive)
    """Events that wait for the disk; beyond it 503."""
    commit_seconds: float = attrs.field(default=10.0, validator=_positive)
    """Seconds to wait for the disk before 503. The event may be stored all the same; sent again it is a duplicate."""
    retry_after: float = attrs.field(default=2.0, validator=_positive)
    """Seconds that the Retry-After of a 503 names."""


class EventSink(Protocol):
    """Where events are kept: `tonicdm.webhooks.Inbox`."""

    async def receive(self, events: Sequence[Event], /) -> list[bool]:
        """Store *events* in one transaction; when it returns they survive a power cut.

        Returns:
            For each event whether it was new, in their order.
        """
        ...


class GroupCommit:
    """Hands events to a sink, one transaction at a time. Events that arrive meanwhile go into the next one.

    A flush of the disk takes milliseconds whatever it carries, so under load the groups grow and the wait does not.

    Args:
        sink: Where they go.
    """

    def __init__(self, sink: EventSink) -> None:
        self._sink = sink
        self._waiting: list[tuple[Event, asyncio.Future[bool]]] = []
        self._writing = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def pending(self) -> int:
        """Events that are not known to be stored yet."""
        return len(self._waiting) + self._writing

    async def store(self, event: Event) -> bool:
        """Store *event* and return whether it was new.

        Cancelled, it leaves the event in its group: it may be stored all the same.
        """
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, stored))
        if self._task is None:
            self._task = asyncio.ensure_future(self._run())
        return await stored

    async def drain(self) -> None:
        """Wait until everything handed over is stored or has failed."""
        while self._task is not None:
            await asyncio.wait((self._task,))

    async def _run(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                self._writing = len(group)
                await self._write(group)
                self._writing = 0
        finally:
            self._task, self._writing = None, 0

    async def _write(self, group: Sequence[tuple[Event, asyncio.Future[bool]]]) -> None:
        began = time.perf_counter()
        try:
            new = await self._sink.receive([event for event, _ in group])
            ends = list(zip(group, new, strict=True))
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to those who wait
            if len(group) > 1 and not isinstance(error, StoreError):
                # One event that can't be stored must not fail the others for ever.
                for pair in group:
                    await self._write([pair])
                return
            for _, stored in group:
                if not stored.done():
                    stored.set_exception(error)
            return
        spent = (time.perf_counter() - began) * 1000
        logger.debug("stored %d events, %d of them new, in %.1f ms", len(group), sum(new), spent)
        for (_, stored), is_new in ends:
            if not stored.done():
                stored.set_result(is_new)


@attrs.frozen
class Reply:
    """The answer to a request."""

    status: int
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: bytes = b""

    @property
    def closes(self) -> bool:
        """Whether the connection ends with it, because the rest of the body is not wanted."""
        return "Connection" in self.headers

    @property
    def cuts(self) -> bool:
        """Whether it ends at once: a sender that dripped is not waited for."""
        return self.status == 408


class Receiver(AsyncClosing):
    """Checks requests and stores their events; each server has a shell around it.

    It belongs to one event loop. As an async context manager it opens what it writes to, and at the end refuses what
    comes, finishes the commits in hand and closes.

    Args:
        inbox: Where events are stored.
        verifier: How senders are checked. There is no default.
        limits: What is too much.
        reader: Tells what a body says.
        clock: Its time.
        store: Opened and closed with the receiver, where it has one of its own.

    Raises:
        ConfigError: No verifier was given.
    """

    def __init__(
        self,
        inbox: EventSink,
        verifier: Verifier | None = None,
        *,
        limits: Limits | None = None,
        reader: PayloadReader | None = None,
        clock: Clock | None = None,
        store: Store | None = None,
    ) -> None:
        if verifier is None:
            raise ConfigError(NO_VERIFIER)
        self.limits: Limits = limits or Limits()
        self._stored: Counter[str] = Counter()
        self._verifier = verifier
        self._reader = reader or TolerantReader()
        self._clock = clock or SystemClock()
        # When an event came is compared with the times of other hosts, so it is told by the clock of what keeps it.
        self._arrivals: Clock = self._clock if clock is not None else getattr(inbox, "clock", self._clock)
        self._deadlines = Deadlines(self._clock)
        self._commit = GroupCommit(inbox)
        self._refusals = Refusals()
        self._store = store
        self._reading = 0
        self._held = 0
        self._closed = False

    @classmethod
    def for_file(
        cls,
        path: str | os.PathLike[str] | Location,
        verifier: Verifier | None = None,
        *,
        limits: Limits | None = None,
        reader: PayloadReader | None = None,
    ) -> Self:
        """Return a receiver that stores into a file: that of a sync, or one of its own.

        Args:
            path: The file; made if absent.
            verifier: How senders are checked. There is no default.
            limits: What is too much.
            reader: Tells what a body says.

        Raises:
            ConfigError: No verifier was given.
        """
        store = Store(path)
        return cls(Inbox(store, reader=reader), verifier, limits=limits, reader=reader, store=store)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def open(self) -> None:
        """Open the store, so that a file that can't be written is known before the first event.

        What looks wrong about the verifier's secrets is logged.

        Raises:
            StoreError: It can't be written.
        """
        for remark in getattr(self._verifier, "remarks", ()):  # a verifier need not inherit from ours
            logger.warning("%s", remark)
        if self._store is not None:
            await self._store.__aenter__()

    async def close(self) -> None:
        """Refuse new and unread requests, finish the running commits, and close the store; twice is once."""
        self._closed = True
        self._deadlines.stop(_closing)
        await self._commit.drain()
        if self._store is not None:
            await self._store.close()

    @property
    def stored(self) -> Mapping[str, int]:
        """``new`` and ``duplicate`` events so far."""
        return self._stored

    @property
    def refused(self) -> Mapping[int, int]:
        """Refused requests so far, by status."""
        return self._refusals.counts

    @property
    def location(self) -> Location | None:
        """Where events are stored; None where an inbox of the caller's own takes them."""
        return None if self._store is None else self._store.location

    async def trouble(self) -> str | None:
        """Return the reason why events can't be stored now; None where they can."""
        try:
            self._check_capacity()
            if self._store is not None:
                async with asyncio.timeout(self.limits.commit_seconds):
                    await self._store.write(lambda _db: None)
        except Refused as refused:
            return refused.reason
        except TimeoutError:
            return f"the disk took longer than {self.limits.commit_seconds:g} s"
        except StoreError as error:
            logger.warning("a look at the receiver's health found: %s", error)
            return "the file can't be written"
        return None

    # --- a request --------------------------------------------------------------------------------------------------

    def screen(self, method: str, headers: Mapping[str, str], *, peer: str = "") -> Reply | None:
        """Return the refusal that follows from the head of a request, so that its body is not read; else None.

        Args:
            method: The HTTP method.
            headers: Names in any case.
            peer: Address of the sender; only counted.
        """
        small = lowered(headers)
        try:
            self._screen(method, small)
        except Refused as refused:
            refused.size = _declared(small)
            return self._refuse(refused, peer, unread=True)
        return None

    async def receive(
        self, method: str, headers: Mapping[str, str], chunks: AsyncIterable[bytes], *, peer: str = ""
    ) -> Reply:
        """Take a request from its head to the answer.

        Args:
            method: The HTTP method.
            headers: Names in any case.
            chunks: The body as it comes.
            peer: Address of the sender; only counted.
        """
        if refusal := self.screen(method, headers, peer=peer):
            return refusal
        try:
            body = await self._read(chunks)
        except Refused as refused:
            return self._refuse(refused, peer, unread=True)
        self._held += len(body)
        try:
            return await self.accept(headers, body, peer=peer)
        finally:
            self._held -= len(body)

    async def accept(self, headers: Mapping[str, str], body: bytes, *, peer: str = "") -> Reply:
        """Check a whole body, store its event, and answer 200 once it is on the disk.

        Args:
            headers: Names in any case.
            body: The raw body.
            peer: Address of the sender; only counted.
        """
        small, now = lowered(headers), self._clock.now()
        try:
            if len(body) > self.limits.max_body:
                raise self._too_large()
            self._check_capacity()
            self._verifier.check(small, body, now)
            event = parse(
                body, small, signed=self._verifier.confirms, received=self._arrivals.now(), reader=self._reader
            )
            new = await self._keep(event)
        except (SignatureError, MalformedEventError, Refused) as error:
            refused = _refusal(error)
            refused.size = len(body)
            return self._refuse(refused, peer)
        self._stored["new" if new else "duplicate"] += 1
        return Reply(200)

    # --- its steps --------------------------------------------------------------------------------------------------

    def _screen(self, method: str, headers: Mapping[str, str]) -> None:
        if method != "POST":
            raise Refused(405, "webhooks come by POST")
        if headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise Refused(415, "a compressed body is not read")
        if _declared(headers) > self.limits.max_body:
            raise self._too_large()
        if self._reading >= self.limits.max_readers:
            raise Refused(503, "too many bodies are being read")
        self._check_capacity()
        try:
            self._verifier.screen(headers, self._clock.now())
        except SignatureError as error:
            raise _refusal(error) from None

    def _check_capacity(self) -> None:
        """Refuse an event beyond those that may wait in memory for the disk."""
        if self._closed:
            raise _closing()
        if self._commit.pending >= self.limits.max_waiting:
            raise Refused(503, "too many events wait for the disk")

    async def _read(self, chunks: AsyncIterable[bytes]) -> bytes:
        # Chunks can be as small as a byte each; kept apart they would take forty times their size.
        body = bytearray()
        late = Refused(408, f"the body did not come within {self.limits.body_seconds:g} s")
        self._reading += 1
        try:
            with self._deadlines.within(self.limits.body_seconds, late, stoppable=True):
                async for chunk in chunks:
                    self._hold(len(chunk), len(body))
                    body += chunk
                    del chunk  # else it would be kept while the next one is waited for
        except Refused as refused:
            refused.size = len(body)
            raise
        finally:
            self._reading -= 1
            self._held -= len(body)
        return bytes(body)

    def _hold(self, more: int, had: int) -> None:
        """Count *more* bytes of a body of which there are *had*, or refuse them."""
        if had + more > self.limits.max_body:
            raise self._too_large()
        if self._held + more > self.limits.max_held:
            raise Refused(503, "too many bytes wait for the disk")
        self._held += more

    async def _keep(self, event: Event) -> bool:
        late = Refused(503, f"the disk took longer than {self.limits.commit_seconds:g} s")
        try:
            with self._deadlines.within(self.limits.commit_seconds, late):
                return await self._commit.store(event)
        except Refused:
            raise
        except Exception as error:
            # What another error says might repeat what was sent.
            detail = str(error) if isinstance(error, StoreError) else type(error).__name__
            raise Refused(503, "the event can't be stored now", detail=detail) from error

    def _too_large(self) -> Refused:
        return Refused(413, f"a body may have {self.limits.max_body:,} bytes")

    def _refuse(self, refused: Refused, peer: str, *, unread: bool = False) -> Reply:
        if line := self._refusals.note(refused, peer=peer, now=self._clock.monotonic()):
            logger.warning("%s", line)
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        if refused.status == 405:
            headers["Allow"] = "POST"
        if refused.status == 503:
            headers["Retry-After"] = str(math.ceil(self.limits.retry_after))
        if unread:
            headers["Connection"] = "close"
        return Reply(refused.status, headers, f"{refused.reason}\n".encode())


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    """Return *headers* with names in lower case; a repeated one is joined, as RFC 9110 (5.3) says."""
    joined: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower()
        joined[key] = f"{joined[key]}, {value}" if key in joined else value
    return joined


def _declared(headers: Mapping[str, str]) -> int:
    length = headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0


def _closing() -> Refused:
    return Refused(503, "the receiver is being stopped")


def _refusal(error: SignatureError | MalformedEventError | Refused) -> Refused:
    if isinstance(error, Refused):
        return error
    return Refused(401 if isinstance(error, SignatureError) else 400, str(error))
