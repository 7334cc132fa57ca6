"""Rows of a database with the token ledger, which the processes of all hosts read and write."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tonicdm.clock import Clock
from tonicdm.errors import StoreError
from tonicdm.rhythm.database import SCHEMA, RhythmDatabase
from tonicdm.rhythm.tokens.ledger import Damage, TokenLedger
from tonicdm.rhythm.tokens.minting import moment
from tonicdm.rhythm.tokens.sealing import KeySource, Seal, UnsealableError
from tonicdm.rhythm.tokens.store import VERSION, DamagedError
from tonicdm.tokens import TokenReference

if TYPE_CHECKING:
    import psycopg

logger: Final = logging.getLogger("tonicdm")
T = TypeVar("T")

_TABLE: Final = f"{SCHEMA}.token_ledger"
_MAKE: Final = f"INSERT INTO {_TABLE} VALUES (%s, '') ON CONFLICT (key) DO NOTHING RETURNING key"  # noqa: S608
_READ: Final = f"SELECT document FROM {_TABLE} WHERE key = %s"  # noqa: S608
_LOCK: Final = f"{_READ} FOR UPDATE"
_SAVE: Final = f"UPDATE {_TABLE} SET document = %s WHERE key = %s"  # noqa: S608
_DROP: Final = f"DELETE FROM {_TABLE} WHERE key = %s"  # noqa: S608
_COPY: Final = f"INSERT INTO {_TABLE} SELECT %s, document FROM {_TABLE} WHERE key = %s"  # noqa: S608
_KEYS: Final = f"SELECT key FROM {_TABLE} WHERE key !~ '[^0-9a-f]' ORDER BY key"  # noqa: S608


class PostgresqlTokenStore:
    """Keeps each ledger in a row, changed in a transaction that has it locked, so that all hosts share one.

    No token stands there in clear: each is sealed with a key that every host has and the database has not. What is read
    by people, such as the number of mints, needs no key.

    A row that can't be read is set aside under another name, and the count begins where it leaves an application's
    month, never at zero, as with a damaged file.

    Args:
        url: ``postgresql://…``; a password in it is shown nowhere.
        key: Where the key is: ``env:NAME``, ``file:/path`` or ``command:program``; else what RHYTHM_TOKENS_KEY,
            RHYTHM_TOKENS_KEY_FILE or RHYTHM_TOKENS_KEY_COMMAND says. Several keys with commas between them: the first
            one seals, all open.
        clock: Ours; it only counts until the database's time was read.
        opens_tokens: Whether tokens are opened; else they pass as they are, to be counted, and no key is needed.

    Raises:
        ConfigError: *url* is none, there is no key, or the extra is not installed.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | TokenReference | None = None,
        clock: Clock | None = None,
        opens_tokens: bool = True,
    ) -> None:
        self._database = RhythmDatabase(url, clock=clock)
        self._key = KeySource(key) if opens_tokens else None

    def __repr__(self) -> str:
        return f"<PostgresqlTokenStore {self.where}>"

    @property
    def where(self) -> str:
        """Host and database, without user and password."""
        return self._database.where

    @property
    def clock(self) -> Clock:
        """The database's: what all hosts go by before they have heard the issuer."""
        return self._database.clock

    async def read(self, key: str) -> TokenLedger:
        """Read the row, without its lock where it can be read."""
        seal = await self._seal()
        return await asyncio.to_thread(self._look, key, seal)

    async def update(self, key: str, step: Callable[[TokenLedger], tuple[TokenLedger, T]]) -> T:
        """Read, change and write the row in a transaction, on a thread."""
        seal = await self._seal()
        return await asyncio.to_thread(self._update, key, step, seal)

    def keys(self) -> list[str]:
        """Return the keys of the ledgers that there are; for a thread that may wait."""
        with self._database.transaction() as (connection, _):
            return [key for (key,) in connection.execute(_KEYS)]

    def look(self, key: str) -> TokenLedger:
        """Read the row with its tokens as they stand there, sealed; for a thread that may wait."""
        return self._look(key, None)

    async def _seal(self) -> Seal | None:
        return None if self._key is None else await self._key.seal()

    # --- on a thread --------------------------------------------------------------------------------------------

    def _look(self, key: str, seal: Seal | None) -> TokenLedger:
        try:
            with self._database.transaction() as (connection, now):
                row = connection.execute(_READ, (key,)).fetchone()
                return TokenLedger() if row is None else self._parsed(row[0], seal, now)
        except DamagedError:
            return self._update(key, lambda ledger: (ledger, ledger), seal)

    def _update(self, key: str, step: Callable[[TokenLedger], tuple[TokenLedger, T]], seal: Seal | None) -> T:
        with self._database.transaction() as (connection, _):
            is_new = connection.execute(_MAKE, (key,)).fetchone() is not None
            (document,) = connection.execute(_LOCK, (key,)).fetchone() or ("",)
            now = self._database.time(connection)  # the lock may have taken a while
            before = known = TokenLedger()
            if not is_new:
                try:
                    before = known = self._parsed(document, seal, now)
                except DamagedError:
                    known = self._set_aside(connection, key, now)
            after, result = step(known)
            if after is not before:
                connection.execute(_SAVE, (_written(after, seal), key))
            elif is_new:
                connection.execute(_DROP, (key,))  # who only looks makes nothing
        return result

    def _set_aside(self, connection: psycopg.Connection[Any], key: str, now: float) -> TokenLedger:
        aside = f"{key}.damaged-{secrets.token_hex(4)}"
        connection.execute(_COPY, (aside, key))
        logger.error("the tokens' row %s in %s is damaged and was set aside as %s", key, self.where, aside)
        logger.error("the count of this month's machine tokens is lost; few more will be asked for in this month")
        return TokenLedger(damage=Damage(at=now, missing=None))

    def _parsed(self, document: str, seal: Seal | None, now: float) -> TokenLedger:
        try:
            data = json.loads(document)
            newer = isinstance(data["version"], int) and data["version"] > VERSION
            if not newer and seal is not None:
                data["ledger"]["tokens"] = self._opened(data["ledger"], seal, now)
            ledger = None if newer else TokenLedger.from_json(data["ledger"])
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            newer, ledger = False, None
        if newer:
            raise StoreError(
                self.where, "has machine tokens that a newer tonicdm wrote; upgrade this one. Nothing was sent."
            )
        if ledger is None:
            # Outside of the except block: the error of a parser may repeat what it read.
            raise DamagedError
        return ledger

    def _opened(self, data: dict[str, Any], seal: Seal, now: float) -> dict[str, Any]:
        """Return the tokens of a ledger, opened; one that is over is left out where its key is gone."""
        opened: dict[str, Any] = {}
        for application, token in data["tokens"].items():
            try:
                opened[application] = {**token, "value": seal.open(token["value"])}
            except UnsealableError:
                if not token["revoked"] and token["expires_at"] > now:
                    names = {mint["application"]: mint["client_id"] for mint in data["mints"]}
                    raise StoreError(
                        self.where,
                        f"holds a machine token of {names.get(application, 'an application')} until "
                        f"{moment(token['expires_at']):%Y-%m-%d %H:%M} UTC that this host's key does not open; "
                        "nothing was sent. Give all hosts the same key (RHYTHM_TOKENS_KEY). If the old one is lost, "
                        "say so, for one more token: tonicdm rhythm tokens --revoked",
                    ) from None
        return opened


def _written(ledger: TokenLedger, seal: Seal | None) -> str:
    data = ledger.to_json()
    if seal is not None:
        for token in data["tokens"].values():
            token["value"] = seal.close(token["value"])
    return json.dumps({"version": VERSION, "ledger": data})
