"""The ledger of a tenant's machine tokens: those in force, the mints, and why none may follow."""

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
"""Key of a closure for all applications; the keys of applications are digests."""
STORED_NAMES: Final[Mapping[str, str]] = {"state": "fate", "permitted": "words"}
"""What the files call an attribute that is named otherwise here: files of earlier and later versions agree on it."""
_ATTRIBUTES: Final = {stored: name for name, stored in STORED_NAMES.items()}


@attrs.frozen(kw_only=True)
class Application:
    """Who asks for machine tokens, and for which API."""

    issuer: str
    """The Auth0 domain: one per tenant."""
    client_id: str
    audience: str = AUDIENCE

    @property
    def key(self) -> str:
        """A digest of all three: the name of its token in the ledger."""
        return digest(self.issuer, self.client_id, self.audience)


def digest(*parts: str) -> str:
    """Return 32 hex characters from which *parts* can't be had back."""
    return hashlib.sha256("\n".join([_PREFIX, *parts]).encode()).hexdigest()[:32]


class MintState(enum.StrEnum):
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
    state: MintState = MintState.SENT
    status: int = 0
    """HTTP status of an answer without a token; 0 where none came."""
    allowed: bool = False
    """Whether a person allowed it, or a version that knew no bounds: it does not count against the application's."""


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
    expires_in: float | None = None
    """What the answer said of its life, in seconds; None where it did not say."""
    exp: float | None = None
    """What the token says of its end, Unix seconds; None where it can't be read."""


class Cause(enum.StrEnum):
    """Why no mint may follow for a time."""

    LOCKED_OUT = "locked out"
    """The issuer's words are those of the month's limit."""
    UNSURE = "perhaps the month's limit"
    """The issuer refused, and its words may be those of the month's limit or of something else."""
    THROTTLED = "throttled"
    """The issuer asked for a pause."""
    CREDENTIALS = "credentials refused"
    """The issuer refused the secret, the grant or the audience."""
    UNANSWERED = "unanswered"
    """No usable answer came; every further try may cost a token."""
    SHORT_LIVED = "short-lived tokens"
    """Tokens were minted within minutes of each other."""
    DAY = "the day's mints"
    """The application has had as many mints in a day as need nobody's word."""
    MONTH = "the month's mints"
    """The application has had as many mints in the month as need nobody's word."""


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
    """How many times in a row it came to this."""


@attrs.frozen(kw_only=True)
class Damage:
    """The ledger was unreadable, and its count is therefore not exact."""

    at: float
    """When it was noticed, Unix seconds."""
    missing: int | None
    """How many mints may be missing at most; None where the whole count is lost."""


@attrs.frozen(kw_only=True)
class TokenLedger:
    """What is known of one issuer's machine tokens; a value, changed by making another."""

    issuer: str = ""
    """The Auth0 domain; empty before the first mint."""
    mints: tuple[Mint, ...] = ()
    """In the order of their writing."""
    tokens: Mapping[str, CachedToken] = attrs.field(factory=dict, repr=False)
    """By `Application.key`."""
    closures: Mapping[str, Closure] = attrs.field(factory=dict)
    """By `Application.key`, or `TENANT` for all: what the issuer's answers brought about."""
    bounds: Mapping[str, Closure] = attrs.field(factory=dict)
    """By `Application.key`: what the number of its mints brought about."""
    permitted: frozenset[str] = frozenset()
    """Applications, by `Application.key`, whose next mint a person has allowed whatever the bounds say."""
    damage: Damage | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object that holds everything, the tokens included.

        What version 0.1.0.dev0 did not know stands apart, under ``more``: it reads the rest, and passes that over.
        """
        mints = {mint.id: _stored(mint) for mint in self.mints}
        tokens = {key: _stored(token) | {"value": token.value.reveal()} for key, token in self.tokens.items()}
        closures = {key: _stored(closure) for key, closure in self.closures.items()}
        unsure = [key for key, closure in self.closures.items() if closure.cause is Cause.UNSURE]
        more = {
            "mints": _split_off(mints, {"status", "allowed"}),
            "tokens": _split_off(tokens, {"expires_in", "exp"}),
            "closures": {key: closures.pop(key) for key in unsure},
            "bounds": {key: _stored(closure) for key, closure in self.bounds.items()},
            STORED_NAMES["permitted"]: sorted(self.permitted),
        }
        return {
            "issuer": self.issuer,
            "mints": list(mints.values()),
            "tokens": tokens,
            "closures": closures,
            "damage": None if self.damage is None else attrs.asdict(self.damage),
            "more": more,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TokenLedger:
        """Read what `to_json` wrote, here or in version 0.1.0.dev0.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: *data* is something else.
        """
        damage, more = data["damage"], data.get("more", {})
        mints, tokens = more.get("mints", {}), more.get("tokens", {})
        # A version that knew no bounds allowed whatever it minted.
        older = {"allowed": True}
        return cls(
            issuer=data["issuer"],
            mints=tuple(_mint(stored | mints.get(stored["id"], older)) for stored in data["mints"]),
            tokens={
                key: CachedToken(**stored | {"value": Secret(stored["value"])} | tokens.get(key, {}))
                for key, stored in data["tokens"].items()
            },
            closures=_closures(data["closures"]) | _closures(more.get("closures", {})),
            bounds=_closures(more.get("bounds", {})),
            permitted=frozenset(more.get(STORED_NAMES["permitted"], ())),
            damage=None if damage is None else Damage(**damage),
        )


def _stored(value: Mint | CachedToken | Closure) -> dict[str, Any]:
    return {STORED_NAMES.get(name, name): member for name, member in attrs.asdict(value).items()}


def _mint(stored: Mapping[str, Any]) -> Mint:
    named: dict[str, Any] = {_ATTRIBUTES.get(name, name): member for name, member in stored.items()}
    named["state"] = MintState(named["state"])
    return Mint(**named)


def _split_off(stored: Mapping[str, dict[str, Any]], names: set[str]) -> dict[str, dict[str, Any]]:
    """Take members of these *names* out of each object of *stored*, and return them."""
    return {key: {name: members.pop(name) for name in sorted(names)} for key, members in stored.items()}


def _closures(data: Mapping[str, Any]) -> dict[str, Closure]:
    return {key: Closure(**stored | {"cause": Cause(stored["cause"])}) for key, stored in data.items()}
