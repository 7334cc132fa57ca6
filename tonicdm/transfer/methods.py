"""The client's methods that move bytes; their modules are loaded when they are called."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tonicdm.late import LateModule
from tonicdm.transfer.storage import DownloadMethods
from tonicdm.types import CollectionOf, IDLike

if TYPE_CHECKING:
    from tonicdm.transfer import download as downloads
    from tonicdm.transfer import pictures
    from tonicdm.transfer import project as projects
    from tonicdm.transfer import upload as uploads
else:
    downloads, pictures = LateModule("tonicdm.transfer.download"), LateModule("tonicdm.transfer.pictures")
    projects, uploads = LateModule("tonicdm.transfer.project"), LateModule("tonicdm.transfer.upload")


class Transfers(DownloadMethods):
    """Downloads and uploads: outside the budget, over connections of their own, and never with the token."""

    async def save_thumbnails(
        self,
        file_ids: CollectionOf[IDLike] | Iterator[IDLike],
        to: str | os.PathLike[str],
        *,
        size: str = "small",
        field: str | None = None,
        allow_private: bool = False,
    ) -> list[downloads.Downloaded]:
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
        return await pictures.save_thumbnails(self, file_ids, to, size=size, field=field, allow_private=allow_private)

    async def download_project(
        self,
        project: IDLike,
        to: str | os.PathLike[str],
        links: projects.FileLinks,
        *,
        on_file: projects.OnFile | None = None,
        allow_private: bool = False,
    ) -> projects.ProjectDownload:
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
        return await projects.download_project(self, project, to, links, on_file=on_file, allow_private=allow_private)

    async def upload(
        self,
        path: str | os.PathLike[str],
        plan: uploads.UploadPlan,
        *,
        fileset_id: IDLike | None = None,
        name: str | None = None,
        content_type: str | None = None,
        allow_private: bool = False,
    ) -> uploads.Uploaded:
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
        return await uploads.upload(
            self,
            path,
            plan,
            fileset_id=fileset_id,
            name=name,
            content_type=content_type,
            allow_private=allow_private,
        )
