"""Where the window's rules begin and end: the last value on one side, the first on the other.

Without drift the server's clock is known to a second and a half, so that all times are exact.
"""

import pytest

from tests.unit.budget.test_window import RESET, START, answer, at, opened, reason, send
from tonicdm.budget.claims import Claims
from tonicdm.budget.cooldown import Cooldown
from tonicdm.budget.entries import EntryState
from tonicdm.budget.headers import Report
from tonicdm.budget.history import Counts, WindowRecord
from tonicdm.budget.rules import BudgetRules, Denied, Instant, Reason, Share
from tonicdm.budget.serverclock import ServerClock
from tonicdm.budget.settling import settle
from tonicdm.budget.window import Window
from tonicdm.values import changed

LAG = 0.5
"""Seconds by which the lower bound of the server's time lags behind ours; the upper one is a second ahead."""
NIGHTLY = Share("nightly", 0.1)


def exact(used: int = 1, **rules) -> Window:
    """Return an open window whose lower bound of the server's time at second t is START + t - LAG."""
    return opened(used, **({"drift": 0.0} | rules))


def when(server: float) -> Instant:
    """Return the time at which the lower bound of the server's time shows *server* seconds behind START."""
    return at(server + LAG)


def holding(window: Window, cost: int, *, lost: bool = False) -> int:
    """Let a call of *cost* units be under way, or lost; return its number."""
    entry = window.holdings.reserve(cost, 1e9, "interactive", "", "")
    window.holdings.send(entry, 1.0, 1e9)
    if lost:
        window.holdings.lose(entry, 1.0)
    return entry.number


class TestTheEndOfAWindow:
    def test_a_window_ends_when_the_server_surely_is_behind_its_reset(self):
        window = exact(used=5)
        window.advance(when(3601.999))
        assert window.reset == RESET
        window.advance(when(3602.0))
        assert (window.reset, window.previous_reset, window.previous_used) == (None, RESET, 5)

    def test_what_the_window_was_is_forgotten_with_it(self):
        window = exact(used=5)
        window.first, window.unconfirmed, window.claims = 99, True, Claims(limit=7200, limit_remaining=3, reset=1.0)
        window.advance(when(3602.0))
        assert (window.used, window.opened_at, window.first) == (0, None, None)
        assert (window.assumed, window.provisional, window.unconfirmed) == (False, False, False)
        assert (window.rolled_at, window.foreign_usage.since, window.accounts) == (3602.5, 3602.5, {})
        assert window.counts == Counts(3602.5)
        assert window.claims == Claims(limit=7200, limit_remaining=7200, reset=1.0)

    @pytest.mark.parametrize("flag", ["assumed", "provisional"])
    def test_an_end_that_was_our_own_reckoning_makes_no_response_late(self, flag):
        window = exact()
        setattr(window, flag, True)
        window.advance(when(3700.0))
        assert (window.reset, window.previous_reset) == (None, None)
        assert (window.assumed, window.provisional) == (False, False)

    @pytest.mark.parametrize(("closed_at", "held"), [(3569.0, 0), (3569.001, 20)])
    def test_a_lost_call_is_the_ended_windows_where_it_must_have_been_counted_before_the_reset(self, closed_at, held):
        """The server showed 3,570 at the latest when the socket was closed; 30 s later nothing is counted any more."""
        window = exact()
        window.lose(send(window, 20, 10.0), at(closed_at))
        window.advance(at(3606.0))
        assert window.held == held

    @pytest.mark.parametrize(("closed_at", "held"), [(3356.0, 0), (3357.5, 20)])
    def test_a_clock_that_drifts_leaves_it_longer_in_doubt(self, closed_at, held):
        """At 3,800 s the server may show 3,991; the time since the loss counts as 5 % shorter."""
        window = opened(drift=0.05)
        window.lose(send(window, 20, 10.0), at(closed_at))
        window.advance(at(3800.0))
        assert (window.reset, window.held) == (None, held)

    @pytest.mark.parametrize(("call", "before", "after"), [(0, 0, 0), (0, 9, 9), (5, 0, 3600), (5, 5000, 5000)])
    def test_a_limit_that_one_response_alone_named_fails_no_call_of_the_next_window(self, call, before, after):
        window = exact()
        window.limit, window.limit_call, window.limit_before = 100, call, before
        window.renew(at(10.0))
        assert window.limit_before == after
        assert window.ceiling == max(100, after)

    def test_a_length_that_is_remembered_holds_for_lost_calls_of_the_new_file_too(self):
        """And the one that only the other file knew does not, as `recover` takes over all that is remembered."""
        before, other = Window(), Window()
        before.reset, before.learned_length = RESET, 7200.0
        other.recover(before)
        assert other.holdings.window == 7200.0
        other.advance(at(1.0))
        assert other.holdings.window == other.length == 7200.0
        plain = Window()
        plain.reset, plain.used = RESET, 3600
        other.recover(plain)
        assert other.holdings.window == other.length == 3600.0

    def test_calls_of_a_learned_length_stay_charged_as_long(self):
        window = exact()
        window.learned_length = 7200.0
        window.reset = RESET + 3600
        window.lose(send(window, 20, 10.0), at(20.0))
        window.reset = None
        window.advance(at(20.0 + 30.0 + 7199.9))
        assert window.held == 20
        window.advance(at(20.0 + 30.0 + 7200.0))
        assert window.held == 0


