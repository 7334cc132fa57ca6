"""The broker of machine tokens: one token a day for an application, whoever asks in whichever process."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
import os
import secrets
import socket
import weakref
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final

import attrs

from tonicdm.clock import Clock, SystemClock
from tonicdm.closing import AsyncClosing
from tonicdm.errors import ClientClosedError, ConfigError, TransportError
from tonicdm.http.messages import Response
from tonicdm.http.plain import Plain
from tonicdm.rhythm.claims import AUDIENCE, Claims, check_audience, check_tenant, peek_claims
from tonicdm.rhythm.errors import (
    MintRefusedError,
    ShortLivedTokenError,
    TokenLimitError,
    TokenPauseError,
    TokenRefusedError,
    WrongAudienceError,
)
from tonicdm.rhythm.scope import refuse_for_users
from tonicdm.rhythm.tokens import minting
from tonicdm.rhythm.tokens.issuer import Issuer, IssuerClock
from tonicdm.rhythm.tokens.ledger import Application, CachedToken, Cause, Closure, Mint, TokenLedger
from tonicdm.rhythm.tokens.minter import Minter, NoTokenError
from tonicdm.rhythm.tokens.minting import MintNow, MintRules, Refuse, Use, Wait, decide, moment
from tonicdm.rhythm.tokens.opening import token_store
from tonicdm.rhythm.tokens.postgresql import PostgresqlTokenStore
from tonicdm.rhythm.tokens.store import TokenStore
from tonicdm.singleflight import SingleFlight
from tonicdm.types import Secret

logger: Final = logging.getLogger("tonicdm")

_LEASE_SLACK_SECONDS: Final = 2.0
"""Seconds of a lease beyond the timeout: processes know the issuer's clock to a second, and writing takes time."""
_CLOSED: Final = "this broker is closed; make a new one, or keep it open with async with"
_POLL_SECONDS: Final = 0.5
"""Seconds after which to look again whether another process's mint is done."""
_MIN_PAUSE_SECONDS: Final = 0.05
"""Seconds; what is known of the issuer's clock is no finer."""


@attrs.frozen(kw_only=True)
class MintEvent:
    """A machine token is about to be asked for."""

    client_id: str
    number: int
    """Which mint of the month it is for this application."""
    tenant_number: int
    """Which mint of the month it is for all applications that share the cache."""
    left: int
    """Mints left before the stop, after this one."""
    above_line: bool
    """Whether the application has more than the documents expect in a whole month."""


