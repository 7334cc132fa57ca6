"""The default budget of a client: its key, its file, and how it is opened."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import pathlib
import warnings
from typing import Final

import yarl

from tonicdm.budget.budgeter import UnitBudget
from tonicdm.budget.paths import expanded, is_memory, is_postgresql
from tonicdm.clock import Clock
from tonicdm.config import ZONES
from tonicdm.errors import ConfigError

_PREFIX: Final = b"tonicdm budget key, version 1\n"


def budget_key(token: str, base_url: str | None = None) -> str:
    """Return the name under which *token*'s window is kept: a digest, from which the token can't be had back.

    TonicDM's zones count the calls of a token together, so they have one window. Any other server counts for itself.

    Args:
        token: The bearer token.
        base_url: The server; None for TonicDM's zones.
    """
    server = None if base_url is None else _origin(base_url)
    # A token has no line break.
    identity = token if server is None or server in map(_origin, ZONES.values()) else f"{token}\n{server}"
    return hashlib.sha256(_PREFIX + identity.encode()).hexdigest()[:32]


def _origin(base_url: str) -> str:
    """Return scheme, host and port of a server, all loopback names as one."""
    url = yarl.URL(base_url)
    host = (url.host or "").lower().rstrip(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        loopback = host == "localhost" or host.endswith(".localhost")
    else:
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        loopback = (mapped or address).is_loopback or address.is_unspecified
    return f"{url.scheme.lower()}://{'loopback' if loopback else host}:{url.port}"


def default_path() -> pathlib.Path:
    """Return the file, in the user's state directory, that all processes of a user share."""
    import platformdirs

    return platformdirs.user_state_path("tonicdm", appauthor=False) / "budget.db"


def open_budget(
    where: str | None, *, key: str, clock: Clock, former_key: str | None = None, former_counts: bool = False
) -> UnitBudget:
    """Open the budget that settings ask for.

    Args:
        where: ``memory``, a file, ``postgresql://…``, or None for the user's own file.
        key: Which budget of the file.
        clock: Time.
        former_key: Under which key the budget was kept before, if it was another one.
        former_counts: Whether that one is still in use, so that all of it counts; else only what the version before
            wrote there.

    Raises:
        ConfigError: *where* names no file or database.
    """
    if where is not None and is_memory(where):
        return UnitBudget.memory(clock=clock)
    if where is not None and is_postgresql(where):
        return UnitBudget.shared(where, key=key, clock=clock)
    try:
        path = _checked_default_path() if where is None else expanded(where)
    except ConfigError as error:
        if where is not None and not where.startswith("~"):
            raise
        return _in_memory(str(error), clock)
    if where is None and not _writable(path):
        return _in_memory(f"{path} can't be written", clock)
    # A file of the user's own is nobody else's to mend; one that somebody has named is not ours to move.
    return UnitBudget.shared(
        path,
        key=key,
        clock=clock,
        former_key=former_key,
        former_counts=former_counts,
        replace_damaged=where is None,
    )


def _checked_default_path() -> pathlib.Path:
    try:
        path = default_path()
    except (RuntimeError, KeyError, OSError) as error:
        raise ConfigError(f"no state directory can be found ({error})") from error
    if not path.is_absolute():
        raise ConfigError("no state directory can be found, as neither HOME nor XDG_STATE_HOME is set")
    return path


def _in_memory(reason: str, clock: Clock) -> UnitBudget:
    warnings.warn(
        f"{reason}, so other processes with this token are not seen and a restart forgets what was spent; set "
        "TONICDM_BUDGET to a file they share, or to memory to stop this warning",
        RuntimeWarning,
        stacklevel=5,
    )
    return UnitBudget.memory(clock=clock)


def _writable(path: pathlib.Path) -> bool:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # What another user has left beside it is in the way as well.
        existing = [
            file for file in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))) if file.exists()
        ]
    except OSError:
        return False
    return os.access(path.parent, os.W_OK | os.X_OK) and all(os.access(file, os.R_OK | os.W_OK) for file in existing)