class TestSuspension:
    def asleep(self, seconds: float, slept: float, *, counts: bool) -> Instant:
        return Instant(seconds, START + seconds + slept, counts)

    def test_time_asleep_ends_a_window_where_only_the_wall_clock_counted_it(self):
        window = exact()
        window.advance(self.asleep(10.0, 3592.4, counts=False))
        assert window.reset == RESET
        window.advance(self.asleep(10.0, 3592.5, counts=False))
        assert window.reset is None

    def test_a_wall_clock_that_was_set_forward_ends_none_where_the_other_counts_the_sleep(self):
        window = exact()
        window.advance(self.asleep(10.0, 9000.0, counts=True))
        assert window.reset == RESET


class TestOnlyTheWallClock:
    """Where no response ever had a Date, the wall clock is all there is, and it may have been set back."""

    def window(self, reset: float) -> Window:
        window = Window(BudgetRules(drift=0.0))
        window.reset = reset
        return window

    @pytest.mark.parametrize(("ahead", "kept"), [(3607.0, True), (3607.001, False)])
    def test_nobody_waits_longer_than_a_window_lasts(self, ahead, kept):
        window = self.window(START + ahead)
        window.advance(at(0.0))
        assert (window.reset, window.provisional) == ((START + ahead, False) if kept else (START + 3605, True))

    def test_a_known_clock_bounds_nothing(self):
        window = exact()
        window.reset = RESET + 9000
        window.advance(at(1.0))
        assert (window.reset, window.provisional) == (RESET + 9000, False)

    def test_an_unknown_window_stays_unknown(self):
        window = Window(BudgetRules(drift=0.0))
        window.advance(at(0.0))
        assert (window.reset, window.provisional) == (None, False)