class TokenBroker(AsyncClosing):
    """Gives out the application's machine token: the cached one while it lives, else a new one.

    All brokers on one store act as one: one of them mints, the others wait for its token. A mint is written down
    before it is sent, so a crash can't hide it. It is the `Bearer` of a transport. Several event loops may share
    one, and so may a forked child and its parent.

    Args:
        auth_domain: The tenant's Auth0 domain, or the URL of a sandbox's.
        client_id: The application.
        client_secret: Its secret; sent to the issuer only, and never stored.
        audience: The API; another than Rhythm's is refused unless `allow_audience` says otherwise.
        allow_audience: Whether another audience is meant.
        tenant_id: Checked against the token's claim where both are there.
        store: Where tokens and mints are kept: a store, a folder, or ``postgresql://…`` for several hosts; by default
            what RHYTHM_TOKENS names, else files that all processes of this user share.
        rules: The settings.
        revoked_before: Tokens minted before this moment are no longer accepted. It may stay in the program: every
            token minted later is kept.
        on_mint: Told before each mint.
        clock: Time.
        http: Sends the requests; unless given, connections of its own for each mint.
        timeout: Seconds that the issuer may take.
        who: What to write beside a mint; by default the host and the process.

    Raises:
        ConfigError: A setting is missing, contradictory or out of range.
    """

    def __init__(
        self,
        auth_domain: str,
        client_id: str,
        client_secret: str | Secret,
        *,
        audience: str = AUDIENCE,
        allow_audience: bool = False,
        tenant_id: str | None = None,
        store: TokenStore | str | os.PathLike[str] | None = None,
        rules: MintRules | None = None,
        revoked_before: datetime.datetime | None = None,
        on_mint: Callable[[MintEvent], Any] | None = None,
        clock: Clock | None = None,
        http: Plain | None = None,
        timeout: float = 30.0,
        who: str | None = None,
    ) -> None:
        if audience != AUDIENCE and not allow_audience:
            raise WrongAudienceError(
                f"the audience {audience!r} is not {AUDIENCE}, the only one that Rhythm accepts: a token for it would "
                "be answered with 401 and still count for the month. Nothing was sent and no token was spent.",
                expected=AUDIENCE,
                actual=[audience],
            )
        secret = _credential(client_secret)
        if not client_id:
            raise ConfigError("no client_id: give client_id= or set RHYTHM_CLIENT_ID")
        self.issuer: Issuer = Issuer.parse(auth_domain)
        self.application: Application = Application(issuer=self.issuer.name, client_id=client_id, audience=audience)
        self.rules: MintRules = rules or MintRules()
        max_timeout = self.rules.lease - _LEASE_SLACK_SECONDS
        if not 0 < timeout <= max_timeout:
            raise ConfigError(
                f"timeout must lie between 0 and {max_timeout:g} s, not at {timeout:g} s: a mint that is still awaited "
                f"must not be taken for dead after the lease of {self.rules.lease:g} s"
            )
        self._tenant_id = tenant_id
        self._clock = clock or SystemClock()
        self._http = http
        if store is None or isinstance(store, (str, os.PathLike)):
            store = token_store(store, clock=self._clock)
        self.store: TokenStore = store
        # Until the issuer was heard, all hosts of a database go by its clock.
        shared = store.clock if isinstance(store, PostgresqlTokenStore) else self._clock
        self._issuer_clock = IssuerClock(self.issuer, shared)
        self._minter = Minter(
            self.issuer,
            self.application,
            secret,
            store=self.store,
            rules=self.rules,
            clock=self._issuer_clock,
            timeout=timeout,
        )
        self._revoked_before = None if revoked_before is None else _aware(revoked_before)
        self._on_mint = on_mint
        self._timeout = timeout
        self._who = who
        self._held: CachedToken | None = None
        self._obtaining: SingleFlight[str, CachedToken] = SingleFlight(name="tonicdm-rhythm-token")
        self._minting: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        self._closed = False

    def __repr__(self) -> str:
        return f"<TokenBroker {self.application.client_id} at {self.issuer.name}, {self.store.where}>"

    # --- the transport's side ---------------------------------------------------------------------------------

    async def token(self) -> Secret:
        """Return the token to send; in the last minute of a token's life, after its end.

        Raises:
            TokenLimitError: The month's tokens are used up; nothing was sent.
            TokenPauseError: The issuer did not answer, or asked for a pause; nothing was sent.
            TokenRefusedError: The issuer refused the credentials, now or before.
            WrongAudienceError: The token is for another API.
            WrongTenantError: The token is for another tenant.
            UserScopeError: The code acts for a user.
            StoreError: The cache can't be read or written; nothing was sent.
            TransportError: The issuer can't be reached.
        """
        refuse_for_users()
        if self._closed:
            raise ClientClosedError(_CLOSED)
        held = self._usable()
        if held is None or self._minter.has_unsaved:
            held = await self._shared()
        return held.value

    async def refresh(self, refused: Secret, _answer: Response, /) -> bool:
        """Say whether there is another token than the *refused* one; mint one only if that has expired or was revoked.

        A 401 also means a wrong audience or a user without a contact (reference: Unauthorized): a new token would be
        refused like the old one, and be gone from the month's. The answer's Date is the API's and ends no token: the
        issuer is asked for its own.
        """
        self._held = None
        if self._issuer_clock.may_be_wrong:
            async with self._connected() as http:
                # Whoever does not answer now is asked again before a mint.
                with contextlib.suppress(TransportError):
                    await self._issuer_clock.ask(http, self._timeout)
        decision = self._decide(await self.store.read(self._minter.key))
        if isinstance(decision, Use):
            return decision.token.value.reveal() != refused.reveal()
        renewed = await self.token()
        return renewed.reveal() != refused.reveal()

    # --- the operator's side -----------------------------------------------------------------------------------

    async def claims(self) -> Claims | None:
        """Return the claims of the cached token; None where there is none that can be read. Mints nothing."""
        token = (await self.store.read(self._minter.key)).tokens.get(self.application.key)
        return None if token is None else peek_claims(token.value)

    async def revoked(self) -> None:
        """Take the operator's word that the cached token is no longer accepted; the next call mints one."""
        await self.store.update(
            self._minter.key, lambda ledger: (minting.revoked(ledger, [self.application.key]), None)
        )
        self._held = None

    async def reopen(self) -> None:
        """Take the operator's word that minting may go on after a lock-out, a refusal or damage to the cache."""
        await self.store.update(self._minter.key, lambda ledger: (minting.reopened(ledger), None))

    async def close(self) -> None:
        """Let a mint of this event loop that is under way bring its token; twice is once."""
        self._closed = True
        task = self._obtaining.task(self.application.key)
        if task is not None:
            if task not in self._minting:
                task.cancel()
            await asyncio.wait([task])

    # --- getting a token ----------------------------------------------------------------------------------------

    async def _shared(self) -> CachedToken:
        try:
            return await self._obtaining.run(self.application.key, self._obtain)
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if self._closed and caller is not None and not caller.cancelling():
                raise ClientClosedError(_CLOSED) from None
            raise

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncGenerator[Plain]:
        """Lend what sends requests: connections are bound to an event loop, and needed once a day."""
        http = self._http or Plain(clock=self._clock)
        try:
            yield http
        finally:
            if self._http is None:
                await http.close()

    async def _obtain(self) -> CachedToken:
        await self._minter.save()
        if self._minter.has_unsaved and (held := self._usable()) is not None:
            return held  # the ledger does not know it yet
        async with self._connected() as http:
            while True:
                decision = self._decide(await self.store.read(self._minter.key))
                if isinstance(decision, Use):
                    return self._hold(decision.token)
                if not self._issuer_clock.is_fresh:
                    # By the local clock alone a token could seem to have expired, or not to have.
                    await self._issuer_clock.ask(http, self._timeout)
                elif isinstance(decision, Wait):
                    await self._wait(decision)
                elif isinstance(decision, Refuse):
                    raise explain(decision, self.issuer.name, self.rules)
                elif (token := await self._mint(http)) is not None and self._lives(token):
                    return self._hold(token)

    def _decide(self, ledger: TokenLedger) -> minting.Decision:
        return decide(
            ledger,
            self.application,
            self._issuer_clock.now(),
            self.rules,
            credentials=self._minter.credentials,
            revoked_before=self._revoked_before,
        )

    def _usable(self) -> CachedToken | None:
        return self._held if self._held is not None and self._lives(self._held) else None

    def _lives(self, token: CachedToken) -> bool:
        return self._issuer_clock.now() < minting.usable_until(token, self.rules)

    def _hold(self, token: CachedToken) -> CachedToken:
        claims = peek_claims(token.value)
        if claims is not None:
            check_audience(claims, self.application.audience)
            if self._tenant_id is not None:
                check_tenant(claims, self._tenant_id)
        self._held = token
        return token

    async def _without_token(self, status: int) -> MintRefusedError | TokenRefusedError:
        decision = self._decide(await self.store.read(self._minter.key))
        if isinstance(decision, Refuse):
            return explain(decision, self.issuer.name, self.rules, answered=True)
        now = moment(self._issuer_clock.now())
        return TokenPauseError(f"{self.issuer.name} answered {status} without a token. Ask again.", opens_at=now)

    async def _wait(self, wait: Wait) -> None:
        left = max(0.0, wait.until - self._issuer_clock.now())
        pause = max(_MIN_PAUSE_SECONDS, min(left, _POLL_SECONDS) if wait.for_mint else left)
        await self._clock.sleep_until(self._clock.monotonic() + pause)

    async def _claim(self) -> tuple[Mint, MintNow] | None:
        """Write a mint down if the ledger, as it is under the lock, still allows it."""

        def step(ledger: TokenLedger) -> tuple[TokenLedger, tuple[Mint, MintNow] | None]:
            decision = self._decide(ledger)
            if not isinstance(decision, MintNow):
                return ledger, None
            mint = Mint(
                id=secrets.token_hex(8),
                application=self.application.key,
                client_id=self.application.client_id,
                at=self._issuer_clock.now(),
                who=self._who or f"{socket.gethostname()} {os.getpid()}",
            )
            named = attrs.evolve(ledger, issuer=self.issuer.name)
            return minting.claimed(named, mint, self.rules), (mint, decision)

        return await self.store.update(self._minter.key, step)

    def _announce(self, decision: MintNow) -> None:
        event = MintEvent(
            client_id=self.application.client_id,
            number=decision.number,
            tenant_number=decision.tenant_number,
            left=max(0, self.rules.stop - decision.tenant_number),
            above_line=decision.number > self.rules.line,
        )
        level = logging.WARNING if event.above_line else logging.INFO
        logger.log(
            level,
            "machine token %d of this month for %s, %d for all applications here, %d left before the stop%s",
            event.number,
            event.client_id,
            event.tenant_number,
            event.left,
            f"; more than {self.rules.line} a month means that something asks too often" if event.above_line else "",
        )
        if self._on_mint is not None:
            try:
                self._on_mint(event)
            except Exception:
                # What was written down as a mint must be sent, whatever a listener does.
                logger.exception("a hook failed")

    # --- one mint -----------------------------------------------------------------------------------------------

    async def _mint(self, http: Plain) -> CachedToken | None:
        """Mint; None where another process came first."""
        task = asyncio.current_task()
        assert task is not None
        self._minting.add(task)
        try:
            claim = await self._claim()
            if claim is None:
                return None
            self._announce(claim[1])
            return await self._minter.mint(claim[0], http)
        except NoTokenError as error:
            raise await self._without_token(error.status) from None
        finally:
            self._minting.discard(task)


