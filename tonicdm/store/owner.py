"""The owner of a store: the organization, the server, and the tokens that have shown both."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final, Self

import attrs

from tonicdm.config import ZONES
from tonicdm.store import rows
from tonicdm.store.database import Database

NOTE: Final = "owner"
"""The note of the store under which its owner stands."""

MAX_FINGERPRINTS: Final = 10
"""Tokens that are known to belong to the owner; further ones push out the oldest."""

FINGERPRINT_CHARACTERS: Final = 12
"""Of the digest under which the ledger knows a token: enough to tell tokens apart, and of no use to guess one."""

ALL_ZONES: Final = "tonicdm"
"""The server of every zone: any of them serves a tenant's data (concepts page, "Data Residency")."""


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


@attrs.frozen
class Owner:
    """The tenant of a store."""

    organization: str
    """The organization's ID, compact lower case."""
    server: str
    """As `server_of` names it."""
    fingerprints: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    """Of the tokens that were shown to belong to it, the newest first."""

    def knows(self, server: str, fingerprint: str) -> bool:
        """Tell whether a token on a server was shown to belong to this owner."""
        return server == self.server and fingerprint in self.fingerprints

    def with_token(self, fingerprint: str) -> Self:
        """Return the owner with one more token that belongs to it."""
        others = [known for known in self.fingerprints if known != fingerprint]
        return type(self)(self.organization, self.server, (fingerprint, *others)[:MAX_FINGERPRINTS])


def server_of(base_url: str) -> str:
    """Return what names the server at *base_url* in a store: one name for all zones of TonicDM."""
    url = base_url.rstrip("/").lower()
    return ALL_ZONES if url in {zone.rstrip("/").lower() for zone in ZONES.values()} else url


def fingerprint_of(digest: str) -> str:
    """Return what names a token in a store.

    Args:
        digest: Under which the ledger knows it.
    """
    return digest[:FINGERPRINT_CHARACTERS]


def read_owner(db: Database) -> Owner | None:
    """Return whose store it is; None where nobody has said so yet."""
    row = rows.note(db, NOTE)
    return None if row is None else Owner(**json.loads(row))


def write_owner(db: Database, owner: Owner) -> None:
    """Note whose store it is."""
    rows.put_note(db, NOTE, json.dumps(attrs.asdict(owner)))