class TestPauseAndCooldown:
    def test_a_pause_ends_when_the_server_surely_shows_its_end(self):
        window = exact()
        window.cooldown.paused_until = START + 60
        assert window.explain(1, when(59.999), "interactive") == Denied(Reason.PAUSED, START + 60, sooner=True)
        assert window.explain(1, when(60.0), "interactive") is None
        assert window.cooldown.paused_until is None

    def test_a_cooldown_ends_by_our_own_clock_to_the_moment(self):
        window = exact()
        answer(window, send(window, 1, 1.0), 3600, 2.0, status=429)
        ends = window.cooldown.ends_at
        denied = window.explain(1, at(ends - 0.001), "interactive")
        assert denied == Denied(Reason.BLOCKED, pytest.approx(window.clock.lower(at(ends), window.rules)))
        window.advance(at(ends))
        assert window.cooldown.until is None

    def test_while_it_lasts_no_window_ends(self):
        """What was known of the window is needed when the next response comes."""
        window = exact()
        answer(window, send(window, 1, 1.0), 3600, 2.0, reset=RESET + 600, status=429)
        window.reset = RESET
        window.advance(at(3700.0))
        assert window.reset == RESET

    def test_a_cooldown_that_was_noted_by_an_older_version_is_reckoned_anew(self):
        window = exact()
        window.cooldown = Cooldown(until=START + 100, consecutive_429s=1)
        window.advance(at(1.0))
        assert window.cooldown.ends_at == pytest.approx(100 + 2 + LAG)
        assert reason(window, 1, 102.4) is Reason.BLOCKED
        assert reason(window, 1, 102.6) is None

    def test_behind_one_that_the_server_gave_no_end_a_call_tries_in_an_unknown_window(self):
        for probes, known in ((True, None), (False, RESET)):
            window = exact()
            window.cooldown = Cooldown(until=START + 5, consecutive_429s=1, probes=probes)
            window.advance(at(1.0))
            window.advance(at(30.0))
            assert (window.reset, window.previous_reset) == (known, None if known else RESET)

    def test_its_end_is_told_by_the_servers_clock(self):
        window = exact()
        assert window.cooldown_until(at(0.0)) == START - LAG
        window.cooldown.ends_at = 40.0
        assert window.cooldown_until(at(10.0)) == START + 10 - LAG + 30
        assert window.cooldown_until(at(50.0)) == START + 50 - LAG
        drifting = opened(drift=0.05)
        drifting.cooldown.ends_at = 40.0
        lower = drifting.clock.lower(at(10.0), drifting.rules)
        assert drifting.cooldown_until(at(10.0)) == pytest.approx(lower + 30 * 0.95)
        assert drifting.seconds_until(lower + 30 * 0.95, at(10.0)) == pytest.approx(30.0)
        assert drifting.seconds_until(lower - 1.0, at(10.0)) == 0.0


class TestReserve:
    """A tenth of 3,600 units is kept for the interactive lane, and less and less of it to a minute before the Reset."""

    @pytest.mark.parametrize(
        ("left", "ends"),
        [(361, -3e9), (360, -3e9), (180, START + 1770), (90, START + 2655), (0, RESET - 60), (-36, RESET - 60 + 354)],
    )
    def test_it_falls_in_a_straight_line(self, left, ends):
        assert max(-3e9, exact().reserve_ends(left, RESET)) == pytest.approx(ends)

    def test_its_tail_is_at_most_a_tenth_of_a_window(self):
        assert exact(reserve_tail=1000.0).reserve_ends(0, RESET) == RESET - 360
        assert exact(reserve_tail=300.0).reserve_ends(180, RESET) == RESET - 300 - 1650

    def test_without_a_reserve_all_lanes_are_alike(self):
        assert exact(used=3599, interactive_reserve=0.0).explain(1, at(1.0), "bulk") is None

    @pytest.mark.parametrize(("server", "denied"), [(1770.0, None), (1769.9, Denied(Reason.RESERVE, START + 1770))])
    def test_it_ends_to_the_moment(self, server, denied):
        assert exact(used=3400).explain(20, when(server), "bulk") == denied

    @pytest.mark.parametrize(
        ("lost", "server", "expected", "sooner"),
        [
            ((), 1770.0, Reason.IN_FLIGHT, True),
            ((), 1769.9, Reason.RESERVE, False),
            ((40,), 1770.0, Reason.IN_FLIGHT, True),
            ((40, 60), 1770.0, Reason.UNKNOWN, True),
        ],
    )
    def test_calls_without_a_response_are_in_the_way_where_all_would_be_well_without_them(
        self, lost, server, expected, sooner
    ):
        """80 units are left, 180 without the calls under way; those would be enough from 1,770 s on."""
        window = exact(used=3400)
        for cost in (40, 60):
            holding(window, cost, lost=cost in lost)
        denied = window.explain(20, when(server), "bulk")
        assert denied == Denied(expected, pytest.approx(RESET - 60 - 80 / 360 * 3540), sooner=sooner)


