"""The pure core against a server model, with invariants I1 to I6, I10 and I11 checked after every step.

The numbers are those of docs/explanation/invariants.md. I7 to I9 and
I12 to I15 concern queues and waiting: see test_shell_schedules.py and
test_metamorphic.py here, test_lanes.py and test_shell.py among the unit tests.
"""

import copy
import dataclasses
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.property.budget.servermodel import Reply, Server
from tonicdm.budget.entries import EntryState
from tonicdm.budget.headers import Report
from tonicdm.budget.ledgers.stored import Names
from tonicdm.budget.rules import BudgetRules, Granted, Instant, Reason
from tonicdm.budget.settling import settle
from tonicdm.budget.window import Window

T = TypeVar("T")
TIMEOUT = 30.0
RULES = BudgetRules(limit=60, window=600.0, reserve_tail=20.0, lease=30.0, settle_time=30.0)


@dataclasses.dataclass(eq=False)
class Call:
    """One attempt, seen from the client and from the network."""

    number: int
    cost: int
    price: int
    """What the server really charges: at most what is reserved."""
    state: str = "reserved"
    """reserved, sent, abandoned or over, as the client sees it."""
    sent_at: float = 0.0
    last_processing: float = float("inf")
    """Server time until which the server may still process it."""
    processed: bool = False
    dead: bool = False
    """The server never got it, or never will."""
    reply: Reply | None = None


class Look(NamedTuple):
    """What may not go back."""

    window: tuple[float, float | None, bool]
    """What tells windows apart: when this one began for us, the Reset of the one before, whether it is assumed."""
    used: int
    reset: float | None
    until: float | None
    end: float | None


PICK = st.integers(0, 10_000)
"""Which of the calls that a rule can be applied to."""


def some(condition: str):
    """Apply a rule only where there is such a call: a rejected example would cost more than it shows."""
    return precondition(lambda self: bool(self.those(condition)))


