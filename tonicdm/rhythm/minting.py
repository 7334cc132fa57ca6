"""Whether a machine token is used, awaited, minted or refused: pure rules over the book.

At most 31 mints a month and application (concepts page, "Tokens"): one a day, so none before the last token's life
has ended. Any earlier renewal would make 32 in a month of 31 days. All times are Unix seconds by the issuer's clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import attrs

from tonicdm.errors import ConfigError
from tonicdm.rhythm.book import TENANT, Application, Book, CachedToken, Cause, Closure, Fate, Mint
from tonicdm.rhythm.months import month_of, month_start, next_month


@attrs.frozen(kw_only=True)
class MintRules:
    """What is known or assumed about machine tokens."""

    allowance: int = 1000
    """Tokens a month that the issuer gives to all integrations of a tenant (concepts page, "Tokens")."""
    stop: int = 900
    """Mints a month, of all applications that share the cache, after which none is sent; the rest is for others."""
    application_stop: int | None = None
    """The same for one application; None for no stop of its own."""
    line: int = 31
    """Mints a month of one application above which each is a warning (concepts page, "Tokens")."""
    lifetime: float = 86400.0
    """Seconds that a token lives, where neither the answer nor the token says (concepts page, "Tokens")."""
    margin: float = 60.0
    """Seconds before the end of a token's life in which it is not sent any more: calls wait for its end instead."""
    lease: float = 45.0
    """Seconds after which a mint without a result is taken for dead; longer than the token endpoint's timeout."""
    pause_base: float = 60.0
    """Seconds without a mint after one that went unanswered; they double with each further one."""
    pause_cap: float = 3600.0
    """Upper bound of that pause, in seconds."""
    refusal_pause: float = 3600.0
    """Seconds in which credentials that were refused are not tried again."""
    longest_throttle: float = 3600.0
    """Seconds up to which a pause that a 429 names is a pause; a longer one looks like the month's lock-out."""
    month_slack: float = 86400.0
    """A lock-out in the first seconds of a month, so many, may be the last month's in another time zone: it is
    remembered only so long."""

    def __attrs_post_init__(self) -> None:
        for name in ("allowance", "stop", "line"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.stop > self.allowance:
            raise ConfigError(f"the stop of {self.stop} mints lies above the issuer's {self.allowance} a month")
        if self.application_stop is not None and self.application_stop < 1:
            raise ConfigError(f"application_stop must be at least 1, not {self.application_stop}")


# --- decisions ------------------------------------------------------------------------------------------------------


@attrs.frozen
class Use:
    """Send this token."""

    token: CachedToken


@attrs.frozen
class Wait:
    """Nothing may be sent or minted before `until`; then decide again."""

    until: float
    for_mint: bool
    """Whether it ends sooner if another process's mint does."""


@attrs.frozen
class MintNow:
    """Ask for a token, after writing it down."""

    number: int
    """Which mint of the month it is for the application."""
    tenant_number: int
    """Which mint of the month it is for all applications of the book."""


@attrs.frozen
class Refuse:
    """No token, and no mint before `until`."""

    until: float
    minted: int
    """Mints of the month so far: of the application where its own stop was reached, else of all."""
    limit: int | None = None
    """The stop that was reached; None where it is a closure."""
    closure: Closure | None = None


Decision: TypeAlias = Use | Wait | MintNow | Refuse


def decide(
    book: Book,
    application: Application,
    now: float,
    rules: MintRules,
    *,
    credentials: str = "",
    revoked_before: float | None = None,
) -> Decision:
    """Say what *application* may do.

    Args:
        book: What is known.
        application: Who asks.
        now: Earliest that the issuer's clock can show.
        rules: The settings.
        credentials: Digest of the secret at hand.
        revoked_before: Tokens minted before this moment are no longer accepted, says the operator.
    """
    token = book.tokens.get(application.key)
    if token is not None and not _is_revoked(token, now, revoked_before):
        if now < usable_until(token, rules):
            return Use(token)
        if now < token.expires_at:
            return Wait(token.expires_at, for_mint=False)
    ends = [mint.at + rules.lease for mint in book.mints if _is_under_way(mint, application, now, rules)]
    if ends:
        return Wait(max(ends), for_mint=True)
    return _permit(book, application, now, rules, credentials)


def _permit(book: Book, application: Application, now: float, rules: MintRules, credentials: str) -> Decision:
    minted, own = counted(book, now, rules), counted(book, now, rules, application.key)
    for closure in (book.closures.get(TENANT), book.closures.get(application.key)):
        if closure is not None and now < closure.until and closure.credentials in {"", credentials}:
            return Refuse(closure.until, minted, closure=closure)
    if minted >= rules.stop:
        return Refuse(next_month(now), minted, limit=rules.stop)
    if rules.application_stop is not None and own >= rules.application_stop:
        return Refuse(next_month(now), own, limit=rules.application_stop)
    return MintNow(own + 1, minted + 1)


def usable_until(token: CachedToken, rules: MintRules) -> float:
    """Return the moment from which *token* is not sent any more: a call begun then could arrive too late."""
    return token.expires_at - min(rules.margin, (token.expires_at - token.minted_at) / 10)


def counted(book: Book, now: float, rules: MintRules, application: str | None = None) -> int:
    """Return the mints in the month of *now*, of one application or of all.

    One whose fate is not known counts in both months that it can have fallen into. Where the book was damaged, the
    mints that it may have lost count for all; where nothing was left of it, as many as leave an application's month.
    """
    month = month_of(now)
    total = sum(
        1
        for mint in book.mints
        if mint.fate is not Fate.REFUSED and application in {None, mint.application} and month in _months(mint, rules)
    )
    if application is None and book.damage is not None and month_of(book.damage.at) == month:
        lost = book.damage.missing
        total += max(0, rules.stop - rules.line) if lost is None else lost
    return total


def _months(mint: Mint, rules: MintRules) -> set[str]:
    late = 0.0 if mint.fate is Fate.ISSUED else rules.lease
    return {month_of(mint.at), month_of(mint.at + late)}


def _is_revoked(token: CachedToken, now: float, revoked_before: float | None) -> bool:
    # A moment still to come would make every new token a revoked one.
    return token.revoked or (revoked_before is not None and token.minted_at < revoked_before <= now)


def _is_under_way(mint: Mint, application: Application, now: float, rules: MintRules) -> bool:
    return mint.fate is Fate.SENT and mint.application == application.key and abs(now - mint.at) < rules.lease


# --- what changes the book ------------------------------------------------------------------------------------------


def claimed(book: Book, mint: Mint) -> Book:
    """Write *mint* down before it is sent; mints of long past months go."""
    since = month_start(month_start(mint.at) - 1)
    return attrs.evolve(book, mints=(*(one for one in book.mints if one.at >= since), mint))


def unsent(book: Book, mint: Mint) -> Book:
    """Take back a mint that surely never left."""
    return attrs.evolve(book, mints=tuple(one for one in book.mints if one.id != mint.id))


def issued(book: Book, mint: Mint, token: CachedToken) -> Book:
    """Keep the token that a mint brought; whatever closed the door before is over.

    The mint counts where the issuer's clock, as its answer told, saw it.
    """
    settled = attrs.evolve(mint, fate=Fate.ISSUED, at=max(mint.at, token.minted_at - 1.0))
    closures = {key: one for key, one in book.closures.items() if key not in {TENANT, mint.application}}
    tokens = {**book.tokens, mint.application: token}
    return attrs.evolve(_settled(book, settled), tokens=tokens, closures=closures)


def refused(book: Book, mint: Mint, closure: Closure) -> Book:
    """Remember that the issuer said no; a lock-out holds for all applications."""
    key = TENANT if closure.cause is Cause.LOCKED_OUT else mint.application
    closed = _settled(book, attrs.evolve(mint, fate=Fate.REFUSED))
    return attrs.evolve(closed, closures={**book.closures, key: closure})


def unanswered(book: Book, mint: Mint, now: float, rules: MintRules, *, status: int = 0) -> Book:
    """Count a mint of unknown fate, and let nobody try again before a growing pause is over."""
    before = book.closures.get(mint.application)
    failures = 1 + (before.failures if before is not None else 0)
    pause = min(rules.pause_cap, rules.pause_base * 2.0 ** min(failures - 1, 20))
    closure = Closure(cause=Cause.UNANSWERED, since=now, until=now + pause, status=status, failures=failures)
    lost = _settled(book, attrs.evolve(mint, fate=Fate.UNKNOWN))
    return attrs.evolve(lost, closures={**book.closures, mint.application: closure})


def locked_until(now: float, rules: MintRules) -> float:
    """Return how long a lock-out met at *now* is believed."""
    since = month_start(now)
    return since + rules.month_slack if now - since < rules.month_slack else next_month(now)


def reopened(book: Book) -> Book:
    """Forget every closure, and what damage made of the count: the operator takes it on."""
    return attrs.evolve(book, closures={}, damage=None)


def revoked(book: Book, applications: Iterable[str]) -> Book:
    """Mark the tokens of *applications* as no longer accepted."""
    chosen = set(applications)
    tokens: Mapping[str, CachedToken] = {
        key: attrs.evolve(token, revoked=True) if key in chosen else token for key, token in book.tokens.items()
    }
    return attrs.evolve(book, tokens=tokens)


def _settled(book: Book, mint: Mint) -> Book:
    found = any(one.id == mint.id for one in book.mints)
    mints = tuple(mint if one.id == mint.id else one for one in book.mints)
    # After damage the claim may be missing, but it was sent.
    return attrs.evolve(book, mints=mints if found else (*mints, mint))
