"""The downloads of a client, on which its other transfers stand."""

from __future__ import annotations

import abc
import os
from typing import TYPE_CHECKING, Any

from tonicdm.endpoints.caller import Caller
from tonicdm.endpoints.resources import Resources
from tonicdm.late import LateModule
from tonicdm.types import Secret

if TYPE_CHECKING:
    from tonicdm.transfer import download as downloads
    from tonicdm.transfer import targets
else:
    downloads, targets = LateModule("tonicdm.transfer.download"), LateModule("tonicdm.transfer.targets")


class LinkConnections:
    """Connections to where links lead, one set for each base URL of the API; a client shares them with its views.

    Args:
        network: ``ssl``, ``proxy`` and ``trust_env``, as for aiohttp.
    """

    def __init__(self, **network: Any) -> None:
        self._network = network
        self._downloads: dict[str, downloads.Downloads] = {}

    def of(self, caller: Caller) -> downloads.Downloads:
        """Return what sends to links that a server of the API has given; its own address they may lead to."""
        transport, base = caller.transport, caller.base_url
        transport.check_open()
        if base not in self._downloads:
            self._downloads[base] = downloads.Downloads(
                base, clock=transport.clock, retry=transport.retry, **self._network
            )
        return self._downloads[base]

    async def close(self) -> None:
        """Close them."""
        for downloads in self._downloads.values():
            await downloads.close()


class DownloadMethods(Resources):
    """Downloads: outside the budget, over connections of their own, and never with the token."""

    @property
    @abc.abstractmethod
    def _links(self) -> LinkConnections:
        """What a client and its views share for links."""

    async def download(
        self,
        url: str | Secret | downloads.LinkSource,
        to: str | os.PathLike[str] | targets.Writer,
        *,
        size: int | None = None,
        checksum: str | None = None,
        on_progress: downloads.OnProgress | None = None,
        allow_private: bool = False,
    ) -> downloads.Downloaded:
        """Bring the file behind a link to a path, a folder or a writer; it costs no units, and carries no token.

        A file appears when it is whole. What is cut goes on where it was, within a call and in the next call to the
        same path: by Range, where the server proves by ETag or Last-Modified that the file is still the same.

        Args:
            url: The link; or an async function that gives one, and a fresh one each time that a link was refused.
            to: A path, which is replaced; a folder, which gets the file under the name that the server proposes, made
                safe, and no file of which is replaced; or an object with ``write``, sync or async.
            size: Bytes that the file must have.
            checksum: A hash that it must have, as ``sha256:`` and hex or base64; md5, sha1, sha384 and sha512 as well.
            on_progress: Called with the bytes that are there and those of the whole, or None.
            allow_private: Whether the link may lead to a private, loopback or link-local address. The API's own host
                and port always may.

        Raises:
            InvalidOptionError: An argument is not what it must be; nothing was sent.
            UnsafeLinkError: The link, or where it redirects to, is not https, private, or carries a password.
            IntegrityError: What came is not what the server or the caller promised.
            DownloadError: The link was refused, the server can't be read, or the file can't be written.
        """
        source = _source(url)
        del url  # a traceback shows the variables of its frames, and this one opens the file
        return await self._storage().fetch(
            source,
            to,
            timeout=self.caller.timeout,
            size=size,
            checksum=checksum,
            on_progress=on_progress,
            allow_private=allow_private,
        )

    def _storage(self) -> downloads.Downloads:
        return self._links.of(self.caller)


def _source(url: str | Secret | downloads.LinkSource) -> downloads.Source:
    return downloads.Source(url)