def _credential(value: str | Secret) -> Secret:
    text = value.reveal() if isinstance(value, Secret) else value
    if not text or not text.isprintable() or text != text.strip():
        raise ConfigError("no client_secret that can be used: give client_secret= or set RHYTHM_CLIENT_SECRET")
    return value if isinstance(value, Secret) else Secret(value)


def _aware(value: datetime.datetime) -> float:
    if value.utcoffset() is None:
        raise ConfigError("revoked_before must have a time zone, such as datetime.UTC")
    return value.timestamp()


# --- refusals --------------------------------------------------------------------------------------------------------


RETRY_HINT: Final = "To go on at once: tonicdm rhythm tokens --retry"
_USED_UP: Final = frozenset({Cause.MONTH, Cause.LOCKED_OUT, Cause.UNSURE})
PERMIT_HINT: Final = "To allow one more: tonicdm rhythm tokens --retry"


def explain(
    refuse: Refuse, issuer: str, rules: MintRules, *, answered: bool = False
) -> MintRefusedError | TokenRefusedError:
    """Return the error for *refuse*.

    Args:
        refuse: The decision.
        issuer: The issuer's name.
        rules: The settings.
        answered: Whether the refusal has just come from the issuer; else nothing was sent.
    """
    closure, cost = refuse.closure, "" if answered else " Nothing was sent."
    if closure is None or closure.cause in _USED_UP:
        return _used_up(refuse, issuer, rules, cost)
    if closure.cause in {Cause.DAY, Cause.SHORT_LIVED}:
        return _too_many(refuse, closure, issuer, rules, cost)
    opens_at, when = moment(refuse.until), _when(refuse.until)
    if closure.cause is Cause.CREDENTIALS:
        return TokenRefusedError(
            status=closure.status,
            path=f"{issuer}/oauth/token",
            code=closure.code,
            note=f"{TokenRefusedError.advice} These are not tried again before {when}, corrected ones at once.{cost} "
            f"{RETRY_HINT}",
            opens_at=opens_at,
        )
    if closure.cause is Cause.THROTTLED:
        why = "asked for a pause"
    else:
        why = "gave no usable answer to the last request" + (f" ({closure.status})" if closure.status else "")
        why += ": a redirect, or a proxy's or firewall's page" if 300 <= closure.status < 500 else ""
    return TokenPauseError(
        f"{issuer} {why}: no process asks for a machine token before {when}.{cost} {RETRY_HINT}", opens_at=opens_at
    )


