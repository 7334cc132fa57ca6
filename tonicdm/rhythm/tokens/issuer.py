"""The Auth0 tenant that issues tokens, its responses, and its clock."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from typing import Any, Final

import attrs
import yarl

from tonicdm.budget.headers import http_date, retry_after
from tonicdm.clock import Clock
from tonicdm.errors import ConfigError
from tonicdm.http.plain import Plain, PlainResponse
from tonicdm.rhythm.dateclock import STALE_SECONDS, DateClock
from tonicdm.rhythm.tokens.ledger import Cause
from tonicdm.rhythm.tokens.minting import MintRules
from tonicdm.types import Secret, plausible_unix_seconds

_LOCAL: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_CODE: Final = re.compile(r"[a-z_]{1,60}")
REFUSALS: Final = frozenset({400, 401, 403})
"""Statuses of the issuer's own refusals (RFC 6749, 5.2; 403 is what Auth0 has); other things in front of it use them
too, so only an OAuth error body makes them one."""
_OTHER_FAULTS: Final = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "invalid_target",
    }
)
"""OAuth's words for faults of the request or its credentials (RFC 6749, 5.2; RFC 8707): none of them is the limit."""
_PASSING_FAULTS: Final = frozenset({"server_error", "temporarily_unavailable"})
"""OAuth's words for faults of the issuer that pass."""
_LIMIT_WORDS: Final = ("quota", "limit", "exceed", "allowance")
"""Words of a refusal that may be the month's lock-out; neither its status nor its body is documented."""
_MONTH: Final = re.compile(r"\bmonth(s|ly|'s)?\b")
"""With one of the next, what makes it surely that."""
_SURE_LIMIT: Final = re.compile(r"(?<![a-z])(quotas?|limits?|exceed(s|ed|ing)?|allowances?)(?![a-z])")
"""Those words by themselves: an unlimited plan and a limited trial speak of no limit that was met."""
_RATE: Final = re.compile(r"\bper[ -](second|minute|hour|day)\b|\brate[ _-]?limit")
"""What makes it a limit of another kind."""


@attrs.frozen
class Issuer:
    """Where tokens come from (reference: /oauth/token, servers)."""

    base: str
    """Scheme, host and perhaps a path, without a slash at the end."""

    @classmethod
    def parse(cls, domain: str) -> Issuer:
        """Read an Auth0 domain, or a whole URL such as that of a sandbox.

        Raises:
            ConfigError: It is neither, or the secret would travel in the clear.
        """
        text = domain.strip().rstrip("/")
        try:
            url = yarl.URL(text if "://" in text else f"https://{text}")
        except ValueError:
            url = yarl.URL()
        if (
            len(text.split()) != 1
            or not url.host
            or url.user is not None
            or url.password is not None
            or url.query_string
        ):
            raise ConfigError("auth_domain must look like example.us.auth0.com (RHYTHM_AUTH_DOMAIN)")
        if url.scheme != "https" and not (url.scheme == "http" and url.host in _LOCAL):
            raise ConfigError("auth_domain must be reached by https: the secret travels there")
        return cls(f"{url.origin()}{url.path.rstrip('/')}")

    @property
    def name(self) -> str:
        """The host and path, by which ledgers and messages call it."""
        return self.base.split("://", 1)[1].lower()

    @property
    def token_url(self) -> str:
        """Where tokens are asked for; the path is Auth0's, seen in public code only (reference: x-assumed-parts)."""
        return f"{self.base}/oauth/token"

    @property
    def authorize_url(self) -> str:
        """Where users log in."""
        return f"{self.base}/authorize"

    @property
    def date_url(self) -> str:
        """A page that costs no token; only the Date of its answer is looked at, whatever its status."""
        return f"{self.base}/.well-known/openid-configuration"


# --- what an answer says --------------------------------------------------------------------------------------------


def read_date(headers: Mapping[str, str]) -> float | None:
    """Return when an answer was sent, Unix seconds by the sender's clock; None where it does not say.

    An answer out of a cache has the Date of its making, and an Age since (RFC 9111, 5.1).
    """
    at = http_date(headers.get("Date", ""))
    if at is None:
        return None
    age = headers.get("Age", "0")
    at += float(age) if age.isascii() and age.isdigit() else 0.0
    return at if plausible_unix_seconds(at) else None


@attrs.frozen(kw_only=True)
class Grant:
    """A token as the endpoint gave it (reference: TokenResponse)."""

    token: Secret
    expires_in: float | None
    """Seconds; None where the answer did not say, or said nothing that makes sense."""
    reported_expires_in: float | None = None
    """The same as it was said, zero and less included."""
    refresh_token: Secret | None = None
    id_token: Secret | None = None


def read_grant(status: int, body: bytes) -> Grant | None:
    """Read the answer of a token endpoint; None unless it holds a token that a header can carry."""
    data = _object(body)
    token = _secret(data.get("access_token"))
    if status != 200 or token is None:
        return None
    seconds = _seconds(data.get("expires_in"))
    return Grant(
        token=token,
        expires_in=seconds if seconds is not None and seconds > 0 else None,
        reported_expires_in=seconds,
        refresh_token=_secret(data.get("refresh_token")),
        id_token=_secret(data.get("id_token")),
    )


