"""Filesets, files, thumbnails, cloud folders and conversations."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

from tonicdm.sandbox.world.firm import NOTHING, Firm, Record
from tonicdm.sandbox.world.ids import hyphenated
from tonicdm.sandbox.world.noise import column
from tonicdm.sandbox.world.stamps import stamp
from tonicdm.sandbox.world.words import FILE_TYPES, PLATFORMS, SUBJECTS


def fileset(firm: Firm, rank: int) -> Record:
    """Make a fileset; its id is hyphenated (reference, format uuid)."""
    table = firm.tables["filesets"]
    return {
        "id": hyphenated(table.id(rank)),
        "datetimeCreated": firm.created(rank),
        "datetimeUpdated": stamp(table.updated[rank], rank),
        "state": "finalized" if firm.noise("filesets", rank) & 7 else "temporary",
        **fileset_files(firm, rank),
    }


def fileset_files(firm: Firm, rank: int) -> Record:
    """Make the list of a fileset's files."""
    return {"files": [firm.stub("files", number) for number in firm.children("files", "fileset", "filesets", rank)]}


def file(firm: Firm, rank: int) -> Record:
    """Make a file; inactive means superseded or removed (reference)."""
    table = firm.tables["files"]
    noise = firm.noise("files", rank)
    extension, category = FILE_TYPES[noise & 7]
    parent = table.links["fileset"][rank]
    return {
        "id": table.id(rank),
        "status": firm.status("files", rank),
        "fileCategory": category,
        "filePathNameExt": f"drawings/A-{noise >> 48:05d}.{extension}",
        "sizeBytes": (noise >> 8) & 0x3FFFF,
        "filesetId": None if parent == NOTHING else hyphenated(firm.id("filesets", parent)),
        "datetimeCreated": firm.created(rank),
        "datetimeUpdated": stamp(table.updated[rank], rank),
    }


def file_links(firm: Firm) -> Mapping[str, array[int]]:
    """Deal files out to filesets."""
    return {"fileset": firm.parents("files", "filesets")}


def thumbnail(firm: Firm, rank: int) -> Record:
    """Make the thumbnails of one file."""
    table = firm.tables["thumbnails"]
    file_id = firm.maybe_id("files", table.links["file"][rank])
    return {
        "id": table.id(rank),
        "fileId": file_id,
        "thumbnailArray": [
            {"size": size, "url": f"https://files.invalid/{file_id}/{size}.png", "width": width}
            for size, width in (("small", 96), ("large", 512))
        ],
        "datetimeUpdated": stamp(table.updated[rank], rank),
    }


def thumbnail_links(firm: Firm) -> Mapping[str, array[int]]:
    """Give files their thumbnails."""
    return {"file": firm.parents("thumbnails", "files")}


def cloud_child(firm: Firm, rank: int) -> Record:
    """Make a file or folder of a cloud file system; its parent is a folder of the same platform."""
    table = firm.tables["cloud_children"]
    slot = table.slots(rank)
    platform, folder = place(slot)
    extension, category = FILE_TYPES[slot % 8]
    return {
        "id": table.id(rank),
        "datetimeCreated": firm.created(rank),
        "datetimeUpdated": stamp(table.updated[rank], rank),
        "fileCategory": "none" if folder else category,
        "name": f"Folder {slot}" if folder else f"file-{slot}.{extension}",
        "isFolder": folder,
        "platform": platform,
        "parentId": firm.maybe_id("cloud_children", table.links["parent"][rank]),
    }


def place(slot: int) -> tuple[str, bool]:
    """Return the platform of a seeded cloud entry, and whether it is a folder: every third one is."""
    return PLATFORMS[slot % len(PLATFORMS)], (slot // len(PLATFORMS)) % 3 == 0


def cloud_links(firm: Firm) -> Mapping[str, array[int]]:
    """Hang entries into earlier folders of their platform; the first three generations stay at the root."""
    table = firm.tables["cloud_children"]
    width = len(PLATFORMS)
    numbers = column(table.ids.count, firm.seed, "cloud_children", "parent")
    links = array("I", [NOTHING]) * table.ids.count
    for rank, number in enumerate(numbers):
        slot = table.slots(rank)
        earlier = slot // width // 3
        if earlier > 0:
            links[rank] = table.slots.back((number % earlier) * 3 * width + slot % width)
    return {"parent": links, "project": firm.draw("cloud_children", "project", "projects", none=0.5)}


def conversation(firm: Firm, rank: int) -> Record:
    """Make a conversation; its id is hyphenated (reference, format uuid)."""
    table = firm.tables["conversations"]
    return {
        "id": hyphenated(table.id(rank)),
        "datetimeCreated": firm.created(rank),
        "datetimeUpdated": stamp(table.updated[rank], rank),
        "subject": SUBJECTS[firm.noise("conversations", rank) & 7],
    }
