"""Targets that are files: a given one, or one in a folder under the name that the server proposes."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
from typing import Final

import attrs

from tonicdm.errors import DownloadError
from tonicdm.transfer.digests import Hashes
from tonicdm.transfer.names import numbered
from tonicdm.transfer.part import HeldError, PartFile
from tonicdm.transfer.ranges import Representation
from tonicdm.transfer.targets import Promise, check_sent, decoded, end_decoding, known_decoder, on_thread

VERSION: Final = 1
_MAX_NAME: Final = 240
"""Bytes of a file's name up to which its part is named after it."""


def failure(path: str, what: str) -> DownloadError:
    """Make the error for what the system refuses."""
    return DownloadError(f"the file {path} {what}. Nothing was charged.", path=path)


class FileTarget:
    """A file on the disk. Its part stays after a failure or a cancellation, and the next download goes on from there.

    Args:
        to: The file, or a folder.
        source: What tells the link's file from others.
        promise: What the caller says the file is.
    """

    def __init__(self, to: str | os.PathLike[str], source: str, promise: Promise) -> None:
        self._folder = os.fspath(to).endswith(("/", os.sep)) or os.path.isdir(to)  # noqa: PTH112 - a path ends in no separator
        self._to = pathlib.Path(to)
        self._source = source
        self._promise = promise
        self._part: PartFile | None = None
        self._hashes = Hashes(())

    @property
    def received(self) -> int:
        """Bytes that are there, as they were sent."""
        return self._part.size if self._part else 0

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self._part.path) if self._part else str(self._to)

    async def open(self) -> Representation | None:
        """Take hold of the part before anything is sent, so that a file that can't be written costs no request.

        Returns:
            What is there from an earlier try.

        Raises:
            DownloadError: The file can't be written.
        """
        parent = self._to if self._folder else self._to.parent
        if not parent.is_dir():
            raise failure(str(self._to), f"can't be written: there is no folder {parent}. Nothing was sent")
        return None if self._folder else await on_thread(self._held, self._to)

    async def begin(self, representation: Representation, proposed: str, /) -> Representation | None:
        """Take the first bytes; see `Target`."""
        if self._part is None:
            known = await on_thread(self._named, proposed)
            if known is not None and self.received and representation.is_same_as(known):
                return known
        await on_thread(self._begun, representation)
        return None

    async def write(self, piece: bytes) -> None:
        """Take the next bytes."""
        await on_thread(self.flush, piece)

    def flush(self, piece: bytes) -> None:
        """Take the last bytes without waiting."""
        if self._part is not None:
            self._part.write(piece)
            self._hashes.update(piece)

    async def finish(self, known: Representation) -> tuple[pathlib.Path | None, int]:
        """Check the whole, and give the file its name."""
        return await on_thread(self._finished, known)

    async def reset(self) -> bool:
        """Forget what is there; a file can always begin anew."""
        if self._part is not None:
            await on_thread(self._part.truncate)
            self._note.unlink(missing_ok=True)
        return True

    async def close(self) -> None:
        """Let go of the part, which stays unless it is empty."""
        if self._part is not None:
            if not self._part.size:
                self._part.discard()
            self._part.__exit__(None, None, None)

    @property
    def _note(self) -> pathlib.Path:
        assert self._part is not None
        return self._part.part.with_name(f"{self._part.part.name}.json")

    def _named(self, proposed: str) -> Representation | None:
        """Take the first free name: no file that is there is replaced, and no other download's part taken."""
        number = 0
        while True:
            path = self._to / (numbered(proposed, number) if number else proposed)
            number += 1
            if os.path.lexists(path):
                continue
            try:
                return self._held(path)
            except DownloadError as error:
                if not isinstance(error.__cause__, HeldError):
                    raise

    def _held(self, path: pathlib.Path) -> Representation | None:
        part = PartFile(path, failure, part=_part_of(path), resumable=True)
        part.__enter__()
        self._part = part
        known = self._noted()
        if known is not None and part.size:
            self._hashes = self._hashes_for(known)
            for piece in part.read():
                self._hashes.update(piece)
            return known
        return None

    def _begun(self, representation: Representation) -> None:
        assert self._part is not None
        self._part.truncate()
        self._hashes = self._hashes_for(representation)
        content = {"version": VERSION, "source": self._source, **attrs.asdict(representation)}
        try:
            self._note.write_text(json.dumps(content), encoding="utf-8")
        except OSError as error:
            raise failure(self.name, f"can't be written: {error.strerror}") from error

    def _noted(self) -> Representation | None:
        """Return what the part is of; None where its note is of another file, or can't be read."""
        try:
            content = json.loads(self._note.read_text(encoding="utf-8"))
            if content.pop("version") != VERSION or content.pop("source") != self._source:
                return None
            return Representation(**content)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def _hashes_for(self, representation: Representation) -> Hashes:
        return Hashes({*representation.digests, *(() if representation.encoding else self._promise.checksums)})

    def _finished(self, known: Representation) -> tuple[pathlib.Path, int]:
        part = self._part
        assert part is not None
        note = self._note
        check_sent(known, part.size, self._hashes)
        size = part.size
        if known.encoding:
            size = self._decoded(part, known)
        else:
            self._promise.check(part.size, self._hashes)
            self._keep(part)
        note.unlink(missing_ok=True)
        return part.path, size

    def _keep(self, part: PartFile) -> None:
        """Give a part its name; in a folder the next that is free, where somebody took it meanwhile."""
        proposed, number = part.path.name, 0
        while True:
            try:
                part.keep(replace=not self._folder)
            except FileExistsError:
                number += 1
                part.path = part.path.with_name(numbered(proposed, number))
            else:
                return

    def _decoded(self, part: PartFile, known: Representation) -> int:
        decoder, hashes = known_decoder(known), Hashes(self._promise.checksums)
        whole = part.part.with_name(f"{part.part.name}.decoded")
        with PartFile(part.path, failure, part=whole) as target:
            for piece in part.read():
                for piece_out in decoded(decoder, piece):
                    self._promise.check_growth(target.size + len(piece_out))
                    target.write(piece_out)
                    hashes.update(piece_out)
            end_decoding(decoder)
            self._promise.check(target.size, hashes)
            self._keep(target)
        part.path = target.path
        part.discard()
        return target.size


def _part_of(path: pathlib.Path) -> pathlib.Path:
    # Safe names never begin with a dot, so no server can propose the name of a part.
    name = path.name
    if len(name.encode()) > _MAX_NAME:
        name = hashlib.sha256(name.encode()).hexdigest()
    return path.with_name(f".{name}.part")
