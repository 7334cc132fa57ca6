"""The pure core against a server that lies, clocks that jump, and processes that die.

Beside I1 to I15 (test_window_machine.py): after a 429 no call passes before the cooldown has ended, and that has a
lower and an upper bound of its own; then one call goes at a time; and as soon as the server is consistent again,
whatever the length of its windows, nobody stalls.
"""

import dataclasses
import math
from email.utils import formatdate

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tonicdm.budget.entries import EntryState
from tonicdm.budget.headers import MAX_LIMIT, Report, read
from tonicdm.budget.ledgers.stored import ENTRY, Names, entry_from, entry_values, fill
from tonicdm.budget.rules import BudgetRules, Granted, Instant
from tonicdm.budget.settling import settle
from tonicdm.budget.window import Window

TIMEOUT = 30.0
RULES = BudgetRules(limit=60, window=600.0, reserve_tail=20.0)
START = 1_800_000_000.0

OFFSETS = st.sampled_from([-6 * 86400, -3600, -45, -1, 0, 1, 30, 300, 601, 3600, 80_000, 90_000, 6 * 86400])
RESETS = st.tuples(OFFSETS, st.sampled_from(["seconds", "seconds", "ms", "span", "date", "twice", "junk", "none"]))
DATES = st.sampled_from([0, 0, 0, 0, -45, 45, -3600, 3600, -6 * 86400, 6 * 86400, "zoneless", "junk", None])
LIMITS = st.sampled_from(["60", "60", "60", "60", "30", "1", "120", "1000000000", "9" * 400, "0", "-1", "junk", None])
REMAININGS = st.sampled_from(["0", "0", "1", "20", "59", "-1", "1000", "999999999", "junk", None])
DELAYS = st.sampled_from([None, None, None, "0", "5", "40", "99999", "-1", "9" * 400, "junk"])
STATUS = st.sampled_from([200, 200, 200, 429, 429, 502])


@dataclasses.dataclass(eq=False)
class Call:
    number: int
    sent_at: float
    alone: bool
    """Whether it left after a 429 that no served call has followed."""


def reset_text(form: str, offset: float, server: float) -> str | None:
    at = math.floor(server + offset)
    return {
        "seconds": str(at),
        "ms": str(at * 1000),
        "span": str(offset),
        "date": formatdate(at, usegmt=True),
        "twice": f"{at}, {at}",
        "junk": "soon",
        "none": None,
    }[form]


