"""Files of the token ledger, which all processes read and write."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import pathlib
import secrets
import stat
import sys
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

import attrs

from tonicdm import disk
from tonicdm.clock import Clock, SystemClock
from tonicdm.databases import is_url, refuse_other_url
from tonicdm.errors import ConfigError, StoreError
from tonicdm.lockfile import locked, share
from tonicdm.rhythm.tokens.ledger import Damage, TokenLedger
from tonicdm.rhythm.tokens.minting import damage_months, month_of

logger: Final = logging.getLogger("tonicdm")
T = TypeVar("T")

VERSION: Final = 1
"""Form of the file that this package reads and writes."""


class TokenStore(Protocol):
    """Keeps one `TokenLedger` per issuer; a database can stand behind it."""

    @property
    def where(self) -> str:
        """Where the ledgers are, for people."""
        ...

    async def read(self, key: str) -> TokenLedger:
        """Return the ledger as it stands, to look at only."""
        ...

    async def update(self, key: str, step: Callable[[TokenLedger], tuple[TokenLedger, T]]) -> T:
        """Change the ledger in one step that no other process sees half of, durably before this returns.

        Args:
            key: Which ledger: a digest.
            step: Given the ledger, returns the new one and a result; pure and quick, possibly on another thread. The
                same ledger again means that nothing is to be written.

        Returns:
            The step's result.

        Raises:
            StoreError: The ledger can't be read or written; nothing was changed.
        """
        ...


class MemoryTokenStore:
    """Keeps the ledgers in this process only: a restart forgets the tokens and the count. For tests."""

    def __init__(self) -> None:
        self._ledgers: dict[str, TokenLedger] = {}

    @property
    def where(self) -> str:
        """The word ``memory``."""
        return "memory"

    async def read(self, key: str) -> TokenLedger:
        """Return the ledger."""
        return self._ledgers.get(key, TokenLedger())

    async def update(self, key: str, step: Callable[[TokenLedger], tuple[TokenLedger, T]]) -> T:
        """Apply *step*; there is no await inside, so nobody comes between."""
        self._ledgers[key], result = step(self._ledgers.get(key, TokenLedger()))
        return result


@attrs.frozen
class Sharing:
    """Who may read and write the files of a folder."""

    mode: int
    """Of each file."""
    group: int | None = None
    """To whom each file belongs; None for the group that it has anyway."""


PRIVATE: Final = Sharing(0o600)


def sharing_of(mode: int, group: int) -> Sharing | str:
    """Return how the files in a folder are shared, or which mode it must have instead.

    Users of one group share a folder that the group may write to: then the files are the group's too. A folder that
    everybody may write to could hold a forged ledger, and one with the sticky bit lets no user replace another's file.

    Args:
        mode: The folder's, as ``stat`` tells it.
        group: The folder's group.
    """
    wanted = "make it 0700 for one user, or 2770 with a group for several"
    if mode & stat.S_IWOTH:
        return f"everybody may write to it ({stat.S_IMODE(mode):04o}); {wanted}"
    if not mode & stat.S_IWGRP:
        return PRIVATE
    if mode & stat.S_ISVTX:
        return f"it has the sticky bit ({stat.S_IMODE(mode):04o}), so no user may replace another's file; {wanted}"
    return Sharing(0o660, group)


class FileTokenStore:
    """Keeps each ledger in a file, replaced as a whole under a lock.

    A folder that is made here, and its files, are for their owner only. One that was there is left as it is: if its
    group may write to it, the files are the group's as well, so that several users share them.

    The file has two lines: what the second must sum up to, and the ledger as JSON. A reader finds the old or the new
    ledger, never half of one. The one before the last change is kept beside it: if the file is damaged, that one is
    gone on from, and one mint more is counted; if both are damaged, the count begins where it leaves an application's
    month, never at zero. What was damaged is set aside under another name.

    Args:
        folder: Where the files are; made if absent. By default RHYTHM_TOKENS, or the user's state
            directory.
        clock: Dates the damage.

    Raises:
        ConfigError: *folder* is the URL of a database.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None, *, clock: Clock | None = None) -> None:
        if is_url(folder):
            raise ConfigError(
                "these tokens are kept in files; in a database by PostgresqlTokenStore. Nothing was sent."
            )
        if folder is not None:
            refuse_other_url(os.fspath(folder), "tokens are kept in a folder or in PostgreSQL (postgresql://…)")
        self.folder: pathlib.Path = default_folder() if folder is None else pathlib.Path(folder)
        self.clock: Clock = clock or SystemClock()
        """Dates the damage."""

    @property
    def where(self) -> str:
        """The folder's path."""
        return str(self.folder)

    async def read(self, key: str) -> TokenLedger:
        """Read the file, without the lock where it is whole."""
        return await asyncio.to_thread(self.look, key)

    async def update(self, key: str, step: Callable[[TokenLedger], tuple[TokenLedger, T]]) -> T:
        """Read, change and replace the file under the lock, on a thread."""
        return await asyncio.to_thread(self._update, key, step)

    def keys(self) -> list[str]:
        """Return the keys of the ledgers that there are."""
        return sorted(
            path.name.removesuffix(".json") for path in self.folder.glob("[0-9a-f]*.json") if _is_ledger(path)
        )

    # --- on a thread --------------------------------------------------------------------------------------------

    def look(self, key: str) -> TokenLedger:
        """Read the file as `read` does, on a thread that may wait for it."""
        with contextlib.suppress(DamagedError):
            ledger = _load(self._path(key))
            if ledger is not None:
                return ledger
            if not self._previous(key).exists():
                return TokenLedger()
        return self._update(key, lambda ledger: (ledger, ledger))

    def _update(self, key: str, step: Callable[[TokenLedger], tuple[TokenLedger, T]]) -> T:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            sharing = self._sharing()
            with locked(self.folder / f"{key}.lock", mode=sharing.mode, group=sharing.group):
                before, ledger = self._open(key)
                after, result = step(ledger)
                if after is not before and (before is not None or after != TokenLedger()):
                    self._replace(key, after, sharing)
                return result
        except OSError as error:
            raise StoreError(
                str(self.folder), f"can't hold the ledger of the tokens ({error.strerror or error}); nothing was sent."
            ) from error

    def _sharing(self) -> Sharing:
        if sys.platform == "win32":
            return PRIVATE
        status = self.folder.stat()
        sharing = sharing_of(status.st_mode, status.st_gid)
        if isinstance(sharing, str):
            raise StoreError(str(self.folder), f"can't keep tokens: {sharing}. Nothing was sent.")
        return sharing

    def _open(self, key: str) -> tuple[TokenLedger | None, TokenLedger]:
        """Return the ledger that is in the file, if there is one that can be read, and the one to go on from."""
        try:
            ledger = _load(self._path(key))
        except DamagedError:
            self._set_aside(self._path(key))
        else:
            if ledger is not None:
                return ledger, ledger
            # No file: the first use, or a crash between two renames. What was being written then had not been
            # promised to anybody, so the ledger before it is exact.
            with contextlib.suppress(DamagedError):
                return None, _load(self._previous(key)) or TokenLedger()
        return None, self._recover(key)

    def _recover(self, key: str) -> TokenLedger:
        """Return the ledger from before the last change, with a word on what may be missing in it."""
        now = self.clock.now()
        try:
            previous = _load(self._previous(key))
        except DamagedError:
            self._set_aside(self._previous(key))
            previous = None
        if previous is None:
            logger.error("the count of this month's machine tokens is lost; few more will be asked for in this month")
            return TokenLedger(damage=Damage(at=now, missing=None))
        earlier, missing = previous.damage, 1
        if earlier is not None and month_of(now) in damage_months(earlier):
            if earlier.missing is None:
                return attrs.evolve(previous, damage=Damage(at=now, missing=None))
            missing += earlier.missing
        return attrs.evolve(previous, damage=Damage(at=now, missing=missing))

    def _set_aside(self, path: pathlib.Path) -> None:
        aside = path.with_name(f"{path.name}.damaged-{secrets.token_hex(4)}")
        disk.replace(path, aside)
        logger.error("%s is damaged and was set aside as %s", path, aside.name)

    def _replace(self, key: str, ledger: TokenLedger, sharing: Sharing) -> None:
        path, content = self._path(key), json.dumps(ledger.to_json()).encode()
        head = json.dumps({"version": VERSION, "sha256": _sum(content)}).encode()
        new = path.with_name(f"{key}.{secrets.token_hex(4)}.tmp")
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(file, "wb") as out:
                share(out.fileno(), sharing.mode, sharing.group)
                out.write(head + b"\n" + content)
                out.flush()
                os.fsync(out.fileno())
            if path.exists():
                disk.replace(path, self._previous(key))
            disk.replace(new, path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
        disk.sync(self.folder)

    def _path(self, key: str) -> pathlib.Path:
        return self.folder / f"{key}.json"

    def _previous(self, key: str) -> pathlib.Path:
        return self.folder / f"{key}.previous.json"


def default_folder() -> pathlib.Path:
    """Return the folder that RHYTHM_TOKENS names, else one in the user's state directory.

    Raises:
        ConfigError: The user has none, as in a container without an entry for the user.
    """
    if named := os.environ.get("RHYTHM_TOKENS"):
        return pathlib.Path(named)
    import platformdirs

    try:
        folder = platformdirs.user_state_path("tonicdm", appauthor=False)
    except RuntimeError as error:
        raise ConfigError(
            f"no folder for the tokens: {error}; or name one in RHYTHM_TOKENS. Nothing was sent."
        ) from None
    return folder / "rhythm"


class DamagedError(Exception):
    """What is there is no ledger. It never leaves the package."""


def _load(path: pathlib.Path) -> TokenLedger | None:
    """Return the ledger in *path*; None where there is no file."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(
            str(path),
            f"can't be read ({error.strerror}); nothing was sent. Users who share it need a folder that its group may "
            "write to (2770), before the first file is there.",
        ) from error
    try:
        head, content = text.split(b"\n", 1)
        header = json.loads(head)
        newer = isinstance(header["version"], int) and header["version"] > VERSION
        ledger = None if newer or header["sha256"] != _sum(content) else TokenLedger.from_json(json.loads(content))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        newer, ledger = False, None
    if newer:
        raise StoreError(str(path), "was written by a newer tonicdm; upgrade this one. Nothing was sent.")
    if ledger is None:
        # Outside of the except block: the error of a parser may repeat what it read.
        raise DamagedError
    return ledger


def _is_ledger(path: pathlib.Path) -> bool:
    return path.name.count(".") == 1


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
