"""The rules of minting against an issuer that counts, with crashes, lost answers, damage and operators.

Checked after every step: the ledger never counts less than the issuer has issued; the stop is never passed; an
application has one mint under way; nothing is sent while the door is closed; without crashes, losses and revocations
two mints of an application are a whole life apart, so that a month has at most 31.
"""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import math
from collections import Counter
from typing import NamedTuple

import attrs
import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tonicdm.rhythm.tokens import minting
from tonicdm.rhythm.tokens.ledger import TENANT, Application, CachedToken, Cause, Closure, Damage, Mint, TokenLedger
from tonicdm.rhythm.tokens.minting import MintNow, MintRules, Refuse, Use, Wait, decide, month_of, next_month
from tonicdm.types import Secret

APPS = [Application(issuer="i", client_id=name) for name in ("a", "b", "c")]
DAY = 86400.0
RULES = MintRules(stop=8, allowance=60, line=5)
LAST_OF_JANUARY = datetime.datetime(2027, 1, 30, tzinfo=datetime.UTC).timestamp()
WORST_LAG = 20.0
"""Seconds that a process's lower bound may lie behind the issuer's clock while it only uses a token."""


class Issued(NamedTuple):
    """A token that the issuer has given."""

    app: Application
    at: float


@dataclasses.dataclass
class Request:
    """A mint that some process has sent, or is about to."""

    mint: Mint
    app: Application
    processed: float | None = None
    """When the issuer issued for it."""
    left: bool = False


