"""One request for a machine token, and what the ledger keeps of it."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Final

from tonicdm.errors import StoreError, TransportError
from tonicdm.http.plain import Plain, PlainResponse
from tonicdm.rhythm.claims import peek_claims
from tonicdm.rhythm.tokens import minting
from tonicdm.rhythm.tokens.issuer import Grant, Issuer, IssuerClock, read_date, read_grant, read_refusal
from tonicdm.rhythm.tokens.ledger import Application, CachedToken, Cause, Closure, Mint, TokenLedger, digest
from tonicdm.rhythm.tokens.minting import MintRules
from tonicdm.rhythm.tokens.store import TokenStore
from tonicdm.types import Secret

logger: Final = logging.getLogger("tonicdm")


class NoTokenError(Exception):
    """The issuer answered without a token; why is in the ledger."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the issuer answered {status} without a token")
        self.status = status


class Minter:
    """Asks the issuer, and writes down what came of it.

    Args:
        issuer: Who is asked.
        application: Who asks.
        secret: The application's secret.
        store: Where the ledger is.
        rules: The settings.
        clock: The issuer's time.
        timeout: Seconds that the issuer may take.
    """

    def __init__(
        self,
        issuer: Issuer,
        application: Application,
        secret: Secret,
        *,
        store: TokenStore,
        rules: MintRules,
        clock: IssuerClock,
        timeout: float,
    ) -> None:
        self.key: str = digest(issuer.name)
        # A corrected secret must be tried at once, so what was refused is told apart by eight characters of a digest.
        self.credentials: str = digest(application.key, secret.reveal())[:8]
        self._issuer = issuer
        self._application = application
        self._secret = secret
        self._store = store
        self._rules = rules
        self._clock = clock
        self._timeout = timeout
        self._unsaved: list[Callable[[TokenLedger], TokenLedger]] = []

    @property
    def has_unsaved(self) -> bool:
        """Whether something could not be written down yet."""
        return bool(self._unsaved)

    async def mint(self, mint: Mint, http: Plain) -> CachedToken:
        """Send the request that *mint* stands for; once, whatever comes of it.

        Args:
            mint: What was written down of it.
            http: Sends it.

        Raises:
            NoTokenError: An answer came, and no token.
            TransportError: No answer came.
        """
        try:
            # The form has no name here: tools that track errors show the variables of the frames that an error passes.
            answer = await http.post(self._issuer.token_url, self._form(), timeout=self._timeout)
        except TransportError as error:
            if error.sent:
                # Before the next one the issuer has to be heard again, by a question that costs nothing.
                self._clock.lost()
                now = self._clock.now()
                await self._settle(lambda ledger: minting.unanswered(ledger, mint, now, self._rules))
            else:
                await self._settle(lambda ledger: minting.unsent(ledger, mint, self._rules))
            raise
        self._clock.heard(answer)
        grant = read_grant(answer.status, answer.body)
        if grant is None:
            await self._settle(self._without_token(mint, answer))
            raise NoTokenError(answer.status)
        token = self._cached(grant, answer)
        await self._settle(lambda ledger: minting.issued(ledger, mint, token, self._rules))
        return token

    def _form(self) -> dict[str, str]:
        return {
            "grant_type": "client_credentials",
            "client_id": self._application.client_id,
            "client_secret": self._secret.reveal(),
            "audience": self._application.audience,
        }

    async def save(self) -> None:
        """Write down what could not be written before; what can't be now either is kept for the next time."""
        changes = list(self._unsaved)
        if not changes:
            return

        def step(ledger: TokenLedger) -> tuple[TokenLedger, None]:
            return functools.reduce(lambda changed, change: change(changed), changes, ledger), None

        try:
            await self._store.update(self.key, step)
        except StoreError:
            logger.exception("what became of a machine token could not be written down; other processes do not see it")
        else:
            del self._unsaved[: len(changes)]

    async def _settle(self, change: Callable[[TokenLedger], TokenLedger]) -> None:
        self._unsaved.append(change)
        await self.save()

    def _cached(self, grant: Grant, answer: PlainResponse) -> CachedToken:
        """Date the token by the issuer's clock, at the latest that it can be: the next must not be minted too early."""
        date = read_date(answer.headers)
        # A Date is cut to whole seconds.
        minted_at = self._clock.now() if date is None else date + 1.0
        claims = peek_claims(grant.token)
        exp = None if claims is None else claims.expires_at
        life = grant.expires_in
        expires_at = minted_at + (self._rules.lifetime if life is None else life)
        if exp is not None:
            # The API goes by the token's own word. A Date is cut to whole seconds, and so is that.
            expires_at = max(minted_at, exp + 1.0 if life is None else min(expires_at, exp + 1.0))
        return CachedToken(
            value=grant.token, minted_at=minted_at, expires_at=expires_at, expires_in=grant.reported_expires_in, exp=exp
        )

    def _without_token(self, mint: Mint, answer: PlainResponse) -> Callable[[TokenLedger], TokenLedger]:
        now, rules = self._clock.now(), self._rules
        refusal = read_refusal(answer.status, answer.headers, answer.body, now, rules)
        if refusal.cause is Cause.UNANSWERED and (answer.status < 300 or answer.status >= 500):
            return lambda ledger: minting.unanswered(ledger, mint, now, rules, status=refusal.status)
        if refusal.cause in {Cause.UNANSWERED, Cause.THROTTLED}:

            def later(ledger: TokenLedger) -> TokenLedger:
                closure = minting.again_later(
                    ledger,
                    mint.application,
                    refusal.cause,
                    now,
                    rules,
                    status=refusal.status,
                    code=refusal.code,
                    named=refusal.pause or 0.0,
                )
                return minting.refused(ledger, mint, closure, rules)

            return later
        until = {
            # By the time of the claim: what was refused in the old month must not close the new one.
            Cause.LOCKED_OUT: minting.locked_until(mint.at, rules),
            Cause.UNSURE: now + rules.unsure_pause,
            Cause.CREDENTIALS: now + rules.refusal_pause,
        }[refusal.cause]
        closure = Closure(
            cause=refusal.cause,
            since=now,
            until=until,
            status=refusal.status,
            code=refusal.code,
            credentials="" if refusal.cause is Cause.LOCKED_OUT else self.credentials,
        )
        return lambda ledger: minting.refused(ledger, mint, closure, rules)
