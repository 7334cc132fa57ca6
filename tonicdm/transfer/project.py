"""Download the files of a project into a folder; where their links stand is a setting, as no reference shows it."""

from __future__ import annotations

import asyncio
import os
import pathlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import attrs

from tonicdm.bulk import as_completed
from tonicdm.codec import parse_json
from tonicdm.endpoints.options import named
from tonicdm.errors import BulkError, ConfigError, DownloadError, TonicDMError
from tonicdm.http.operation import Operation
from tonicdm.http.wire import check_path
from tonicdm.ids import record_id
from tonicdm.models import File
from tonicdm.plan.arithmetic import IDS_PER_CALL
from tonicdm.transfer.manifest import Entry, Manifest
from tonicdm.types import IDLike, Secret

if TYPE_CHECKING:
    from tonicdm.transfer.storage import DownloadMethods

FileOutcome: TypeAlias = Literal["downloaded", "skipped", "failed"]
OnFile: TypeAlias = Callable[[str, FileOutcome], None]
"""Told a file's ID and what became of it."""

MAX_DOWNLOADS: Final = 4
"""Files that are downloaded at the same time."""
LINKS_PER_CALL: Final = 50
"""Files whose links are asked for in one call; links expire, so not many are asked for ahead."""
NO_LINK: Final = (
    "the reference shows no field and no operation that gives the link to a file (getFiles has three fields, "
    "getExpiryUrl takes no parameters). If your server has one, say which: the field of a file's record that holds the "
    "link, or the path of an operation and the field in its answers"
)


@attrs.frozen(kw_only=True)
class FileLinks:
    """Where the link to a file stands: nothing of it is in the reference."""

    field: str
    """Wire name of the field that holds the link: of the file's record, or in the answers of *path*."""
    path: str | None = None
    """An operation that gives links; None where they stand in the file's own record."""
    option: str = "filterIDs"
    """Its option that takes the IDs of files, by its name on the wire."""
    id_field: str = "id"
    """The field in its answers that names the file."""

    def __attrs_post_init__(self) -> None:
        if not self.field:
            raise ConfigError(f"{NO_LINK}. Nothing was sent.")
        if self.path is not None:
            check_path(self.path)


@attrs.frozen(kw_only=True)
class ProjectDownload:
    """What became of a project's files."""

    downloaded: Sequence[str]
    """IDs of files that came now."""
    skipped: Sequence[str]
    """IDs of files that were there already."""
    failed: dict[str, TonicDMError]
    """IDs of files that did not come, and why."""


async def download_project(
    client: DownloadMethods,
    project: IDLike,
    to: str | os.PathLike[str],
    links: FileLinks,
    *,
    on_file: OnFile | None,
    allow_private: bool,
) -> ProjectDownload:
    """See `Transfers.download_project`."""
    identity = record_id(project, "project")
    folder = pathlib.Path(to)
    manifest = Manifest(folder, identity)
    await asyncio.to_thread(manifest.open)
    work = _Project(client, folder, manifest, links, on_file or (lambda _id, _outcome: None), allow_private)
    async for files in _files_of(client, identity):
        await work.bring(files)
    return ProjectDownload(downloaded=work.downloaded, skipped=work.skipped, failed=work.failed)


async def _files_of(client: DownloadMethods, project: str) -> AsyncIterator[list[File]]:
    """Yield a project's files, some at a time: those of the filesets that its workflow items' parts name."""
    filesets = await _filesets_of(client, project)
    for first in range(0, len(filesets), IDS_PER_CALL):
        yield await client.files.list(filter_fileset_ids=filesets[first : first + IDS_PER_CALL]).all()


async def _filesets_of(client: DownloadMethods, project: str) -> list[str]:
    filesets: dict[str, None] = {}
    lists: tuple[Any, ...] = (
        client.rfis.list(data_quantity="complete", project_id=project),
        client.submittals.list(data_quantity="complete"),
        client.cos.list(data_quantity="complete"),
    )
    for items in lists:
        async for item in items:
            if item.project_id == project:
                filesets |= {part.fileset_id: None for part in item.parts or () if part.fileset_id is not None}
    return list(filesets)