class MintingMachine(RuleBasedStateMachine):
    """Processes share a ledger; each has its own idea of the time, never ahead of the issuer's."""

    @initialize(into_month=st.floats(0, 2 * DAY))
    def begin(self, into_month: float) -> None:
        self.time = LAST_OF_JANUARY + into_month
        self.ledger, self.before = TokenLedger(), TokenLedger()
        self.issued: list[Issued] = []
        self.requests: list[Request] = []
        self.trouble: set[str] = set()
        """Applications for which something went wrong that may rightly cost a further mint."""
        self.forgiven = False
        self.damaged = False
        self.words: Counter[str] = Counter()
        """How often a person has allowed an application one mint more."""

    def write(self, ledger: TokenLedger) -> None:
        """Keep the ledger as a file would: through JSON."""
        if ledger is not self.ledger:
            self.before, self.ledger = self.ledger, TokenLedger.from_json(ledger.to_json())

    # --- time ---------------------------------------------------------------------------------------------------

    @rule(seconds=st.one_of(st.floats(0, 120), st.floats(0, 2 * 3600), st.floats(0, 3 * DAY)))
    def wait(self, seconds: float) -> None:
        self.time += seconds
        self.lapse()

    @rule(pick=st.integers(0, 2), short=st.floats(-70, 5))
    def wait_for_the_end_of_a_life(self, pick: int, short: float) -> None:
        token = self.ledger.tokens.get(APPS[pick].key)
        if token is not None:
            self.time = max(self.time, token.expires_at + short)
            self.lapse()

    @rule(short=st.floats(-60, 5))
    def wait_for_the_end_of_the_month(self, short: float) -> None:
        self.time = max(self.time, next_month(self.time) + short)
        self.lapse()

    @rule(pick=st.integers(0, 2), short=st.floats(-3, 3), lag=st.floats(0, 2))
    def ask_at_the_end_of_a_life(self, pick: int, short: float, lag: float) -> None:
        """What goes on day by day: the end comes, somebody asks, a token comes at once."""
        self.wait_for_the_end_of_a_life(pick, short)
        self.mint(pick, lag)

    @rule(pick=st.integers(0, 2), lag=st.floats(0, 2))
    def mint(self, pick: int, lag: float) -> None:
        before = len(self.requests)
        self.claim(pick, lag)
        if len(self.requests) > before:
            self.issue(before, 0.0)
            self.answer(sum(one.processed is not None for one in self.requests) - 1)

    def lapse(self) -> None:
        """Nobody waits longer for the issuer than the token endpoint's timeout, which is within the lease."""
        for request in [one for one in self.requests if self.time >= one.mint.at + RULES.lease - 5]:
            self.lose(request)

    # --- processes ----------------------------------------------------------------------------------------------

    @rule(pick=st.integers(0, 2), lag=st.floats(0, WORST_LAG))
    def call(self, pick: int, lag: float) -> None:
        """Use a token: it must be good at the issuer's true time."""
        found = decide(self.ledger, APPS[pick], self.time - lag, RULES)
        if isinstance(found, Use):
            assert self.time < found.token.expires_at - 1, "a token was used past its life"

    @rule(pick=st.integers(0, 2), lag=st.floats(0, 2))
    def claim(self, pick: int, lag: float) -> None:
        """Decide with a fresh reading of the clock, as before every mint; write the mint down, and send it."""
        app, now = APPS[pick], self.time - lag
        found = decide(self.ledger, app, now, RULES)
        if isinstance(found, Wait):
            assert found.until > now
        if isinstance(found, Refuse):
            assert found.until > now
        if not isinstance(found, MintNow):
            return
        for key in (TENANT, app.key):
            closure = self.ledger.closures.get(key)
            assert closure is None or now >= closure.until, "sent while the door was closed"
        mint = Mint(id=str(len(self.issued) * 1000 + len(self.requests)) + str(now), application=app.key,
                    client_id=app.client_id, at=now, who="p")  # fmt: skip
        self.write(minting.claimed(self.ledger, mint))
        self.requests.append(Request(mint, app))

    @precondition(lambda self: bool(self.requests))
    @rule(pick=st.integers(0, 100), after=st.floats(0, 10))
    def issue(self, pick: int, after: float) -> None:
        """The issuer gives a token; its answer arrives, or not, in another step."""
        request = self.requests[pick % len(self.requests)]
        if request.processed is None:
            self.time += after
            if request not in self.requests:
                return
            request.processed = self.time
            self.issued.append(Issued(request.app, self.time))

    @precondition(lambda self: any(one.processed is not None for one in self.requests))
    @rule(pick=st.integers(0, 100))
    def answer(self, pick: int) -> None:
        processed = [one for one in self.requests if one.processed is not None]
        request = processed[pick % len(processed)]
        assert request.processed is not None
        self.requests.remove(request)
        minted_at = math.floor(request.processed) + 1.0
        token = CachedToken(value=Secret("t"), minted_at=minted_at, expires_at=minted_at + DAY)
        self.write(minting.issued(self.ledger, request.mint, token))

    @precondition(lambda self: any(one.processed is None for one in self.requests))
    @rule(pick=st.integers(0, 100), cause=st.sampled_from([Cause.LOCKED_OUT, Cause.THROTTLED, Cause.CREDENTIALS]))
    def refuse(self, pick: int, cause: Cause) -> None:
        waiting = [one for one in self.requests if one.processed is None]
        request = waiting[pick % len(waiting)]
        self.requests.remove(request)
        until = minting.locked_until(request.mint.at, RULES) if cause is Cause.LOCKED_OUT else self.time + 600
        closure = Closure(cause=cause, since=self.time, until=until)
        self.write(minting.refused(self.ledger, request.mint, closure))

    # --- trouble ------------------------------------------------------------------------------------------------

    @precondition(lambda self: bool(self.requests))
    @rule(pick=st.integers(0, 100))
    def lose_an_answer(self, pick: int) -> None:
        self.lose(self.requests[pick % len(self.requests)])

    def lose(self, request: Request) -> None:
        """The process gives up; whether the issuer did is not for it to know."""
        self.requests.remove(request)
        self.trouble.add(request.app.key)
        self.write(minting.unanswered(self.ledger, request.mint, self.time, RULES))

    @precondition(lambda self: bool(self.requests))
    @rule(pick=st.integers(0, 100))
    def crash(self, pick: int) -> None:
        """The process dies; the ledger keeps its claim."""
        request = self.requests.pop(pick % len(self.requests))
        self.trouble.add(request.app.key)

    @precondition(lambda self: any(one.processed is None for one in self.requests))
    @rule(pick=st.integers(0, 100))
    def fail_to_connect(self, pick: int) -> None:
        waiting = [one for one in self.requests if one.processed is None]
        request = waiting[pick % len(waiting)]
        self.requests.remove(request)
        self.write(minting.unsent(self.ledger, request.mint))

    @rule(pick=st.integers(0, 2))
    def revoke(self, pick: int) -> None:
        self.trouble.add(APPS[pick].key)
        self.words[APPS[pick].key] += 1
        self.write(minting.revoked(self.ledger, [APPS[pick].key]))

    @rule()
    def damage(self) -> None:
        """The file is unreadable: the ledger before the last change goes on, with a word on what may be missing."""
        self.damaged = True
        self.trouble |= {app.key for app in APPS}
        earlier = self.before.damage
        same = earlier is not None and month_of(self.time) in minting.damage_months(earlier, RULES)
        lost = 1 + ((earlier.missing or 0) if earlier is not None and same else 0)
        self.ledger = attrs.evolve(self.before, damage=Damage(at=self.time, missing=lost))
        self.before = self.ledger

    @precondition(lambda self: bool(self.ledger.closures))
    @rule()
    def reopen(self) -> None:
        """The operator says that minting may go on; what damage has hidden from the count is on the operator."""
        self.forgiven |= self.ledger.damage is not None
        self.words.update(app.key for app in APPS)
        self.write(minting.reopened(self.ledger))

    # --- what must hold -----------------------------------------------------------------------------------------

    def in_month(self) -> list[Issued]:
        return [one for one in getattr(self, "issued", []) if month_of(one.at) == month_of(self.time)]

    @invariant()
    def the_ledger_never_counts_less_than_was_issued(self) -> None:
        if self.in_month() and not self.forgiven:
            assert minting.counted(self.ledger, self.time, RULES) >= len(self.in_month())

    @invariant()
    def the_stop_is_never_passed(self) -> None:
        if not getattr(self, "forgiven", True):
            assert len(self.in_month()) <= RULES.stop

    @invariant()
    def an_application_has_one_mint_under_way(self) -> None:
        for app in APPS:
            if app.key not in getattr(self, "trouble", set()):
                assert sum(one.app == app for one in getattr(self, "requests", [])) <= 1

    @invariant()
    def no_more_mints_a_day_and_month_than_need_nobodys_word(self) -> None:
        """Whatever crashes and is lost; only damage hides some. Claims and issues lie up to a lease apart."""
        for app in APPS if not getattr(self, "damaged", True) else ():
            at = [one.at for one in self.issued if one.app == app]
            recent = [one for one in at if one > self.time - DAY + 2 * RULES.lease]
            assert len(recent) <= RULES.a_day + self.words[app.key]
            month = [one for one in at if month_of(one - RULES.lease) == month_of(self.time)]
            assert len(month) <= RULES.line + self.words[app.key]

    @invariant()
    def without_trouble_mints_are_a_whole_life_apart(self) -> None:
        for app in APPS:
            if app.key not in getattr(self, "trouble", set()):
                at = [one.at for one in getattr(self, "issued", []) if one.app == app]
                assert all(later - earlier >= DAY for earlier, later in itertools.pairwise(at))


TestMinting = MintingMachine.TestCase
