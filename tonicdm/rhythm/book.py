"""What all processes must know of a tenant's machine tokens: those in force, the mints, and why none may follow."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping
from typing import Any, Final

import attrs

from tonicdm.rhythm.claims import AUDIENCE
from tonicdm.types import Secret

_PREFIX: Final = "tonicdm rhythm token key, version 1"
TENANT: Final = "tenant"
"""Where a closure for all applications stands; the keys of applications are digests."""


@attrs.frozen(kw_only=True)
class Application:
    """Who asks for machine tokens, and for which API."""

    issuer: str
    """The Auth0 domain: one per tenant."""
    client_id: str
    audience: str = AUDIENCE

    @property
    def key(self) -> str:
        """A digest of all three: the name of its token in the book."""
        return digest(self.issuer, self.client_id, self.audience)


def digest(*parts: str) -> str:
    """Return 32 hex characters from which *parts* can't be had back."""
    return hashlib.sha256("\n".join([_PREFIX, *parts]).encode()).hexdigest()[:32]


class Fate(enum.StrEnum):
    """What became of a mint."""

    SENT = "sent"
    """It is under way, or its process died; it counts."""
    ISSUED = "issued"
    """A token came."""
    UNKNOWN = "unknown"
    """No usable answer came; it counts, because a token may have been issued."""
    REFUSED = "refused"
    """The issuer said no; it does not count."""


@attrs.frozen(kw_only=True)
class Mint:
    """One request for a machine token; written before it is sent."""

    id: str
    application: str
    """`Application.key`."""
    client_id: str
    at: float
    """When it was sent, Unix seconds by the issuer's clock."""
    who: str
    """Which process asked."""
    fate: Fate = Fate.SENT


@attrs.frozen(kw_only=True)
class CachedToken:
    """A machine token in force."""

    value: Secret
    minted_at: float
    """Latest moment at which it can have been issued, Unix seconds by the issuer's clock."""
    expires_at: float
    """Latest moment at which its life can end, by the same clock."""
    revoked: bool = False
    """Whether the operator has said that it is no longer accepted."""


class Cause(enum.StrEnum):
    """Why no mint may follow for a time."""

    LOCKED_OUT = "locked out"
    """The issuer's words look like the month's limit."""
    THROTTLED = "throttled"
    """The issuer asked for a pause."""
    CREDENTIALS = "credentials refused"
    """The issuer refused the secret, the grant or the audience."""
    UNANSWERED = "unanswered"
    """No usable answer came; every further try may cost a token."""


@attrs.frozen(kw_only=True)
class Closure:
    """No mint before `until`."""

    cause: Cause
    since: float
    until: float
    """Unix seconds by the issuer's clock, like `since`."""
    status: int = 0
    """The refusal's HTTP status; 0 where no answer came."""
    code: str = ""
    """OAuth's word for the refusal."""
    credentials: str = ""
    """A short digest of the secret that was refused: a corrected one is tried at once. Empty: it holds for all."""
    failures: int = 0
    """How many tries in a row went unanswered."""


@attrs.frozen(kw_only=True)
class Damage:
    """The book was unreadable, and its count is therefore not exact."""

    at: float
    """When it was noticed, Unix seconds."""
    missing: int | None
    """How many mints may be missing at most; None where the whole count is lost."""


@attrs.frozen(kw_only=True)
class Book:
    """What is known of one issuer's machine tokens; a value, changed by making another."""

    issuer: str = ""
    """The Auth0 domain; empty before the first mint."""
    mints: tuple[Mint, ...] = ()
    """In the order of their writing."""
    tokens: Mapping[str, CachedToken] = attrs.field(factory=dict, repr=False)
    """By `Application.key`."""
    closures: Mapping[str, Closure] = attrs.field(factory=dict)
    """By `Application.key`, or `TENANT` for all."""
    damage: Damage | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object that holds everything, the tokens included."""
        return {
            "issuer": self.issuer,
            "mints": [attrs.asdict(mint) for mint in self.mints],
            "tokens": {
                key: attrs.asdict(token) | {"value": token.value.reveal()} for key, token in self.tokens.items()
            },
            "closures": {key: attrs.asdict(closure) for key, closure in self.closures.items()},
            "damage": None if self.damage is None else attrs.asdict(self.damage),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Book:
        """Read what `to_json` wrote.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: *data* is something else.
        """
        damage = data["damage"]
        return cls(
            issuer=data["issuer"],
            mints=tuple(Mint(**(one | {"fate": Fate(one["fate"])})) for one in data["mints"]),
            tokens={key: CachedToken(**one | {"value": Secret(one["value"])}) for key, one in data["tokens"].items()},
            closures={key: Closure(**one | {"cause": Cause(one["cause"])}) for key, one in data["closures"].items()},
            damage=None if damage is None else Damage(**damage),
        )