@attrs.frozen(kw_only=True)
class Refusal:
    """An answer without a token, as far as it can be told apart."""

    cause: Cause
    status: int
    code: str = ""
    """OAuth's word, where it is one."""
    pause: float | None = None
    """Seconds that the issuer asked for."""


def read_refusal(status: int, headers: Mapping[str, str], body: bytes, now: float, rules: MintRules) -> Refusal:
    """Tell what an answer without a token means.

    The concepts page says only that no more tokens are issued once the month's are spent. A refusal that speaks of a
    limit and of the month is believed to be that. One that speaks of a limit only, or a 429 without a short pause, may
    be: it holds for the application that got it. An OAuth error for another fault never is, and what is no answer of
    an issuer (a redirect, a proxy's or firewall's page) refuses nothing.

    Args:
        status: The HTTP status.
        headers: The answer's headers.
        body: The answer's body.
        now: The issuer's clock, Unix seconds.
        rules: The settings.
    """
    data = _object(body)
    word = data.get("error")
    code = word if isinstance(word, str) and _CODE.fullmatch(word) else ""
    text = f"{word} {data.get('error_description')} {data.get('message')}".lower()
    limit = code not in _OTHER_FAULTS and any(limit_word in text for limit_word in _LIMIT_WORDS)
    months = _MONTH.search(text) and _SURE_LIMIT.search(text) and not _RATE.search(text)
    if status in REFUSALS | {429} and limit and months:
        return Refusal(cause=Cause.LOCKED_OUT, status=status, code=code)
    if status == 429:
        pause = _pause(headers, now)
        short = pause is not None and pause <= rules.max_throttle
        cause = Cause.THROTTLED if short else Cause.UNSURE
        return Refusal(cause=cause, status=status, code=code, pause=pause if short else None)
    if status not in REFUSALS or not isinstance(word, str) or code in _PASSING_FAULTS:
        return Refusal(cause=Cause.UNANSWERED, status=status, code=code)
    return Refusal(cause=Cause.UNSURE if limit else Cause.CREDENTIALS, status=status, code=code)


def _pause(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that a 429 asks for: Retry-After, else the reset that Auth0 names."""
    if (named := retry_after(headers, now)) is not None:
        return named
    reset = headers.get("X-RateLimit-Reset", "").strip()
    if reset.isascii() and reset.isdigit() and plausible_unix_seconds(float(reset)):
        return max(0.0, float(reset) - now)
    return None


def _object(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _secret(value: object) -> Secret | None:
    usable = isinstance(value, str) and value and value.isascii() and value.isprintable() and " " not in value
    return Secret(str(value)) if usable else None


def _seconds(value: object) -> float | None:
    """Return a number of seconds; some issuers write it as a text."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,9}", value):
        value = int(value)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not -1e9 < value < 1e9:
        return None
    return float(value)


logger: Final = logging.getLogger("tonicdm")

FRESH_SECONDS: Final = STALE_SECONDS
"""Seconds for which a reading is good enough to mint by: a local clock drifts, and a machine may sleep."""

ASK_AGAIN_SECONDS: Final = 60.0
"""Seconds after which a reading is worth another question where an API refuses a token that should live."""


class IssuerClock:
    """Bounds of the issuer's time from the Date headers of its own answers, of nobody else's.

    Args:
        issuer: Asked for its Date where none was heard.
        clock: The local clocks; the wall clock may be wrong by any number of minutes.
    """

    def __init__(self, issuer: Issuer, clock: Clock) -> None:
        self._issuer = issuer
        self._clock = clock
        self._dates = DateClock(clock)
        self._asked_at = float("-inf")
        self._lost = False

    def now(self) -> float:
        """Return the earliest that the issuer's clock can show, Unix seconds; by the local clock until it was heard."""
        return self._dates.now()

    @property
    def is_fresh(self) -> bool:
        """Whether the issuer was heard a short time ago, or would not tell."""
        return not self._lost and self._age < FRESH_SECONDS

    @property
    def may_be_wrong(self) -> bool:
        """Whether it is worth a question, after an API's answer that contradicts it: not more than once a minute."""
        return self._lost or self._age >= ASK_AGAIN_SECONDS

    @property
    def _age(self) -> float:
        return self._clock.monotonic() - max(self._asked_at, self._dates.heard_at)

    def heard(self, answer: PlainResponse) -> None:
        """Take in the Date of an answer of the issuer."""
        self._lost = False
        self._dates.observe(read_date(answer.headers), answer.sent_at, answer.received_at)

    def lost(self) -> None:
        """Note that the issuer did not answer: it must be heard again before a token is asked for."""
        self._lost = True

    async def ask(self, http: Plain, timeout: float) -> None:
        """Ask the issuer for its Date, which costs no token.

        Args:
            http: Sends the question.
            timeout: Seconds that the issuer may take.

        Raises:
            TransportError: It does not answer.
        """
        self.heard(await http.get(self._issuer.date_url, timeout=timeout))
        self._asked_at = self._clock.monotonic()
        if not self._dates.is_known:
            logger.warning("%s sends no Date: the local clock decides when its tokens expire", self._issuer.name)