def _used_up(refuse: Refuse, issuer: str, rules: MintRules, cost: str) -> TokenLimitError:
    closure, when, limit = refuse.closure, _when(refuse.until), refuse.limit
    if closure is None:
        message = (
            f"{refuse.minted} machine tokens were minted this month, the stop is at {limit}: none is asked for before "
            f"{when}.{cost} See who minted them with: tonicdm rhythm tokens"
        )
    elif closure.cause is Cause.MONTH:
        limit = rules.line
        message = (
            f"{refuse.minted} machine tokens were minted for this application this month, and more than {limit} need a "
            f"person's word (MintRules.line): none is asked for before {when}.{cost} {PERMIT_HINT}"
        )
    else:
        answer = f"its answer of {_when(closure.since)} ({closure.status} {closure.code}".rstrip() + ")"
        message = (
            f"{issuer} issues no more machine tokens: {answer} looks like the month's limit of {rules.allowance:,}. No "
            f"process asks for one before {when}.{cost} {RETRY_HINT}"
            if closure.cause is Cause.LOCKED_OUT
            else f"{issuer} refused a machine token: {answer} may be the month's limit, or something else, such as a "
            f"proxy in front of it or a rate. Only this application waits, and asks once a day: not before {when}."
            f"{cost} {RETRY_HINT}"
        )
    return TokenLimitError(message, opens_at=moment(refuse.until), minted=refuse.minted, limit=limit)


def _too_many(refuse: Refuse, closure: Closure, issuer: str, rules: MintRules, cost: str) -> ShortLivedTokenError:
    token = refuse.token
    exp, expires_in = (None, None) if token is None else (token.exp, token.expires_in)
    named = f"exp={'none' if exp is None else f'{moment(exp):%Y-%m-%d %H:%M:%S} UTC'}, "
    named += f"expires_in={'none' if expires_in is None else f'{expires_in:g}'}"
    many = (
        f"{rules.a_day} machine tokens were asked for within a day, and more need a person's word (MintRules.a_day)"
        if closure.cause is Cause.DAY
        else "machine tokens end within minutes after they were issued"
    )
    return ShortLivedTokenError(
        f"{many}: {issuer} gave the last one {named}. None is asked for before "
        f"{moment(refuse.until):%Y-%m-%d %H:%M:%S} UTC.{cost} Look at the token's lifetime in the console, and at the "
        f"issuer's clock. {PERMIT_HINT}",
        opens_at=moment(refuse.until),
        exp=exp,
        expires_in=expires_in,
    )


def _when(at: float) -> str:
    return f"{moment(at):%Y-%m-%d %H:%M} UTC"
