"""Save thumbnails to files; the reference does not show the form of an element of ``thumbnailArray`` (ThumbnailSet)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from tonicdm.errors import DownloadError
from tonicdm.ids import record_id
from tonicdm.plan.arithmetic import IDS_PER_CALL
from tonicdm.transfer.download import Downloaded
from tonicdm.transfer.files import FileTarget
from tonicdm.transfer.ranges import Representation
from tonicdm.transfer.targets import Promise
from tonicdm.types import CollectionOf, IDLike, Secret

if TYPE_CHECKING:
    from tonicdm.transfer.storage import DownloadMethods

_SIGNATURES: Final = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpg", b"GIF8": "gif", b"RIFF": "webp", b"BM": "bmp"}
_DATA_URI: Final = re.compile(r"data:image/[\w.+-]+;base64,(.*)", re.DOTALL | re.IGNORECASE)


def picture_of(element: Any, field: str | None = None) -> Secret | bytes:
    """Return the link or the picture that an element is or holds.

    Args:
        element: Of ``thumbnailArray``, as plain JSON.
        field: The field of an object that holds it; needed where several look like one.

    Raises:
        DownloadError: It is and holds none, or several; its names are told, its values are not.
    """
    if not isinstance(element, Mapping):
        picture = _read(element)
        if picture is None:
            raise DownloadError(f"a thumbnail is a {type(element).__name__} that is no picture and no link.")
        return picture
    named = {key: value for key, value in element.items() if field is None or key == field}
    read = {key: picture for key, value in named.items() if (picture := _read(value)) is not None}
    if len(read) != 1:
        which = f"{len(read)} of its fields are" if read else "none of its fields is"
        raise DownloadError(
            f"a thumbnail has the fields {', '.join(sorted(map(str, element)))}, and {which} a picture or a link; "
            "name the one with field=."
        )
    return next(iter(read.values()))


def _read(value: Any) -> Secret | bytes | None:
    if not isinstance(value, str):
        return None
    if re.match("https?://", value, re.IGNORECASE):
        return Secret(value)
    inline = _DATA_URI.match(value)
    try:
        content = base64.b64decode(inline[1] if inline else value, validate=True)
    except (binascii.Error, ValueError):
        return None
    return content if extension_of(content) else None


def extension_of(content: bytes) -> str | None:
    """Return the extension of a picture by its first bytes; None for what is none."""
    return next((name for first, name in _SIGNATURES.items() if content.startswith(first)), None)


async def save_thumbnails(
    client: DownloadMethods,
    file_ids: CollectionOf[IDLike] | Iterator[IDLike],
    to: str | os.PathLike[str],
    *,
    size: str,
    field: str | None,
    allow_private: bool,
) -> list[Downloaded]:
    """See `Transfers.save_thumbnails`."""
    wanted = list(dict.fromkeys(record_id(file_id, "file_ids") for file_id in file_ids))
    folder = pathlib.Path(to)
    if not await asyncio.to_thread(folder.is_dir):
        raise DownloadError(f"there is no folder {folder}. Nothing was sent.", path=str(folder))
    made: list[Downloaded] = []
    for first in range(0, len(wanted), IDS_PER_CALL):
        some = wanted[first : first + IDS_PER_CALL]
        async for thumbnails in client.thumbnails.list(file_ids=some, filter_thumbnail_size=size):
            for number, element in enumerate(thumbnails.thumbnail_array or (), start=1):
                stem = f"{thumbnails.file_id}" if number == 1 else f"{thumbnails.file_id}-{number}"
                made.append(await _saved(client, picture_of(element, field), folder, stem, allow_private=allow_private))
    return made


async def _saved(
    client: DownloadMethods, picture: Secret | bytes, folder: pathlib.Path, stem: str, *, allow_private: bool
) -> Downloaded:
    if isinstance(picture, Secret):
        return await client.download(picture, folder / f"{stem}.png", allow_private=allow_private)
    target = FileTarget(folder / f"{stem}.{extension_of(picture)}", "inline", Promise())
    try:
        await target.open()
        representation = Representation(size=len(picture))
        await target.begin(representation, "")
        await target.write(picture)
        path, size = await target.finish(representation)
    finally:
        await target.close()
    return Downloaded(path=path, size=size, resumed_from=0, checked=("size",))