class TestShares:
    @pytest.mark.parametrize(("tail", "before"), [(300.0, 300), (1000.0, 360)])
    def test_they_open_at_most_a_tenth_of_a_window_before_its_end(self, tail, before):
        assert exact(share_tail=tail).share_opens(RESET) == RESET - before

    @pytest.mark.parametrize("held", [0, 1])
    def test_a_spent_one_waits_until_they_open_and_then_for_the_reset(self, held):
        """A response still to come may end the waiting sooner, where one is awaited."""
        window = exact()
        window.counts_now().count_settled("nightly", 360)
        if held:
            holding(window, held)
        early = window.explain(1, when(3299.9), "interactive", NIGHTLY)
        assert early == Denied(Reason.SHARE, RESET - 300, sooner=bool(held))
        late = window.explain(1, when(3300.0), "interactive", NIGHTLY)
        assert late == Denied(Reason.SHARE, RESET + 2, sooner=bool(held))

    def test_what_is_left_of_one_counts_its_own_calls_alone(self):
        window = exact()
        assert window.left_of_share(NIGHTLY) == 3600, "one call goes, whatever it costs"
        window.counts_now().count_settled("nightly", 100)
        window.counts_now().count_settled("other", 7)
        assert window.left_of_share(NIGHTLY) == 260
        send(window, 20, 1.0, share=NIGHTLY)
        send(window, 3, 1.0, share=Share("other"))
        assert window.left_of_share(NIGHTLY) == 240
        assert window.explain(240, at(1.0), "interactive", NIGHTLY) is None
        assert window.explain(241, at(1.0), "interactive", NIGHTLY).reason is Reason.SHARE

    def test_beyond_it_a_call_goes_where_nobody_else_waits(self):
        window = exact()
        window.counts_now().count_settled("nightly", 360)
        assert isinstance(window.admit(1, at(1.0), share=NIGHTLY), Denied)
        granted = window.admit(1, at(1.0), share=NIGHTLY, beyond_share=True)
        assert window.holdings.get(granted.entry).job_label == "nightly"


class TestPeers:
    @pytest.mark.parametrize(
        ("limit", "used", "expected"), [(3600, 2780, None), (3600, 2781, Reason.IN_FLIGHT), (3601, 2781, None)]
    )
    def test_in_the_last_two_ninths_one_call_goes_at_a_time(self, limit, used, expected):
        """Of 3,600 units those are 800, of 3,601 as well."""
        window = exact(peers=2)
        window.limit, window.used = limit, used
        holding(window, 20)
        assert reason(window, 1, 1.0) is expected

    def test_a_lost_call_is_none_under_way(self):
        window = exact(peers=2)
        window.used = 3000
        holding(window, 20, lost=True)
        assert reason(window, 1, 1.0) is None

    def test_alone_nobody_is_waited_for(self):
        window = exact()
        window.used = 3000
        holding(window, 20)
        assert reason(window, 1, 1.0) is None

    @pytest.mark.parametrize(
        ("rules", "guard"), [({}, 0), ({"peers": 3}, 40), ({"peers": 3, "guard": 41}, 41), ({"peers": 999}, 3600)]
    )
    def test_the_guard_is_the_greater_of_what_is_set_and_what_peers_may_send(self, rules, guard):
        assert exact(**rules).guard(at(1.0)) == guard


