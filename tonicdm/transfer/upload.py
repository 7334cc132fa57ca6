"""Upload a file to the address of a signed form, as far as the reference shows it (Manual Uploading)."""

from __future__ import annotations

import asyncio
import mimetypes
import os
import pathlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from urllib.parse import urlencode

import attrs

from tonicdm.codec import parse_json
from tonicdm.codec.records import wire_names
from tonicdm.errors import ConfigError, DownloadError, TransportError
from tonicdm.http.operation import Operation
from tonicdm.http.wire import check_path
from tonicdm.models import PresignedUpload
from tonicdm.types import IDLike, Secret

if TYPE_CHECKING:
    from tonicdm.transfer.storage import DownloadMethods

PIECE: Final = 1 << 18
"""Bytes that are read and sent at once."""
NO_ADDRESS: Final = (
    "the reference shows the parameters of an upload's signed form and no address to send them to "
    "(getMultiPartInitialize); UploadPlan(url=) or UploadPlan(url_field=) says where. Nothing was sent."
)


@attrs.frozen(kw_only=True)
class UploadPlan:
    """Where an upload's bytes go, and what follows: none of it is in the reference, so all of it is off."""

    url: str | None = None
    """The address without its query; ``{upload_id}`` in it stands for the text that a started upload may be."""
    url_field: str | None = None
    """The field of a started upload that holds the address."""
    finalize_path: str | None = None
    """A path that is called when the bytes have arrived ("Finalize a multi-part upload", whose path is blank)."""
    finalize_method: str = "POST"
    """How."""
    finalize_body: dict[str, Any] = attrs.field(factory=dict)
    """What it is sent as JSON."""

    def __attrs_post_init__(self) -> None:
        if (self.url is None) == (self.url_field is None):
            raise ConfigError(
                NO_ADDRESS if self.url is None else "give url= or url_field=, not both. Nothing was sent."
            )
        if self.finalize_path is not None:
            check_path(self.finalize_path)


@attrs.frozen(kw_only=True)
class Uploaded:
    """A file that arrived."""

    size: int
    """Bytes."""
    etag: str | None
    """What the address said of it."""
    finalized: Any = attrs.field(default=None, repr=False)
    """The response of the finalizing call as plain JSON; None where none was made."""


async def upload(
    client: DownloadMethods,
    path: str | os.PathLike[str],
    plan: UploadPlan,
    *,
    fileset_id: IDLike | None,
    name: str | None,
    content_type: str | None,
    allow_private: bool,
) -> Uploaded:
    """See `Transfers.upload`."""
    file = pathlib.Path(path)
    size = await asyncio.to_thread(_size_of, file)
    media_type = content_type or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    started = await client.uploads.initialize(
        fileset_id=fileset_id, content_type=media_type, file_path_name_ext=name or file.name
    )
    headers = {"Content-Type": media_type, "Content-Length": str(size)}
    etag = await _sent(client, _address(started, plan), file, headers, allow_private=allow_private)
    if plan.finalize_path is None:
        return Uploaded(size=size, etag=etag)
    operation = Operation(method=plan.finalize_method, path=plan.finalize_path)
    response = await client.caller.call(operation, {}, body=plan.finalize_body)
    return Uploaded(size=size, etag=etag, finalized=parse_json(response.body) if response.body.strip() else None)


def _address(started: PresignedUpload | str, plan: UploadPlan) -> Secret:
    """Return the address with the signed form as its query.

    Raises:
        DownloadError: The started upload has no such field.
    """
    if isinstance(started, str):
        if plan.url is None:
            raise DownloadError("the upload was started and is a text, with no fields; UploadPlan(url=) says where to.")
        return Secret(plan.url.replace("{upload_id}", started))
    field = plan.url_field or ""
    url = plan.url
    if field in started:
        url = started[field]
    if not isinstance(url, str):
        raise DownloadError(f"the upload was started and has no address in the field {field!r}.")
    names = wire_names(PresignedUpload).values()
    form = {name: started[name] for name in names if name in started and started[name] is not None}
    return Secret(f"{url}{'&' if '?' in url else '?'}{urlencode(form)}" if form else url)


async def _sent(
    client: DownloadMethods, link: Secret, file: pathlib.Path, headers: dict[str, str], *, allow_private: bool
) -> str | None:
    storage = client._storage()
    storage.rules.check(link)
    plain = storage.plain_for(link, allow_private=allow_private)
    response, fault = None, ""
    opened = await asyncio.to_thread(file.open, "rb")
    try:
        response = await plain.put(link, _pieces(opened), headers, timeout=client.caller.timeout)
    except TransportError as error:
        fault = type(error).__name__
    finally:
        # A server may answer before it has taken the whole: then nobody reads the pieces to their end.
        opened.close()
    if response is None:
        raise DownloadError(f"the bytes could not be sent ({fault}). Start the upload anew.", path=str(file))
    if not 200 <= response.status < 300:
        raise DownloadError(
            f"the upload's address refused the bytes with {response.status}.", path=str(file), status=response.status
        )
    return response.headers.get("ETag")


async def _pieces(opened: BinaryIO) -> AsyncIterator[bytes]:
    while not opened.closed and (piece := await asyncio.to_thread(opened.read, PIECE)):
        yield piece


def _size_of(file: pathlib.Path) -> int:
    try:
        with file.open("rb") as opened:
            return opened.seek(0, os.SEEK_END)
    except OSError as error:
        raise DownloadError(
            f"the file {file} can't be read: {error.strerror}. Nothing was sent.", path=str(file)
        ) from error