class WindowMachine(RuleBasedStateMachine):
    """Sole user of a token."""

    foreigners = False
    quiescence = RULES.settle_time + 40.0
    """Seconds after which no call is awaited any more, and no lease of a dead process lasts."""
    drifted = 0.0
    """Seconds by which a time may move that is kept by another clock than this machine's."""

    @initialize(
        offset=st.floats(-1e6, 1e6),
        drift=st.floats(-150e-6, 150e-6),
        spent=st.integers(0, 40),
        left=st.floats(1.0, 600.0),
    )
    def begin(self, offset: float, drift: float, spent: int, left: float) -> None:
        """Meet a server whose clock is anywhere, in the middle of a window that somebody has used."""
        self.monotonic, self.wall = 1000.0, 1_800_000_000.0
        self.drift = drift
        self.server = Server(now=self.wall + offset)
        # A cold start in a window that others have used puts the first calls at risk; so not for the sole user.
        if spent and self.foreigners:
            self.server.turn()
            self.server.used, self.server.end = spent, self.server.now + left
        self.begin_ledger()
        self.known: list[Call] = []
        self.silent_until = float("-inf")
        self.before = self.look()

    def begin_ledger(self) -> None:
        """Begin with a window that knows nothing."""
        self.window = Window(RULES)

    def do(self, step: Callable[[Window], T], number: int | None = None) -> T:
        """Make a step of the window; *number* is the reservation that it is about, if there is one."""
        return step(self.window)

    @property
    def now(self) -> Instant:
        return Instant(self.monotonic, self.wall)

    def those(self, condition: str) -> list[Call]:
        """Return the calls that are as *condition* says."""
        chosen = {
            "reserved": lambda call: call.state == "reserved",
            "sent": lambda call: call.state == "sent",
            "unsent": lambda call: call.state == "reserved" or (call.state == "sent" and not call.processed),
            "pending": self.pending,
            "answered": lambda call: call.state == "sent" and call.reply is not None,
        }[condition]
        return [call for call in getattr(self, "known", []) if chosen(call)]

    def one(self, condition: str, pick: int) -> Call:
        matching = self.those(condition)
        return matching[pick % len(matching)]

    # --- time ---------------------------------------------------------------------------------------------------

    def pass_time(self, seconds: float, *, asleep: bool = False) -> None:
        """Move all clocks in steps small enough that nothing is processed too late."""
        while seconds > 0:
            due = [call.last_processing - self.server.now for call in self.known if self.pending(call)]
            # A step ends before the first moment at which an abandoned call can't be processed any more.
            step = min([seconds, *[max(at, 0.0) for at in due]])
            seconds -= step
            self.server.now += step * (1 + self.drift)
            self.wall += step
            if not asleep:
                self.monotonic += step
            for call in self.known:
                if self.pending(call) and call.last_processing - self.server.now < 1e-3:
                    self.process(call)
            self.expire_max_wait()

    def expire_max_wait(self) -> None:
        """Close the sockets of calls that were awaited long enough."""
        for call in self.known:
            if call.state == "sent" and self.monotonic >= call.sent_at + TIMEOUT:
                self.abandon(call, tell=False)

    def pending(self, call: Call) -> bool:
        return call.state in {"sent", "abandoned"} and not call.processed and not call.dead

    @rule(seconds=st.one_of(st.floats(0.0, 3.0), st.floats(3.0, 60.0), st.floats(60.0, 900.0)))
    def wait(self, seconds: float) -> None:
        self.pass_time(seconds)

    @rule()
    def wait_for_the_reset(self) -> None:
        if self.window.reset is not None:
            end = self.window.cooldown.end(self.window.cooldown.until or self.window.reset, RULES)
            self.pass_time(min(5000.0, self.window.seconds_until(end, self.now)))

    @rule(seconds=st.floats(0.0, 45.0))
    def wait_until_shortly_before_the_reset(self, seconds: float) -> None:
        if self.window.reset is not None:
            self.pass_time(max(0.0, self.window.seconds_until(self.window.reset - seconds, self.now)))

    @rule(left=st.sampled_from([0, 0, 1, 19]), wobble=st.sampled_from([0, 1]))
    def spend_all_but(self, left: int, wobble: int) -> None:
        """Use the window up, so that a call too early or too many shows."""
        for cost in (20, 20, 20, 5, 5, 5, 1, 1, 1, 1, 1):
            if self.window.reset is not None and self.window.limit - self.window.used - self.window.held - cost < left:
                continue
            answer = self.do(lambda window, cost=cost: window.admit(cost, self.now, lane="interactive"))
            if isinstance(answer, Granted):
                call = Call(answer.entry, cost, cost)
                self.known.append(call)
                self.send(call)
                if call.state == "sent":
                    self.process(call, wobble)
                    self.settle(call)

    @rule(seconds=st.floats(1.0, 900.0))
    def suspend(self, seconds: float) -> None:
        """The machine sleeps: its monotonic clock stands still, its sockets are closed on waking."""
        for call in self.known:
            if call.state == "sent":
                self.abandon(call)
        self.pass_time(seconds, asleep=True)

    # --- what the client does -----------------------------------------------------------------------------------

    @rule(
        cost=st.sampled_from([1, 5, 20]),
        cheaper=st.booleans(),
        lane=st.sampled_from(["bulk", "interactive"]),
        go=st.booleans(),
    )
    def reserve(self, cost: int, cheaper: bool, lane: str, go: bool) -> None:
        answer = self.do(lambda window: window.admit(cost, self.now, lane=lane))
        if isinstance(answer, Granted):
            call = Call(answer.entry, cost, 1 if cheaper else cost)
            self.known.append(call)
            if go:
                self.send(call)
        elif answer.reason in {Reason.SPENT, Reason.BLOCKED, Reason.RESERVE}:
            assert answer.until is not None, "these end at a known time"

    @some("reserved")
    @rule(pick=PICK)
    def pass_gate(self, pick: int) -> None:
        self.send(self.one("reserved", pick))

    def send(self, call: Call) -> None:
        others = [e for e in self.window.holdings if e.state is EntryState.SENT and e.sent_at > self.window.rolled_at]
        passed = self.do(lambda window: window.sent(call.number, self.now, TIMEOUT), call.number)
        if not passed:
            call.state = "over"
            assert self.window.holdings.get(call.number) is None, "I3: refused at the gate, the units are back"
            return
        call.state, call.sent_at = "sent", self.monotonic
        # The machine may be drifting; the socket closes at TIMEOUT of our clock at the latest.
        call.last_processing = self.server.now + (TIMEOUT + RULES.settle_time) * (1 - 1e-3)
        assert self.server.now >= self.silent_until, "I5: nothing leaves before the reset that a 429 named"
        if self.window.reset is None:
            assert not others, "I6: one call goes first, the others wait for its headers"

    @some("unsent")
    @rule(pick=PICK)
    def refund(self, pick: int) -> None:
        """No byte was written: before the gate, or after it when no connection could be made."""
        call = self.one("unsent", pick)
        self.do(lambda window: window.refund(call.number), call.number)
        held = self.window.held
        self.do(lambda window: window.refund(call.number), call.number)
        assert self.window.held == held, "I11: a refund twice is once"
        call.state, call.dead = "over", True

    @some("sent")
    @rule(pick=PICK)
    def cancel(self, pick: int) -> None:
        self.abandon(self.one("sent", pick))

    def abandon(self, call: Call, *, tell: bool = True) -> None:
        if tell:
            self.do(lambda window: window.lose(call.number, self.now), call.number)
        call.state = "abandoned"
        call.last_processing = min(call.last_processing, self.server.now + RULES.settle_time * (1 - 1e-3))

    # --- what the network and the server do -----------------------------------------------------------------------

    def process(self, call: Call, wobble: int = 0) -> None:
        call.processed = True
        call.reply = self.server.serve(call.price, wobble=wobble)
        if not self.foreigners:
            assert call.reply.status == 200, "I1: the sole user of a token with a ledger never sees a 429"

    @some("pending")
    @rule(pick=PICK, wobble=st.sampled_from([0, 0, 1]))
    def serve(self, pick: int, wobble: int) -> None:
        self.process(self.one("pending", pick), wobble)

    @some("pending")
    @rule(pick=PICK)
    def lose_request(self, pick: int) -> None:
        self.one("pending", pick).dead = True

    @some("answered")
    @rule(pick=PICK, chance=st.floats(0, 0.99))
    def deliver(self, pick: int, chance: float) -> None:
        self.settle(self.one("answered", pick), chance)

    @some("pending")
    @rule(pick=PICK, chance=st.floats(0, 0.99), later=st.floats(0.0, 2.0))
    def serve_and_deliver(self, pick: int, chance: float, later: float) -> None:
        call = self.one("pending", pick)
        self.process(call)
        self.pass_time(later)
        if call.state == "sent":
            self.settle(call, chance)

    def settle(self, call: Call, chance: float = 0.5) -> None:
        reply = call.reply
        assert reply is not None
        call.state = "over"

        def tell(window: Window) -> None:
            settle(
                window,
                call.number,
                reply.report,
                self.now,
                status=reply.status,
                sent_at=call.sent_at,
                chance=chance,
            )

        self.do(tell, call.number)
        assert self.window.holdings.get(call.number) is None, "I3: a settled attempt holds nothing"
        if reply.status == 429:
            self.silent_until = max(self.silent_until, reply.reset)
        seen = (self.window.used, self.window.held, self.window.reset, self.window.cooldown.consecutive_429s)
        self.do(tell, call.number)
        again = (self.window.used, self.window.held, self.window.reset, self.window.cooldown.consecutive_429s)
        assert again == seen, "I11: settled twice is once"

    @some("sent")
    @rule(pick=PICK)
    def deliver_without_headers(self, pick: int) -> None:
        """A proxy stripped them, or answered by itself: the attempt's outcome stays unknown."""
        call = self.one("sent", pick)
        status = 200 if call.processed else 502
        held = self.window.held
        self.do(
            lambda window: settle(window, call.number, Report(), self.now, status=status, sent_at=call.sent_at),
            call.number,
        )
        assert self.window.held <= held
        self.abandon(call, tell=False)

    # --- crashes --------------------------------------------------------------------------------------------------

    @rule()
    def crash_and_read_the_ledger(self) -> None:
        """The process dies; the next one finds its entries in the ledger and knows nothing else (I10)."""
        entries = {entry.number: (entry.state, entry.until) for entry in self.window.holdings}
        for call in self.known:
            if call.state == "sent":
                self.abandon(call, tell=False)
            elif call.state == "reserved":
                call.state, call.dead = "over", True
        self.read_anew()
        still_held = {entry.number: (entry.state, entry.until) for entry in self.window.holdings}
        assert still_held.keys() == entries.keys(), "I10: a lost holder's units stay charged"
        for number, (state, until) in entries.items():
            self.check_kept(state, until, *still_held[number])

    def check_kept(self, state: EntryState, until: float, kept_state: EntryState, kept_until: float) -> None:
        """Check what the next process finds of a reservation against what the dead one knew of it."""
        assert kept_state is state
        assert abs(kept_until - until) <= self.drifted

    @rule()
    def reboot(self) -> None:
        """The machine restarts: all of the above, and its monotonic clock begins anew."""
        self.crash_and_read_the_ledger()
        self.restart_clock()
        # Without a Date, only the local clock can tell the reset; the property below needs it to be right.
        self.wall = self.server.now
        for call in self.known:
            call.sent_at = min(call.sent_at, self.monotonic)

    def read_anew(self) -> None:
        """Read the ledger as a process does that has just begun."""
        names = Names()
        row, _ = names.read(names.pack(self.window, 0.0, {}), None)
        self.window = names.unpack(row, copy.deepcopy(list(self.window.holdings)), RULES, 0.0)

    def restart_clock(self) -> None:
        """Let the monotonic clock begin anew."""
        self.monotonic = 5.0
        self.window.restarted(self.now)

    # --- what must hold at any time -----------------------------------------------------------------------------

    @invariant()
    def held_is_the_sum_of_its_entries(self) -> None:
        """I3."""
        holdings = self.window.holdings
        assert holdings.held == sum(entry.cost for entry in holdings)
        assert holdings.unknown == sum(entry.cost for entry in holdings if entry.state is EntryState.UNKNOWN)

    @invariant()
    def everything_the_server_counts_is_covered(self) -> None:
        """I2: used + what it may still process <= U + H + what others spent in this window."""
        window, server = self.window, self.server
        if window.reset is None or not server.is_open or abs(window.reset - server.end) > 3:
            return
        coming = sum(call.price for call in self.known if self.pending(call))
        assert server.used + coming <= window.used + window.held + server.foreign

    @invariant()
    def nothing_goes_back(self) -> None:
        """I4: inside a window U and Reset only grow, but for a Reset's wobble, and a silence does not shrink."""
        before, self.before = self.before, self.look()
        if None not in {before.reset, self.before.reset} and before.window == self.before.window:
            assert self.before.used >= before.used
            # The end of an assumed window is our own reckoning: a wall clock that was set back brings it nearer.
            assert before.window[2] or self.before.reset >= before.reset - RULES.reset_tolerance
        if None not in {before.until, self.before.until}:
            assert self.before.until >= before.until
            assert self.before.end >= before.end

    def look(self) -> Look:
        window, until = self.window, self.window.cooldown.until
        end = None if until is None else window.cooldown.end(until, RULES)
        return Look((window.rolled_at, window.previous_reset, window.assumed), window.used, window.reset, until, end)

    @precondition(lambda self: hasattr(self, "known"))
    @invariant()
    def every_unresolved_attempt_has_one_entry(self) -> None:
        """I2, second half."""
        for call in self.known:
            entry = self.window.holdings.get(call.number)
            if call.state == "reserved" and entry is not None:
                assert entry.state is EntryState.RESERVED
            if call.state == "sent":
                assert entry is not None
                assert entry.cost == call.cost

    def teardown(self) -> None:
        """I3 at quiescence: when all is answered, H is zero and U is what the server counts."""
        if not hasattr(self, "known"):
            return
        for call in self.known:
            if call.state == "reserved":
                self.do(lambda window, call=call: window.refund(call.number), call.number)
                call.state = "over"
            elif call.state == "sent":
                if not call.processed:
                    self.process(call)
                self.settle(call)
        for _ in range(200):
            self.pass_time(self.quiescence)
            answer = self.do(lambda window: window.admit(1, self.now, lane="interactive"))
            if isinstance(answer, Granted) and self.do(
                lambda window, number=answer.entry: window.sent(number, self.now, TIMEOUT), answer.entry
            ):
                call = Call(answer.entry, 1, 1, state="sent", sent_at=self.monotonic)
                self.known.append(call)
                self.process(call)
                self.settle(call)
                if call.reply.status == 200:
                    break
        else:
            raise AssertionError(f"the budget is locked out: {answer}")
        assert self.window.held == 0, "I3"
        assert self.window.used == self.server.used, "I3"


class SharedTokenMachine(WindowMachine):
    """Others use the token too: 429s happen, and silence, coverage and recovery must hold all the same."""

    foreigners = True

    @rule(cost=st.sampled_from([1, 5, 20, 60]))
    def others_spend(self, cost: int) -> None:
        self.server.serve(cost, ours=False)

    @rule()
    def others_exceed(self) -> None:
        """Somebody's call is refused, and a further one moves the reset away."""
        self.server.turn()
        self.server.used, self.server.exceeded = self.server.limit, True
        self.server.foreign = self.server.limit
        self.server.serve(1, ours=False)


TestSoleUser = WindowMachine.TestCase
TestSharedToken = SharedTokenMachine.TestCase
