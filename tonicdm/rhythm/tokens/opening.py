"""Token stores as users name them: a folder, or the URL of a database."""

from __future__ import annotations

import os
from typing import TypeAlias

from tonicdm.clock import Clock
from tonicdm.databases import is_url
from tonicdm.rhythm.tokens.postgresql import PostgresqlTokenStore
from tonicdm.rhythm.tokens.store import FileTokenStore

KeptTokens: TypeAlias = FileTokenStore | PostgresqlTokenStore
"""A store that outlives its processes."""


def token_store(
    where: str | os.PathLike[str] | None = None, *, clock: Clock | None = None, opens_tokens: bool = True
) -> KeptTokens:
    """Return the store that *where* names.

    Args:
        where: A folder, or ``postgresql://…``; else what RHYTHM_TOKENS or RHYTHM_DATABASE says, else a folder in the
            user's state directory.
        clock: Time.
        opens_tokens: Whether tokens are to be used, or only counted: then a database needs no key.

    Raises:
        ConfigError: It is none, or a database without a key.
    """
    named = where if where is not None else os.environ.get("RHYTHM_TOKENS") or os.environ.get("RHYTHM_DATABASE")
    if is_url(named):
        return PostgresqlTokenStore(str(named), clock=clock, opens_tokens=opens_tokens)
    return FileTokenStore(where, clock=clock)
