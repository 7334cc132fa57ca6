"""Pure rules over the ledger: whether a machine token is used, awaited, minted or refused.

At most 31 mints a month and application (concepts page, "Tokens"): one a day, so none before the last token's life
has ended. Any earlier renewal would make 32 in a month of 31 days. Mints that bring no good token are bounded as well:
after the second within minutes a pause grows, and beyond a number a day or a month the next one needs a person's word.
All times are Unix seconds by the issuer's clock.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable
from typing import Final, TypeAlias

import attrs

from tonicdm.errors import ConfigError
from tonicdm.rhythm.tokens.ledger import (
    TENANT,
    Application,
    CachedToken,
    Cause,
    Closure,
    Damage,
    Mint,
    MintState,
    TokenLedger,
)

DAY_SECONDS: Final = 86400.0


@attrs.frozen(kw_only=True)
class MintRules:
    """What is known or assumed about machine tokens."""

    allowance: int = 1000
    """Tokens a month that the issuer gives to all integrations of a tenant (concepts page, "Tokens")."""
    stop: int = 900
    """Mints a month, of all applications that share the cache, after which none is sent; the rest is for others."""
    application_stop: int | None = None
    """The same for one application, whatever a person says; None for no stop of its own."""
    line: int = 31
    """Mints a month of one application that need nobody's word; each further one needs a person's, and is a warning
    (concepts page, "Tokens")."""
    a_day: int = 4
    """Mints of one application in 24 hours that need nobody's word. Where the console gives tokens a shorter life than
    a day, raise it and `line`."""
    minutes: float = 900.0
    """Seconds within which a second mint of an application follows too soon on the first: a pause follows, from
    `pause_base` on, that grows eightfold each time."""
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
    unsure_pause: float = 86400.0
    """Seconds after which an application tries again that got a refusal which may be the month's limit."""
    throttle_base: float = 5.0
    """Seconds of the first pause after a 429 that names a shorter one, or none that lies ahead; they double, too."""
    max_throttle: float = 3600.0
    """Seconds up to which a pause that a 429 names is a pause; a longer one may be the month's limit."""
    month_slack: float = 86400.0
    """A lock-out in the first seconds of a month, so many, may be the last month's in another time zone: it is
    remembered only so long."""

    def __attrs_post_init__(self) -> None:
        for name in ("allowance", "stop", "line", "a_day"):
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
    """Which mint of the month it is for all applications of the ledger."""


@attrs.frozen
class Refuse:
    """No token, and no mint before `until`."""

    until: float
    minted: int
    """Mints of the month so far: of the application where its own stop was reached, else of all."""
    limit: int | None = None
    """The stop that was reached; None where it is a closure."""
    closure: Closure | None = None
    token: CachedToken | None = None
    """The application's last token."""


Decision: TypeAlias = Use | Wait | MintNow | Refuse


def decide(
    ledger: TokenLedger,
    application: Application,
    now: float,
    rules: MintRules,
    *,
    credentials: str = "",
    revoked_before: float | None = None,
) -> Decision:
    """Say what *application* may do.

    Args:
        ledger: What is known.
        application: Who asks.
        now: Earliest that the issuer's clock can show.
        rules: The settings.
        credentials: Digest of the secret at hand.
        revoked_before: Tokens minted before this moment are no longer accepted, says the operator.
    """
    token = ledger.tokens.get(application.key)
    if token is not None and not _is_revoked(token, now, revoked_before):
        if now < usable_until(token, rules):
            return Use(token)
        if token.minted_at < token.expires_at and now < token.expires_at:
            return Wait(token.expires_at, for_mint=False)
    ends = [mint.at + rules.lease for mint in ledger.mints if _is_under_way(mint, application, now, rules)]
    if ends:
        return Wait(max(ends), for_mint=True)
    return _permit(ledger, application, now, rules, credentials)


