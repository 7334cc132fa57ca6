"""Download from a link to a file: streamed, resumed after a cut, checked, and renamed when it is whole."""

from __future__ import annotations

import contextlib
import pathlib
import random
import ssl
import urllib.request
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, Final, NoReturn, TypeAlias

import attrs

from tonicdm.budget.headers import retry_after
from tonicdm.clock import Clock
from tonicdm.errors import (
    ConfigError,
    DownloadError,
    IntegrityError,
    InvalidOptionError,
    TransportError,
    UnsafeLinkError,
)
from tonicdm.http.addresses import is_public
from tonicdm.http.plain import Plain, PlainStream
from tonicdm.http.retry import Outcome, RetryPolicy, decide
from tonicdm.transfer.digests import parse_checksum
from tonicdm.transfer.files import FileTarget
from tonicdm.transfer.links import MAX_REDIRECTS, LinkRules, host_of, origin_of, path_of, redirect_of, source_of
from tonicdm.transfer.names import proposed_name
from tonicdm.transfer.ranges import REFUSED, Representation, Step, judge, range_headers
from tonicdm.transfer.targets import Promise, Target, is_writer, known_decoder
from tonicdm.transfer.writers import WriterTarget
from tonicdm.types import Secret

LinkSource: TypeAlias = Callable[[], Awaitable[str | Secret]]
"""Gives a link, and a fresh one each time that the last was refused."""
OnProgress: TypeAlias = Callable[[int, int | None], None]
"""Told the bytes that are there and those of the whole, None where the server does not name them."""

WRITE_BYTES: Final = 1 << 18
"""Bytes that are gathered before they are written, on a thread."""
MAX_PAUSE_SECONDS: Final = 120.0
"""The longest pause that a server may ask for by Retry-After before a download ends, to be gone on with later."""


@attrs.frozen(kw_only=True)
class Downloaded:
    """A file that came whole."""

    path: pathlib.Path | None
    """Where it is; None where it went to a writer."""
    size: int
    """Bytes."""
    resumed_from: int
    """Bytes that were there from an earlier call."""
    checked: tuple[str, ...]
    """What it was compared with: ``size``, and names of hashes. Empty where neither server nor caller named any."""


class Downloads:
    """Downloads of one client: outside its budget, over connections of their own, and never with its token.

    Args:
        base_url: The API's, which says whether http will do, and whose own address may be private.
        clock: Time.
        retry: How often a download goes on without a byte in between, and how soon.
        ssl: As for aiohttp.
        proxy: A proxy's URL.
        trust_env: Whether to read proxies from the environment.
    """

    def __init__(
        self,
        base_url: str,
        *,
        clock: Clock,
        retry: RetryPolicy,
        ssl: ssl.SSLContext | bool = True,
        proxy: str | None = None,
        trust_env: bool = False,
    ) -> None:
        self.rules: LinkRules = LinkRules(plain_http=base_url.startswith("http:"), own_origin=origin_of(base_url))
        self.clock: Clock = clock
        self.retry: RetryPolicy = retry
        self._proxy, self._trust_env = proxy, trust_env
        options: dict[str, Any] = {"clock": clock, "ssl": ssl, "proxy": proxy, "trust_env": trust_env}
        # Two sets of connections: one that was made to a private address must not serve a call that may not go there.
        self._anywhere = Plain(**options)
        self._public = Plain(**options, public_only=True)

    async def fetch(
        self,
        source: Source,
        to: Any,
        *,
        timeout: float,
        size: int | None = None,
        checksum: str | None = None,
        on_progress: OnProgress | None = None,
        allow_private: bool = False,
    ) -> Downloaded:
        """Bring what a link leads to; see `TonicDM.download`."""
        promise = _promise(size, checksum)
        if on_progress is not None and not callable(on_progress):
            raise InvalidOptionError(
                f"on_progress must be a function, not a {type(on_progress).__name__}. Nothing was sent."
            )
        writer = is_writer(to)
        self.rules.check(await source.link())
        files = None if writer else FileTarget(to, source_of(await source.link()), promise)
        target: Target = files or WriterTarget(to, promise)
        try:
            known = None if files is None else await files.open()
            work = _Download(self, source, target, promise, on_progress, known, timeout, allow_private)
            return await work.run()
        finally:
            await target.close()

    def plain_for(self, link: Secret, *, allow_private: bool) -> Plain:
        """Return what may send a request to *link*.

        Raises:
            UnsafeLinkError: It names a private address itself, and goes through a proxy, which would connect to it.
        """
        if allow_private or self.rules.is_own(link):
            return self._anywhere
        if not self._through_proxy(link):
            return self._public
        if _is_private_name(host_of(link)):
            raise UnsafeLinkError(f"{host_of(link)}: the address is not public. Nothing was sent there.")
        return self._anywhere

    async def close(self) -> None:
        """Close the connections; twice is once."""
        await self._anywhere.close()
        await self._public.close()

    def _through_proxy(self, link: Secret) -> bool:
        if self._proxy is not None:
            return True
        scheme = link.reveal().partition(":")[0]
        return (
            self._trust_env and scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host_of(link))
        )