class TestAdmission:
    @pytest.mark.parametrize(("cost", "expected"), [(600, None), (601, Reason.SPENT)])
    def test_the_last_unit_can_be_used(self, cost, expected):
        assert reason(exact(used=3000), cost, 1.0) is expected

    @pytest.mark.parametrize(
        ("lost", "cost", "expected"),
        [
            (False, 70, None),
            (False, 71, Reason.IN_FLIGHT),
            (True, 70, None),
            (True, 71, Reason.UNKNOWN),
        ],
    )
    def test_what_is_in_the_way_is_said(self, lost, cost, expected):
        """Of 100 units 30 are held by a call that is lost, or under way."""
        window = exact(used=3500)
        holding(window, 30, lost=lost)
        assert reason(window, cost, 1.0) is expected

    def test_a_reservation_knows_whose_it_is(self):
        window = exact()
        granted = window.admit(5, at(1.0), lane="bulk", label="GET /a", holder="pid 1", share=NIGHTLY)
        entry = window.holdings.get(granted.entry)
        assert not granted.first
        assert (entry.cost, entry.lane, entry.label, entry.holder, entry.job_label) == (
            5,
            "bulk",
            "GET /a",
            "pid 1",
            "nightly",
        )
        assert entry.until == 1.0 + window.rules.lease
        plain = window.holdings.get(window.admit(5, at(1.0)).entry)
        assert (plain.lane, plain.label, plain.holder, plain.job_label) == ("normal", "", "", "")

    def test_in_an_unknown_window_the_first_call_is_marked(self):
        window = Window()
        granted = window.admit(1, at(0.0))
        assert (granted.first, window.first) == (True, granted.entry)
        known = exact()
        known.admit(1, at(1.0))
        assert known.first is None

    @pytest.mark.parametrize(("cost", "expected"), [(100, None), (101, Reason.UNKNOWN)])
    def test_in_an_unknown_window_a_call_of_the_highest_limit_may_go(self, cost, expected):
        """One odd response named 50 units: what cost up to 120 before only waits."""
        window = Window(BudgetRules(limit=120))
        window.limit, window.limit_before = 50, 120
        holding(window, 20, lost=True)
        assert reason(window, cost, 1.0) is expected


class TestTheGate:
    @pytest.mark.parametrize(("used", "passes"), [(3595, True), (3596, False)])
    def test_it_closes_where_others_used_the_window_up(self, used, passes):
        window = exact()
        granted = window.admit(5, at(1.0))
        window.used = used
        assert window.sent(granted.entry, at(2.0), 30.0) is passes
        assert window.held == (5 if passes else 0)

    def test_in_a_known_window_the_limit_counts_and_none_before_it(self):
        window = exact()
        granted = window.admit(5, at(1.0))
        window.limit, window.limit_before, window.used = 100, 3600, 96
        assert not window.sent(granted.entry, at(2.0), 30.0)

    def test_what_passed_it_is_awaited_as_long_as_said(self):
        window = exact()
        entry = window.holdings.get(send(window, 5, 2.0))
        assert (entry.state, entry.sent_at, entry.until) == (EntryState.SENT, 2.0, 32.0)

    def test_a_call_that_went_through_goes_no_second_time(self):
        window = exact()
        number = send(window, 5, 2.0)
        assert not window.sent(number, at(2.0), 30.0)
        assert window.held == 5

    def test_while_one_goes_ahead_no_other_passes(self):
        window = exact()
        waiting, first = window.admit(5, at(1.0)).entry, window.admit(5, at(1.0)).entry
        window.unconfirmed, window.first = True, first
        assert not window.sent(waiting, at(2.0), 30.0)
        assert window.sent(first, at(2.0), 30.0)

    def test_a_first_call_may_cost_what_the_limit_was_before(self):
        window = Window(BudgetRules(limit=120))
        window.limit, window.limit_before = 50, 120
        granted = window.admit(120, at(0.0))
        assert window.sent(granted.entry, at(0.0), 30.0)