def _permit(ledger: TokenLedger, application: Application, now: float, rules: MintRules, credentials: str) -> Decision:
    minted, own = counted(ledger, now, rules), counted(ledger, now, rules, application.key)
    token, free = ledger.tokens.get(application.key), application.key in ledger.permitted
    bound = None if free else ledger.bounds.get(application.key)
    all_closures = (ledger.closures.get(TENANT), ledger.closures.get(application.key), bound)
    lasting = [closure for closure in all_closures if closure and now < closure.until]
    closed = [closure for closure in lasting if closure.credentials in {"", credentials}]
    if closed:
        latest = max(closed, key=lambda closure: closure.until)
        return Refuse(latest.until, own if latest is bound else minted, closure=latest, token=token)
    if minted >= rules.stop:
        return Refuse(next_month(now), minted, limit=rules.stop)
    if rules.application_stop is not None and own >= rules.application_stop:
        return Refuse(next_month(now), own, limit=rules.application_stop)
    return MintNow(own + 1, minted + 1)


def usable_until(token: CachedToken, rules: MintRules) -> float:
    """Return the moment from which *token* is not sent any more: a call begun then could arrive too late.

    One that was dead on arrival is never sent.
    """
    life = token.expires_at - token.minted_at
    return token.expires_at - min(rules.margin, life / 10) if life > 0 else float("-inf")


def counted(ledger: TokenLedger, now: float, rules: MintRules, application: str | None = None) -> int:
    """Return the mints in the month of *now*, of one application or of all.

    One whose result is not known counts in both months that it can have fallen into. Where the ledger was damaged, the
    mints that it may have lost count for all; where nothing was left of it, as many as leave an application's month.
    """
    month = month_of(now)
    total = sum(
        1
        for mint in ledger.mints
        if mint.state is not MintState.REFUSED
        and application in {None, mint.application}
        and month in _months(mint, rules)
    )
    damage = ledger.damage
    if application is None and damage is not None and month in damage_months(damage, rules):
        lost = damage.missing
        total += max(0, rules.stop - rules.line) if lost is None else lost
    return total


def damage_months(damage: Damage, rules: MintRules | None = None) -> set[str]:
    """Return the months in which the mints count that *damage* may have hidden.

    One that was under way then may have brought its token in the month after.
    """
    return {month_of(damage.at), month_of(damage.at + (rules or ASSUMED).lease)}


def _months(mint: Mint, rules: MintRules) -> set[str]:
    late = 0.0 if mint.state is MintState.ISSUED else rules.lease
    return {month_of(mint.at), month_of(mint.at + late)}


def _is_revoked(token: CachedToken, now: float, revoked_before: float | None) -> bool:
    # A moment still to come would make every new token a revoked one.
    return token.revoked or (revoked_before is not None and token.minted_at < revoked_before <= now)


def _is_under_way(mint: Mint, application: Application, now: float, rules: MintRules) -> bool:
    return mint.state is MintState.SENT and mint.application == application.key and abs(now - mint.at) < rules.lease


# --- what changes the ledger ------------------------------------------------------------------------------------------

ASSUMED: Final = MintRules()


def claimed(ledger: TokenLedger, mint: Mint, rules: MintRules = ASSUMED) -> TokenLedger:
    """Write *mint* down before it is sent, with a person's word if there is one; mints of long past months go.

    A crash may hide what becomes of it, so the application's bounds are drawn now.
    """
    since = month_start(month_start(mint.at) - 1)
    mint = attrs.evolve(mint, allowed=mint.allowed or mint.application in ledger.permitted)
    mints = (*(earlier for earlier in ledger.mints if earlier.at >= since), mint)
    changed = attrs.evolve(ledger, mints=mints, permitted=ledger.permitted - {mint.application})
    return _bounded(changed, mint.application, mint.at, rules)


def unsent(ledger: TokenLedger, mint: Mint, rules: MintRules = ASSUMED) -> TokenLedger:
    """Take back a mint that surely never left."""
    others = tuple(other for other in ledger.mints if other.id != mint.id)
    remaining = attrs.evolve(_permit_again(ledger, mint), mints=others)
    return _bounded(remaining, mint.application, mint.at, rules)