class Source:
    """Where links come from; none stands in a variable that a traceback would show.

    Args:
        url: A link, or what gives one.
    """

    def __init__(self, url: str | Secret | LinkSource) -> None:
        if not isinstance(url, (str, Secret)) and not callable(url):
            raise InvalidOptionError(
                f"url must be a text, a Secret or an async function that returns one, not a {type(url).__name__}. "
                "Nothing was sent."
            )
        self._renew = None if isinstance(url, (str, Secret)) else url
        self._link = url if isinstance(url, Secret) else Secret(url) if isinstance(url, str) else None

    async def link(self) -> Secret:
        """Return the link."""
        if self._link is None:
            assert self._renew is not None
            made: object = await self._renew()
            if not isinstance(made, (str, Secret)):
                raise InvalidOptionError(f"the function for the link returned a {type(made).__name__}, not a text.")
            self._link = made if isinstance(made, Secret) else Secret(made)
        return self._link

    def refused(self) -> bool:
        """Forget a link that was refused; whether another can be had."""
        if self._renew is None:
            return False
        self._link = None
        return True


class _LaterError(Exception):
    """The server can't serve now, or fell silent."""

    def __init__(self, what: str, status: int | None = None, pause: float = 0.0) -> None:
        super().__init__(what)
        self.what = what
        self.status = status
        self.pause = pause