class TestHistory:
    def test_a_record_has_all_that_was_counted(self):
        window = exact()
        window.counts_now().count_wait(2.34)
        window.counts_now().limited = 2
        answer(window, send(window, 20, 1.0, lane="bulk", label="GET /a", share=NIGHTLY), 40, 2.0)
        window.advance(at(3700.0))
        assert window.ended == [
            WindowRecord(
                ended_at=RESET,
                limit=3600,
                used=40,
                foreign=19,
                limited=2,
                waits=1,
                waited=2.3,
                spent={("interactive", ""): (1, 1), ("bulk", "GET /a"): (1, 20)},
                by_label={"nightly": (1, 20)},
            )
        ]

    def test_it_is_no_part_of_the_window_that_goes_on(self):
        window = exact()
        record = window.record(1.0)
        window.accounts["normal", "later"] = (1, 1)
        assert record.spent == {("interactive", ""): (1, 1)}

    @pytest.mark.parametrize(
        ("used", "accounts", "limited", "recorded"),
        [(0, {}, 0, False), (1, {}, 0, True), (0, {("normal", ""): (1, 1)}, 0, True), (0, {}, 1, True)],
    )
    def test_a_window_in_which_nothing_happened_leaves_none(self, used, accounts, limited, recorded):
        window = Window()
        window.used, window.accounts = used, accounts
        window.counts_now().limited = limited
        assert (window.record(1.0) is not None) is recorded

    def test_one_whose_end_nobody_named_ended_now(self):
        window = Window()
        window.counts_now().limited = 1
        window.renew(at(10.0))
        assert [record.ended_at for record in window.ended] == [START + 10 - window.rules.clock_margin]
        known = exact()
        known.renew(at(10.0))
        assert [record.ended_at for record in known.ended] == [RESET]