def issued(ledger: TokenLedger, mint: Mint, token: CachedToken, rules: MintRules = ASSUMED) -> TokenLedger:
    """Keep the token that a mint brought; whatever closed the door before is over.

    The mint counts where the issuer's clock, as its answer told, saw it.
    """
    settled = attrs.evolve(mint, state=MintState.ISSUED, at=max(mint.at, token.minted_at - 1.0))
    closures = {key: closure for key, closure in ledger.closures.items() if key not in {TENANT, mint.application}}
    tokens = {**ledger.tokens, mint.application: token}
    kept = attrs.evolve(_settled(ledger, settled), tokens=tokens, closures=closures)
    return _bounded(kept, mint.application, settled.at, rules)


def refused(ledger: TokenLedger, mint: Mint, closure: Closure, rules: MintRules = ASSUMED) -> TokenLedger:
    """Remember that the issuer said no; a lock-out holds for all applications."""
    key = TENANT if closure.cause is Cause.LOCKED_OUT else mint.application
    settled = attrs.evolve(mint, state=MintState.REFUSED, status=closure.status)
    closed = _settled(_permit_again(ledger, mint), settled)
    changed = attrs.evolve(closed, closures={**ledger.closures, key: closure})
    return _bounded(changed, mint.application, mint.at, rules)


def unanswered(ledger: TokenLedger, mint: Mint, now: float, rules: MintRules, *, status: int = 0) -> TokenLedger:
    """Count a mint of unknown result, and let nobody try again before a growing pause is over."""
    closure = again_later(ledger, mint.application, Cause.UNANSWERED, now, rules, status=status)
    lost = _settled(ledger, attrs.evolve(mint, state=MintState.UNKNOWN, status=status))
    changed = attrs.evolve(lost, closures={**ledger.closures, mint.application: closure})
    return _bounded(changed, mint.application, mint.at, rules)


def again_later(
    ledger: TokenLedger,
    application: str,
    cause: Cause,
    now: float,
    rules: MintRules,
    *,
    status: int = 0,
    code: str = "",
    named: float = 0.0,
) -> Closure:
    """Return a pause that is the later of the one that the issuer named and one that doubles each time.

    It needs no jitter: all processes of an application keep it together, and one of them asks.

    Args:
        ledger: What is known.
        application: Whose mint went wrong.
        cause: How.
        now: The issuer's clock.
        rules: The settings.
        status: The answer's HTTP status.
        code: OAuth's word.
        named: Seconds that the answer asked for.
    """
    before = ledger.closures.get(application)
    failures = 1 + (before.failures if before is not None else 0)
    base = rules.throttle_base if cause is Cause.THROTTLED else rules.pause_base
    pause = min(rules.pause_cap, base * 2.0 ** min(failures - 1, 20))
    return Closure(cause=cause, since=now, until=now + max(named, pause), status=status, code=code, failures=failures)


def locked_until(now: float, rules: MintRules) -> float:
    """Return how long a lock-out met at *now* is believed."""
    since = month_start(now)
    return since + rules.month_slack if now - since < rules.month_slack else next_month(now)


def reopened(ledger: TokenLedger) -> TokenLedger:
    """Forget every closure, and what damage made of the count: the operator takes it on, for one mint each."""
    known = {mint.application for mint in ledger.mints} | ledger.tokens.keys() | ledger.bounds.keys()
    return attrs.evolve(ledger, closures={}, bounds={}, permitted=frozenset(known), damage=None)


def revoked(ledger: TokenLedger, applications: Iterable[str]) -> TokenLedger:
    """Mark the tokens of *applications* as no longer accepted; the mint of the next one is allowed with that."""
    chosen = set(applications)
    marked = {key: attrs.evolve(ledger.tokens[key], revoked=True) for key in chosen & ledger.tokens.keys()}
    return attrs.evolve(ledger, tokens={**ledger.tokens, **marked}, permitted=ledger.permitted | marked.keys())