class HostileMachine(RuleBasedStateMachine):
    """Any answers to any calls."""

    @initialize(counts=st.booleans(), offset=st.sampled_from([0.0, -40.0, 7200.0]))
    def begin(self, counts: bool, offset: float) -> None:
        self.monotonic, self.wall, self.server = 1000.0, START, START + offset
        self.counts, self.window = counts, Window(RULES)
        self.calls: list[Call] = []
        self.not_before = -math.inf
        """Monotonic time before which the 429s that came forbid every call."""
        self.refused_at: float | None = None
        """When the last 429 came, until a call that left after its cooldown was served."""
        self.steps: list[float] = []
        self.names = Names()

    @property
    def now(self) -> Instant:
        return Instant(self.monotonic, self.wall, self.counts)

    @property
    def under_way(self) -> list[Call]:
        entries = [(call, self.window.holdings.get(call.number)) for call in self.calls]
        return [call for call, entry in entries if entry is not None and entry.state is EntryState.SENT]

    # --- time ---------------------------------------------------------------------------------------------------

    @rule(seconds=st.one_of(st.floats(0, 3), st.floats(0, 700), st.sampled_from([3600.0, 86_400.0])))
    def wait(self, seconds: float) -> None:
        self.monotonic += seconds
        self.wall += seconds
        self.server += seconds

    @precondition(lambda self: self.window.cooldown.until is not None)
    @rule(late=st.sampled_from([-0.01, 0.01]))
    def wait_for_the_cooldown(self, late: float) -> None:
        self.window.advance(self.now)
        if self.window.cooldown.ends_at is not None:
            self.wait(max(0.0, self.window.cooldown.ends_at - self.monotonic + late))

    @rule(seconds=st.sampled_from([100.0, 3600.0, 8 * 3600.0]))
    def suspend(self, seconds: float) -> None:
        self.wall += seconds
        self.server += seconds
        if self.counts:
            self.monotonic += seconds

    @rule(seconds=st.sampled_from([-6 * 86400.0, -3600.0, 3600.0, 6 * 86400.0]))
    def set_the_wall_clock(self, seconds: float) -> None:
        self.wall += seconds

    @rule(seconds=st.sampled_from([-3600.0, -30.0, 30.0, 3600.0]))
    def set_the_servers_clock(self, seconds: float) -> None:
        self.server += seconds

    # --- calls --------------------------------------------------------------------------------------------------

    @rule(cost=st.sampled_from([1, 5, 20]), lane=st.sampled_from(["interactive", "bulk"]))
    def send(self, cost: int, lane: str) -> None:
        answer = self.window.admit(cost, self.now, lane=lane)
        if not isinstance(answer, Granted):
            return
        held, others = self.window.held, self.under_way
        if not self.window.sent(answer.entry, self.now, TIMEOUT):
            assert self.window.held == held - cost, "refused at the gate, the units are back"
            return
        assert self.monotonic >= self.not_before - 1e-6, "no call between a 429 and the end of its cooldown"
        if self.refused_at is not None:
            assert not [call for call in others if call.alone], "one call each step"
        self.calls.append(Call(answer.entry, self.monotonic, self.refused_at is not None))

    @precondition(lambda self: self.under_way)
    @rule(pick=st.integers(0, 99))
    def lose(self, pick: int) -> None:
        self.window.lose(self.under_way[pick % len(self.under_way)].number, self.now)

    @precondition(lambda self: self.under_way)
    @rule(
        pick=st.integers(0, 99),
        status=STATUS,
        limit=LIMITS,
        remaining=REMAININGS,
        reset=RESETS,
        date=DATES,
        delay=DELAYS,
        chance=st.sampled_from([0.0, 0.5, 0.99]),
        again=st.integers(1, 2),
    )
    def answer(self, pick, status, limit, remaining, reset, date, delay, chance, again) -> None:
        offset, form = reset
        headers = {"X-Rate-Limit-Limit": limit, "X-Rate-Limit-Remaining": remaining, "Retry-After": delay}
        headers["X-Rate-Limit-Reset"] = reset_text(form, offset, self.server)
        if date == "zoneless":
            headers["Date"] = formatdate(self.server, usegmt=True).removesuffix(" GMT")
        elif date is not None:
            headers["Date"] = date if date == "junk" else formatdate(self.server + date, usegmt=True)
        report = read({name: value for name, value in headers.items() if value is not None})
        call = self.under_way[pick % len(self.under_way)]
        self.settle(call, report, status, chance, again)

    def settle(self, call: Call, report: Report, status: int, chance: float = 0.5, again: int = 1) -> None:
        served_alone = self.refused_at is not None and call.sent_at > self.refused_at
        for _ in range(again):  # settled twice is once
            settlement = settle(
                self.window, call.number, report, self.now, status=status, sent_at=call.sent_at, chance=chance
            )
            assert settlement.blocked == (status == 429)
        if status == 429:
            self.obey(call, report)
        elif status < 500 and served_alone and self.monotonic >= self.not_before:
            self.refused_at = None
            for other in self.calls:
                other.alone = False

    def obey(self, call: Call, report: Report) -> None:
        """Note what a 429 forbids, by what can be read of it alone; and check the two bounds of the cooldown."""
        waits = [RULES.min_cooldown]
        if report.reset is not None and report.date is not None:
            waits.append(min(report.reset.on(report.date) - report.date, RULES.max_cooldown))
        if report.retry_after is not None and (report.retry_after.at is None or report.date is not None):
            made = report.date or 0.0
            waits.append(min(report.retry_after.on(made) - made, self.window.length, RULES.max_cooldown))
        self.not_before = max(self.not_before, self.monotonic + max(waits))
        self.refused_at = self.monotonic
        assert self.window.cooldown.until is not None
        assert self.window.cooldown.ends_at >= self.not_before - 1e-6, "the lower bound"
        assert self.window.cooldown.ends_at <= self.monotonic + RULES.max_cooldown + 1e-6, "the upper bound"

    # --- processes ------------------------------------------------------------------------------------------------

    @rule(lost=st.booleans())
    def die_and_read_the_ledger(self, lost: bool) -> None:
        """Another process goes on; or this one remembers what the ledger has lost."""
        before = self.window
        if lost:
            self.window = Window(RULES)
            self.window.recover(before)
        else:
            row, _ = self.names.read(self.names.pack(before, 0.0, {}), None)
            columns = [entry_values(entry, 0.0) for entry in before.holdings]
            fields = [stored.name for stored in ENTRY]
            entries = [entry_from(dict(zip(fields, each, strict=True)), 0.0) for each in columns]
            self.window = self.names.unpack(row, entries, RULES, 0.0)
            fill(self.window, entries)
            assert (self.window.held, self.window.unknown) == (before.held, before.unknown)

    @rule()
    def reboot(self) -> None:
        """The monotonic clock begins anew; the silence goes on by the wall clock, as well as that knows."""
        self.monotonic = 5.0
        self.window.restarted(self.now)
        self.window.advance(self.now)
        self.calls.clear()
        ends = self.window.cooldown.ends_at if self.window.cooldown.until is not None else None
        self.not_before = -math.inf if ends is None else ends
        assert ends is None or ends <= self.monotonic + RULES.max_cooldown, "the upper bound"
        if self.refused_at is not None:
            self.refused_at = self.monotonic - 1.0

    # --- what must hold at any time -----------------------------------------------------------------------------

    @invariant()
    def what_is_known_is_plausible(self) -> None:
        if not hasattr(self, "window"):
            return
        window = self.window
        assert 1 <= window.limit <= MAX_LIMIT
        assert 0 <= window.used <= 2 * MAX_LIMIT
        assert window.held == sum(entry.cost for entry in window.holdings)
        assert window.reset is None or 1e8 < window.reset < 1e11
        assert window.cooldown.until is None or self.window.cooldown.consecutive_429s > 0

    @invariant()
    def nobody_is_silent_for_longer_than_a_day(self) -> None:
        if hasattr(self, "window") and self.window.cooldown.until is not None:
            self.window.advance(self.now)
            ends = self.window.cooldown.ends_at
            assert ends is None or ends - self.monotonic <= RULES.max_cooldown + 1e-6

    def teardown(self) -> None:
        """The server is consistent again, with windows of any length: nobody stalls."""
        if not hasattr(self, "window"):
            return
        length = [60.0, 600.0, 20 * 3600.0][len(self.calls) % 3]
        used, end, waited, window = 0, 0.0, [], self.window
        for _ in range(40):
            bound = max(0.0, (window.reset or 0.0) - self.server) + RULES.max_cooldown + window.length + 7200
            began = self.monotonic
            while not isinstance(answer := window.admit(1, self.now, lane="interactive"), Granted):
                assert self.monotonic - began <= bound, f"stalled: {answer} {window}"
                until = 40.0 if answer.until is None else window.seconds_until(answer.until, self.now) + 0.01
                self.wait(min(until, 3600.0))
            assert window.sent(answer.entry, self.now, TIMEOUT)
            waited.append(self.monotonic - began)
            if self.server >= end:
                used, end = 0, self.server + length
            used += 1
            assert used <= 60
            self.calls.append(Call(answer.entry, self.monotonic, alone=False))
            self.wait(31.0)
            report = Report.of(60, 60 - used, math.floor(end), math.floor(self.server))
            settle(window, answer.entry, report, self.now, sent_at=self.calls[-1].sent_at)
        assert all(seconds < 1.0 for seconds in waited[10:] if length < 20 * 3600), waited
        assert window.limit == 60


TestHostile = HostileMachine.TestCase