class TestTokensAndLedgers:
    def test_a_refreshed_token_makes_earlier_calls_anothers(self):
        window = exact()
        window.previous_reset = RESET - 3600
        window.renew(at(10.0))
        assert (window.reset, window.previous_reset, window.renewed_at, window.rolled_at) == (None, None, 10.0, 10.0)

    def test_another_budget_takes_over_what_may_have_been_sent(self):
        old, new = exact(), Window()
        sent, lost = send(old, 20, 10.0, label="sent"), send(old, 5, 10.0, label="lost")
        old.admit(3, at(10.0), label="queues anew")
        old.lose(lost, at(11.0))
        old.cooldown.paused_until = START + 99
        new.inherit(old, at(12.0))
        assert {(entry.label, entry.cost, entry.state) for entry in new.holdings} == {
            ("sent", 20, EntryState.SENT),
            ("lost", 5, EntryState.UNKNOWN),
        }
        assert (new.renewed_at, new.cooldown.paused_until, old.held) == (12.0, START + 99, 28)
        assert old.holdings.get(sent) is not None

    def before(self, **values) -> Window:
        window = exact(used=100)
        window.limit = 1800
        for name, value in values.items():
            setattr(window, name, value)
        return window

    def test_a_lost_ledger_is_remembered_and_one_call_goes_first(self):
        """The window, the clock and the accounts come back; rules, records and own reservations stay as they are."""
        before, rules = self.before(ended=["earlier"], first=3), BudgetRules(guard=7)
        window = Window(rules)
        window.recover(before)
        assert (window.reset, window.used, window.limit, window.unconfirmed) == (RESET, 100, 1800, True)
        assert (window.rules, window.ended, window.first) == (rules, [], 3)
        assert window.clock == before.clock
        assert window.clock is not before.clock
        assert window.accounts == before.accounts
        assert window.accounts is not before.accounts
        assert window.probing

    @pytest.mark.parametrize(
        ("reset", "used", "taken"),
        [
            (RESET + 1, 0, True),
            (RESET, 51, True),
            (RESET, 50, False),
            (RESET, 49, False),
            (RESET - 1, 900, False),
            (None, 900, False),
        ],
    )
    def test_what_is_known_better_stays(self, reset, used, taken):
        window = exact(used=50)
        own = window.clock
        window.recover(self.before(reset=reset, used=used, first=3))
        assert window.unconfirmed is taken
        assert (window.reset, window.used) == ((reset, used) if taken else (RESET, 50))
        assert window.limit == (1800 if taken else 3600)
        assert (window.clock is own) is not taken

    def test_an_unknown_window_learns_the_clock_all_the_same(self):
        before = self.before(reset=None)
        window = Window()
        window.recover(before)
        assert (window.reset, window.unconfirmed, window.clock) == (None, False, before.clock)
        assert window.clock is not before.clock
        unknown = Window()
        unknown.recover(Window())
        assert unknown.clock == ServerClock()

    def test_a_first_call_under_way_is_awaited_here_or_there(self):
        window = exact(used=50)
        window.first = 8
        window.recover(self.before(reset=None, first=3))
        assert window.first == 8

    @pytest.mark.parametrize("reset", [None, RESET + 1])
    @pytest.mark.parametrize(("own", "earlier"), [(START + 50, START + 90), (START + 90, START + 50)])
    def test_the_longer_cooldown_holds(self, reset, own, earlier):
        window = exact()
        window.cooldown = Cooldown(until=own, ends_for=own, ends_at=own - START)
        before = self.before(reset=reset)
        before.cooldown = Cooldown(until=earlier, ends_for=earlier, ends_at=earlier - START)
        window.recover(before)
        assert (window.cooldown.until, window.cooldown.ends_at) == (START + 90, 90.0)

    def test_reservations_that_may_have_been_sent_keep_their_numbers(self):
        before = self.before()
        holding(before, 20)
        lost = holding(before, 5, lost=True)
        before.holdings.reserve(3, 1e9, "normal", "", "")
        window = Window()
        window.recover(before)
        assert (window.held, window.unknown) == (25, 5)
        assert window.holdings.get(lost).cost == 5

    def test_after_a_restart_of_the_machine_no_time_lies_ahead(self):
        """The monotonic clock began anew: what is later than it shows is now, and claims have no age any more."""
        window = exact(used=100)
        times = ("rolled_at", "renewed_at", "limit_sent_at", "used_reported_at", "reset_reported_at")
        for name in times:
            setattr(window, name, 1000.0)
        window.renewed_at = 2.0
        window.claims = Claims(limit=7200)
        window.cooldown = Cooldown(until=START + 50, ends_for=START + 50, ends_at=1050.0, limited_at=1000.0)
        window.foreign_usage.since = window.foreign_usage.seen_at = 1000.0
        holding(window, 20)
        window.holdings.reserve(3, 1e9, "normal", "", "")
        window.restarted(at(3.0))
        assert {name: getattr(window, name) for name in times} == dict.fromkeys(times, 3.0) | {"renewed_at": 2.0}
        assert (window.clock.low, window.clock.high, window.claims) == (None, None, Claims())
        assert (window.counts.began_at, window.foreign_usage.since, window.foreign_usage.seen_at) == (3.0, 3.0, 3.0)
        assert (window.cooldown.limited_at, window.cooldown.ends_at, window.cooldown.until) == (3.0, None, START + 50)
        assert (window.held, window.unknown) == (20, 20)
        assert [entry.closed_at for entry in window.holdings] == [3.0]

    def test_a_restart_invents_no_429(self):
        window = exact()
        window.restarted(at(3.0))
        assert window.cooldown.limited_at is None

    def test_giving_back_twice_is_once_and_several_at_a_time(self):
        window = exact()
        first, second, third = (holding(window, cost) for cost in (20, 5, 1))
        window.refund(first, second, first)
        assert window.held == 1
        window.lose(first, at(1.0))
        window.lose(third, at(1.0))
        assert (window.held, window.unknown) == (1, 1)


class TestCounts:
    def test_they_are_begun_anew_where_an_older_version_began_the_window(self):
        window = exact()
        counts = window.counts_now()
        assert window.counts_now() is counts
        window.rolled_at = 50.0
        assert window.counts_now() == Counts(50.0)

    def test_a_first_call_that_was_lost_holds_nobody_up(self):
        window = Window()
        number = send(window, 1, 0.0)
        assert window._awaits_first()
        window.lose(number, at(1.0))
        assert not window._awaits_first()
        window.first = 999
        assert not window._awaits_first()


def test_what_is_known_of_a_budget_can_be_shown():
    """H, its unknown part, the length and the ceiling are read off the window."""
    window = exact()
    holding(window, 20)
    holding(window, 5, lost=True)
    assert (window.held, window.unknown, window.length, window.ceiling) == (25, 5, 3600.0, 3600)
    assert changed(window, learned_length=7200.0).length == 7200.0
    settle(window, 0, Report(), at(2.0))
    assert window.reset == RESET