def _settled(ledger: TokenLedger, mint: Mint) -> TokenLedger:
    is_known = any(known.id == mint.id for known in ledger.mints)
    mints = tuple(
        attrs.evolve(mint, allowed=mint.allowed or known.allowed) if known.id == mint.id else known
        for known in ledger.mints
    )
    # After damage the claim may be missing, but it was sent.
    return attrs.evolve(ledger, mints=mints if is_known else (*mints, mint))


def _permit_again(ledger: TokenLedger, mint: Mint) -> TokenLedger:
    """Return *ledger* with the person's word for a mint that did not cost anything."""
    allowed = any(known.id == mint.id and known.allowed for known in ledger.mints)
    return attrs.evolve(ledger, permitted=ledger.permitted | {mint.application}) if allowed else ledger


# --- the bounds of one application ----------------------------------------------------------------------------------


def _bounded(ledger: TokenLedger, application: str, now: float, rules: MintRules) -> TokenLedger:
    """Draw the bounds of *application* by the mints that can have brought it a token, without a person's word."""
    at = sorted(mint.at for mint in ledger.mints if mint.application == application and _may_count(mint))
    bounds = {key: bound for key, bound in ledger.bounds.items() if key != application}
    candidates = [_too_soon(ledger.bounds.get(application), at, rules), _day(at, now, rules), _month(at, now, rules)]
    if closed := [closure for closure in candidates if closure is not None]:
        bounds[application] = max(closed, key=lambda closure: closure.until)
    return ledger if bounds == ledger.bounds else attrs.evolve(ledger, bounds=bounds)


def _may_count(mint: Mint) -> bool:
    """Return whether a mint can have brought a token, and no person allowed it.

    A 500 or 503 is the issuer's word that it did nothing; behind a 502 or 504 it may have.
    """
    lost = mint.state is MintState.UNKNOWN and mint.status in {500, 501, 503}
    return mint.state is not MintState.REFUSED and not lost and not mint.allowed


def _too_soon(before: Closure | None, at: list[float], rules: MintRules) -> Closure | None:
    """Return the pause after a mint that followed too soon on another, or on such a pause."""
    if len(at) < 2:
        return None
    earlier, last = at[-2:]
    known = before if before is not None and before.cause is Cause.SHORT_LIVED else None
    failures = known.failures if known is not None else 0
    # The same mint is looked at when it is sent and when its answer is there.
    if known is None or known.since != earlier:
        if last - earlier >= rules.minutes and (known is None or last - known.until >= rules.minutes):
            return None
        failures += 1
    pause = min(rules.pause_cap, rules.pause_base * 8.0 ** min(failures - 1, 20))
    return Closure(cause=Cause.SHORT_LIVED, since=earlier, until=last + pause, failures=failures)


def _day(at: list[float], now: float, rules: MintRules) -> Closure | None:
    recent = [time for time in at if time > now - DAY_SECONDS]
    if len(recent) < rules.a_day:
        return None
    return Closure(cause=Cause.DAY, since=recent[-1], until=recent[-rules.a_day] + DAY_SECONDS)


def _month(at: list[float], now: float, rules: MintRules) -> Closure | None:
    month = month_of(now)
    own = [time for time in at if month_of(time) == month]
    return Closure(cause=Cause.MONTH, since=own[-1], until=next_month(now)) if len(own) >= rules.line else None


# --- months ----------------------------------------------------------------------------------------------------------


def moment(at: float) -> datetime.datetime:
    """Return Unix seconds as an aware time in UTC."""
    return datetime.datetime.fromtimestamp(at, datetime.UTC)


def month_of(at: float) -> str:
    """Return the month of *at*, as in ``2026-11``."""
    # A time is rounded to microseconds, and must not be rounded into the next month.
    return f"{moment(math.floor(at)):%Y-%m}"


def month_start(at: float) -> float:
    """Return the first moment of the month of *at*, Unix seconds."""
    return moment(math.floor(at)).replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp()


def next_month(at: float) -> float:
    """Return the first moment after the month of *at*, Unix seconds."""
    return month_start(month_start(at) + 32 * 86400)
