"""The methods of a client that move bytes; what they do is loaded when they are called."""

from __future__ import annotations

import abc
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tonicdm.endpoints.caller import Caller
from tonicdm.endpoints.resources import Resources
from tonicdm.types import IDLike, Secret

if TYPE_CHECKING:
    from tonicdm.transfer.download import Downloaded, Downloads, LinkSource, OnProgress, Source
    from tonicdm.transfer.project import FileLinks, OnFile, ProjectDownload
    from tonicdm.transfer.targets import Writer
    from tonicdm.transfer.upload import Uploaded, UploadPlan


class LinkConnections:
    """Connections to where links lead, one set for each base URL of the API; a client shares them with its views.

    Args:
        network: ``ssl``, ``proxy`` and ``trust_env``, as for aiohttp.
    """

    def __init__(self, **network: Any) -> None:
        self._network = network
        self._downloads: dict[str, Downloads] = {}

    def of(self, caller: Caller) -> Downloads:
        """Return what sends to links that a server of the API has given; its own address they may lead to."""
        from tonicdm.transfer.download import Downloads

        transport, base = caller.transport, caller.base_url
        transport.check_open()
        if base not in self._downloads:
            self._downloads[base] = Downloads(base, clock=transport.clock, retry=transport.retry, **self._network)
        return self._downloads[base]

    async def close(self) -> None:
        """Close them."""
        for downloads in self._downloads.values():
            await downloads.close()


class Transfers(Resources):
    """Downloads and uploads: outside the budget, over connections of their own, and never with the token."""

    @property
    @abc.abstractmethod
    def _links(self) -> LinkConnections:
        """What a client and its views share for links."""

    async def download(
        self,
        url: str | Secret | LinkSource,
        to: str | os.PathLike[str] | Writer,
        *,
        size: int | None = None,
        checksum: str | None = None,
        on_progress: OnProgress | None = None,
        allow_private: bool = False,
    ) -> Downloaded:
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

    async def save_thumbnails(
        self,
        file_ids: Iterable[IDLike],
        to: str | os.PathLike[str],
        *,
        size: str = "small",
        field: str | None = None,
        allow_private: bool = False,
    ) -> list[Downloaded]:
        """Write the thumbnails of files into a folder, as ``ID.png``, ``ID-2.png`` (reference: getThumbnails).

        The reference does not show what an element of ``thumbnailArray`` is. A link, a picture in base64 and a data URI
        are known by their look, also as the one such value of an object. 5 units for about 240 files.

        Args:
            file_ids: The files.
            to: The folder.
            size: Their size; only ``small`` is documented.
            field: The field of an element that holds the picture or its link, where there are several.
            allow_private: As for `download`.

        Raises:
            InvalidIDError: One of *file_ids* is no ID; nothing was sent.
            DownloadError: An element holds neither a picture nor a link, or a link could not be read.
        """
        from tonicdm.transfer.pictures import save_thumbnails

        return await save_thumbnails(self, file_ids, to, size=size, field=field, allow_private=allow_private)

    async def download_project(
        self,
        project: IDLike,
        to: str | os.PathLike[str],
        links: FileLinks,
        *,
        on_file: OnFile | None = None,
        allow_private: bool = False,
    ) -> ProjectDownload:
        """Bring the files of a project's RFIs, submittals and change orders into a folder.

        A manifest in the folder says what is there: what a call brought, the next one skips. A file that fails costs
        no other; it stands in ``failed``. Units: 20 for each 1,000 RFIs of the project, and submittals and change
        orders of the firm (their lists take no project); 5 for about 240 filesets; and what the operation of *links*
        costs, if it has one.

        Args:
            project: Its ID.
            to: The folder; it is made if it is not there.
            links: Where the link to a file stands, which the reference does not show.
            on_file: Told each file's ID and what became of it.
            allow_private: As for `download`.

        Raises:
            InvalidIDError: *project* is no ID; nothing was sent.
            DownloadError: The folder or its manifest can't be written.
        """
        from tonicdm.transfer.project import download_project

        return await download_project(self, project, to, links, on_file=on_file, allow_private=allow_private)

    async def upload(
        self,
        path: str | os.PathLike[str],
        plan: UploadPlan,
        *,
        fileset_id: IDLike | None = None,
        name: str | None = None,
        content_type: str | None = None,
        allow_private: bool = False,
    ) -> Uploaded:
        """Start an upload and send the bytes with the signed form that comes back (reference: getMultiPartInitialize).

        The reference shows the form's parameters and no address, and leaves the calls that follow blank: where they go
        stands in *plan*. The bytes carry no token and cost no units; the call that starts costs as any other.

        Args:
            path: The file.
            plan: Where the bytes go, and what follows.
            fileset_id: The fileset to upload into.
            name: Path, name and extension that it gets; that of the file unless given.
            content_type: Its MIME type; guessed from its name unless given.
            allow_private: As for `download`.

        Raises:
            ConfigError: *plan* names no address; nothing was sent.
            DownloadError: The file can't be read, or the address refused it.
            UnsafeLinkError: The address is not https, private, or carries a password.
        """
        from tonicdm.transfer.upload import upload

        return await upload(
            self,
            path,
            plan,
            fileset_id=fileset_id,
            name=name,
            content_type=content_type,
            allow_private=allow_private,
        )

    def _storage(self) -> Downloads:
        return self._links.of(self.caller)


def _source(url: str | Secret | LinkSource) -> Source:
    from tonicdm.transfer.download import Source

    return Source(url)
