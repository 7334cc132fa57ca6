"""How much a receiver takes on."""

from __future__ import annotations

from typing import Any

import attrs

from tonicdm.errors import ConfigError


def _positive(_instance: Any, attribute: attrs.Attribute[Any], value: float) -> None:
    if not value > 0:
        raise ConfigError(f"{attribute.name} must be more than 0, not {value!r}")


@attrs.frozen(kw_only=True)
class Limits:
    """What a receiver takes on before it says no."""

    max_body: int = attrs.field(default=1024**2, validator=_positive)
    """Bytes of one body; more is answered with 413."""
    body_seconds: float = attrs.field(default=10.0, validator=_positive)
    """Seconds in which a whole body must have come; else 408, and the connection is cut."""
    max_readers: int = attrs.field(default=2000, validator=_positive)
    """Bodies that are read at the same time; the next request is answered with 503 at once."""
    max_held: int = attrs.field(default=64 * 1024**2, validator=_positive)
    """Bytes of all bodies that are read or wait for the disk; beyond it 503."""
    max_waiting: int = attrs.field(default=1000, validator=_positive)
    """Events that wait for the disk; beyond it 503."""
    commit_seconds: float = attrs.field(default=10.0, validator=_positive)
    """Seconds to wait for the disk before 503. The event may be stored all the same; sent again it is a duplicate."""
    retry_after: float = attrs.field(default=2.0, validator=_positive)
    """Seconds that the Retry-After of a 503 names."""