@attrs.define
class _Download:
    """One download, over all its connections."""

    _all: Downloads
    _source: Source
    _target: Target
    _promise: Promise
    _on_progress: OnProgress | None
    _known: Representation | None
    _timeout: float
    _allow_private: bool
    _resumed_from: int = attrs.field(init=False)
    _in_one_go: bool = attrs.field(init=False)
    _failures: int = 0

    def __attrs_post_init__(self) -> None:
        self._resumed_from = self._target.received if self._known else 0
        self._in_one_go = self._resumed_from == 0

    async def run(self) -> Downloaded:
        """Go on until the file is whole.

        Raises:
            DownloadError: It can't be had.
        """
        while True:
            before = self._target.received
            try:
                if await self._attempt():
                    return await self._finished()
            except IntegrityError:
                # What an earlier connection brought may be at fault; the whole in one go proves it is not.
                again = not self._in_one_go
                if not await self._target.reset() or not again:
                    raise
                self._known, self._in_one_go, self._resumed_from = None, True, 0
                continue
            except _LaterError as error:
                await self._pause(error, progress=self._target.received > before)
                continue
            if self._target.received <= before:
                await self._pause(_LaterError("the server's answers do not fit together"), progress=False)

    async def _attempt(self) -> bool:
        """Make one request; whether the file is whole now."""
        received = self._target.received
        failed = None
        try:
            async with self._request(range_headers(self._known, received)) as (response, link):
                return await self._handle(response, link, received)
        except ConfigError:
            raise UnsafeLinkError("the link, or what it redirects to, is no URL. Nothing was sent there.") from None
        except TransportError as error:
            # Its text names the path of the link.
            failed = _LaterError(f"the connection failed ({type(error).__name__})")
        raise failed

    async def _handle(self, response: PlainStream, link: Secret, received: int) -> bool:
        representation = Representation.of(response.status, response.headers, self._all.clock.now())
        step = judge(response.status, response.headers, representation, self._known, received)
        skip = 0
        match step:
            case Step.REFUSED:
                self._refused(response.status, link)
            case Step.LATER:
                pause = retry_after(response.headers, self._all.clock.now()) or 0.0
                raise _LaterError(f"{host_of(link)} answered {response.status}", response.status, pause)
            case Step.AGAIN:
                await self._restart()
                return False
            case Step.COMPLETE:
                return True
            case Step.START:
                if not await self._begun(representation, response.headers.get("Content-Disposition"), link):
                    return self._known is not None and self._known.size == self._target.received
            case Step.SKIP:
                skip = received
            case Step.APPEND:
                self._in_one_go = False
        await self._take(response.chunks, skip)
        size = None if self._known is None else self._known.size
        return size is None or self._target.received >= size

    async def _begun(self, representation: Representation, disposition: str | None, link: Secret) -> bool:
        """Prepare for the first byte; False where an earlier call left some, and the rest must be asked for."""
        known_decoder(representation)
        if representation.size is not None and not representation.encoding:
            self._promise.check_size(representation.size)
        kept = await self._target.begin(representation, proposed_name(disposition, path_of(link)))
        self._known = kept or representation
        self._resumed_from = self._target.received if kept else 0
        self._in_one_go = kept is None
        return kept is None

    async def _take(self, chunks: AsyncIterator[bytes], skip: int) -> None:
        batch = bytearray()
        try:
            async for chunk in chunks:
                piece = chunk[skip:]
                skip -= min(skip, len(chunk))
                batch += piece
                if len(batch) >= WRITE_BYTES:
                    await self._store(batch)
        except TransportError:
            await self._store(batch)
            raise
        except BaseException:
            # The caller has no time: what is there goes to the disk, so that the next call begins behind it.
            self._target.flush(bytes(batch))
            raise
        await self._store(batch)

    async def _store(self, batch: bytearray) -> None:
        if not batch:
            return
        if self._known is None or not self._known.encoding:
            self._promise.check_growth(self._target.received + len(batch))
        piece = bytes(batch)
        batch.clear()
        await self._target.write(piece)
        if self._on_progress is not None:
            self._on_progress(self._target.received, None if self._known is None else self._known.size)

    async def _restart(self) -> None:
        if not await self._target.reset():
            await self._target.begin(Representation(), "")
        self._known, self._resumed_from, self._in_one_go = None, 0, True

    def _refused(self, status: int, link: Secret) -> NoReturn:
        if status in REFUSED and self._source.refused():
            raise _LaterError(f"{host_of(link)} refused the link with {status}", status)
        advice = "It may have expired: ask for a fresh one." if status in REFUSED else "It does not lead to a file."
        raise DownloadError(
            f"{host_of(link)} refused the link with {status}. {advice} Nothing was charged.",
            path=self._target.name,
            status=status,
            kept=self._target.received,
        )

    async def _finished(self) -> Downloaded:
        known = self._known or Representation()
        path, size = await self._target.finish(known)
        sizes = ("size",) if known.size is not None or self._promise.size is not None else ()
        return Downloaded(
            path=path,
            size=size,
            resumed_from=self._resumed_from,
            checked=(*sizes, *sorted({*known.digests, *self._promise.checksums})),
        )

    async def _pause(self, error: _LaterError, *, progress: bool) -> None:
        """Wait before the next connection.

        Raises:
            DownloadError: There were enough in a row that brought nothing.
        """
        self._failures = 0 if progress else self._failures + 1
        again = decide(self._all.retry, "GET", Outcome.CUT, max(1, self._failures), random.random())
        if (again is None and not progress) or error.pause > MAX_PAUSE_SECONDS:
            kept = self._target.received
            advice = f"{kept:,} bytes are kept; the next call goes on from there" if kept else "Nothing was received"
            raise DownloadError(
                f"the file could not be had: {error.what} after {self._failures or 1} tries without a byte. {advice}. "
                "Nothing was charged.",
                path=self._target.name,
                status=error.status,
                kept=kept,
            ) from None
        clock = self._all.clock
        await clock.sleep_until(clock.monotonic() + max(error.pause, again.pause if again else 0.0))

    @contextlib.asynccontextmanager
    async def _request(self, headers: dict[str, str]) -> AsyncGenerator[tuple[PlainStream, Secret]]:
        """Ask, and follow redirects, each of which is checked before it is followed."""
        link = await self._source.link()
        for _ in range(MAX_REDIRECTS + 1):
            self._all.rules.check(link)
            plain = self._all.plain_for(link, allow_private=self._allow_private)
            async with plain.stream(link, headers, timeout=self._timeout, raw=True) as response:
                leads_to = redirect_of(response.status, Secret(response.headers.get("Location", "")), link)
                if leads_to is None:
                    yield response, link
                    return
            link = leads_to
        raise UnsafeLinkError(f"{host_of(link)}: more than {MAX_REDIRECTS} redirects. Nothing was charged.")


def _is_private_name(host: str) -> bool:
    """Return whether a host is private by what it is called: a proxy resolves it, so its address is not seen here."""
    try:
        return not is_public(host)
    except ValueError:
        return "." not in host.rstrip(".") or host.rstrip(".").endswith((".localhost", ".local", ".internal"))


def _promise(size: int | None, checksum: str | None) -> Promise:
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 0):
        raise InvalidOptionError(f"size must be a whole number of bytes, not {size!r}. Nothing was sent.")
    return Promise(size=size, checksums={} if checksum is None else dict([parse_checksum(checksum)]))