@attrs.define
class _Project:
    """One run."""

    _client: DownloadMethods
    _folder: pathlib.Path
    _manifest: Manifest
    _links: FileLinks
    _on_file: OnFile
    _allow_private: bool
    downloaded: list[str] = attrs.field(factory=list)
    skipped: list[str] = attrs.field(factory=list)
    failed: dict[str, TonicDMError] = attrs.field(factory=dict)

    async def bring(self, files: list[File]) -> None:
        """Download those files that are not there."""
        wanted: list[File] = []
        for file in files:
            if file.id is None:
                continue
            if self._manifest.has(file.id, _updated(file)):
                self.skipped.append(file.id)
                self._on_file(file.id, "skipped")
            else:
                wanted.append(file)
        for first in range(0, len(wanted), LINKS_PER_CALL):
            some = wanted[first : first + LINKS_PER_CALL]
            links = await self._links_of(some)
            try:
                async for _ in as_completed((self._download_file(file, links) for file in some), limit=MAX_DOWNLOADS):
                    pass
            except BulkError as error:
                # What is no error of one file, such as a manifest that can't be written, ends the run.
                raise next(iter(error.failed.values())) from None

    async def _download_file(self, file: File, links: dict[str, Secret]) -> None:
        identity = str(file.id)
        try:
            await self._download(file, identity, links)
        except DownloadError as error:
            if error.path.endswith("manifest.jsonl"):
                raise
            self._failed(identity, error)
        except TonicDMError as error:
            self._failed(identity, error)
        else:
            self.downloaded.append(identity)
            self._on_file(identity, "downloaded")

    def _failed(self, identity: str, error: TonicDMError) -> None:
        self.failed[identity] = error
        self._on_file(identity, "failed")

    async def _download(self, file: File, identity: str, links: dict[str, Secret]) -> None:
        if identity not in links:
            raise DownloadError(f"no link in the field {self._links.field!r}. Nothing was sent.")
        given = [links[identity]]

        async def link() -> Secret:
            # The first time the one in hand, then a fresh one: a large folder takes longer than a link lives.
            if given:
                return given.pop()
            fresh = await self._links_of([file], anew=True)
            if identity not in fresh:
                raise DownloadError(f"no fresh link in the field {self._links.field!r}.")
            return fresh[identity]

        before = self._manifest.entries.get(identity)
        to = f"{self._folder}{os.sep}" if before is None else self._folder / before.name
        downloaded = await self._client.download(link, to, allow_private=self._allow_private)
        assert downloaded.path is not None
        entry = Entry(id=identity, name=downloaded.path.name, size=downloaded.size, updated=_updated(file))
        await asyncio.to_thread(self._manifest.add, entry)

    async def _links_of(self, files: Sequence[File], *, anew: bool = False) -> dict[str, Secret]:
        identities = [str(file.id) for file in files]
        if self._links.path is None:
            records = await self._client.files.list(filter_ids=identities).all() if anew else files
            return _read([(str(file.id), file[self._links.field]) for file in records if self._links.field in file])
        given = {self._links.option: ",".join(identities)}
        operation = Operation(method="GET", path=check_path(self._links.path), options=named(given))
        response = await self._client.caller.call(operation, given)
        content = parse_json(response.body)
        return _read(
            [
                (str(row.get(self._links.id_field)).replace("-", "").lower(), row.get(self._links.field))
                for row in (content if isinstance(content, list) else [content])
                if isinstance(row, dict)
            ]
        )


def _read(pairs: Sequence[tuple[str, Any]]) -> dict[str, Secret]:
    return {identity: Secret(link) for identity, link in pairs if isinstance(link, str) and link}


def _updated(file: File) -> str | None:
    value = next((file[name] for name in ("datetimeUpdated", "updated") if name in file), None)
    return None if value is None else str(value)
