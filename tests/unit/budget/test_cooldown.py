"""What a 429 demands, and what several responses must agree on, to the second."""

from __future__ import annotations

import pytest

from tonicdm.budget.claims import Claims
from tonicdm.budget.cooldown import Cooldown
from tonicdm.budget.entries import Entry, EntryState, Holdings
from tonicdm.budget.rules import BudgetRules
from tonicdm.values import changed

SERVER = 1_800_000_000.0
RULES = BudgetRules(drift=0.0)
DRIFTING = BudgetRules(drift=0.05)


def imposed(cooldown: Cooldown | None = None, wait: float = 100.0, *, sent_at: float = 10.0, **options) -> Cooldown:
    """Return a cooldown behind a 429 that came at monotonic 20 and names a time *wait* seconds later."""
    cooldown = cooldown or Cooldown()
    cooldown.impose(wait, SERVER, sent_at, 20.0, 0.5, options.pop("rules", RULES), **options)
    return cooldown


class TestImposing:
    @pytest.mark.parametrize(("rules", "ends_at"), [(RULES, 20 + 102.0), (DRIFTING, 20 + 102 / 0.95)])
    def test_it_ends_behind_the_time_that_was_named_however_slow_our_clock_is(self, rules, ends_at):
        cooldown = imposed(rules=rules)
        assert (cooldown.until, cooldown.ends_for, cooldown.probes) == (SERVER + 100, SERVER + 100, False)
        assert cooldown.ends_at == pytest.approx(ends_at)
        assert cooldown.reckoned

    @pytest.mark.parametrize(("wait", "until"), [(0.0, 1.0), (-50.0, 1.0), (90_000.0, 86_400.0)])
    def test_it_is_no_shorter_and_no_longer_than_the_rules_allow(self, wait, until):
        cooldown = imposed(wait=wait)
        assert cooldown.until == SERVER + until
        assert cooldown.ends_at == 20 + min(until + 2, 86_400.0)

    @pytest.mark.parametrize(("wait", "until", "ends_at"), [(200.0, 200.0, 222.0), (50.0, 100.0, 122.0)])
    def test_of_two_the_later_end_counts(self, wait, until, ends_at):
        cooldown = imposed(imposed(), wait)
        assert (cooldown.until, cooldown.ends_at) == (SERVER + until, ends_at)

    @pytest.mark.parametrize(
        ("before", "until", "options", "probes"),
        [
            (False, None, {}, False),
            (False, SERVER, {}, False),
            (True, SERVER, {}, True),
            (True, None, {}, False),
            (False, None, {"probes": True}, True),
            (False, None, {"wait": 86_400.0}, False),
            (False, None, {"wait": 86_400.1}, True),
        ],
    )
    def test_a_call_tries_behind_an_end_that_is_not_obeyed_or_was_not_named(self, before, until, options, probes):
        """What was so of an earlier cooldown says nothing of this one."""
        assert imposed(Cooldown(probes=before, until=until), **options).probes is probes

    @pytest.mark.parametrize(("sent_at", "row", "limited_at"), [(15.0, 1, 15.0), (15.1, 2, 20.0)])
    def test_only_one_to_a_call_that_left_behind_the_last_one_is_another(self, sent_at, row, limited_at):
        cooldown = imposed(Cooldown(limited_at=15.0, consecutive_429s=1), sent_at=sent_at)
        assert (cooldown.consecutive_429s, cooldown.limited_at) == (row, limited_at)
        assert cooldown.slack == (22.5 if row == 2 else 0.0)


class TestGoingOn:
    def test_one_that_is_reckoned_anew_has_the_seconds_that_are_left(self):
        cooldown = Cooldown(until=SERVER + 100, ends_at=5.0)
        assert not cooldown.reckoned
        cooldown.resume(SERVER + 40, 20.0, DRIFTING)
        assert cooldown.ends_at == pytest.approx(20 + 62 / 0.95)
        assert cooldown.reckoned
        over = Cooldown(until=SERVER + 100)
        over.resume(SERVER + 500, 20.0, RULES)
        assert over.ends_at == 20.0

    @pytest.mark.parametrize(
        ("values", "sent_at", "served"),
        [
            ({}, 30.0, True),
            ({"consecutive_429s": 0}, 30.0, False),
            ({"until": SERVER}, 30.0, False),
            ({"ends_at": 30.0}, 30.0, True),
            ({"ends_at": 30.1}, 30.0, False),
            ({"ends_at": 30.1, "consecutive_429s": 0, "until": SERVER}, 40.0, False),
        ],
    )
    def test_a_row_ends_with_a_call_that_left_behind_its_end_and_was_served(self, values, sent_at, served):
        cooldown = Cooldown(**{"consecutive_429s": 3, "slack": 9.0} | values)
        before = changed(cooldown)
        assert cooldown.served(sent_at) is served
        assert cooldown == (changed(before, consecutive_429s=0, slack=0.0) if served else before)

    @pytest.mark.parametrize("values", [{}, {"until": SERVER}, {"ends_for": SERVER}])
    def test_a_clock_that_was_set_moves_only_what_was_reckoned(self, values):
        cooldown = Cooldown(**values)
        cooldown.shift(-50.0)
        assert cooldown == Cooldown(**values)

    def test_it_moves_both_times(self):
        cooldown = Cooldown(until=SERVER, ends_for=SERVER + 1, ends_at=9.0)
        cooldown.shift(-50.0)
        assert cooldown == Cooldown(until=SERVER - 50, ends_for=SERVER - 49, ends_at=9.0)


class TestInheriting:
    OLD = Cooldown(until=SERVER + 50, ends_for=SERVER + 50, ends_at=70.0)

    def inherited(self, own: Cooldown, **changes) -> Cooldown:
        own.inherit(changed(self.OLD, **changes))
        return own

    @pytest.mark.parametrize(
        ("own", "changes", "until", "ends_at"),
        [
            ({}, {}, 50, 70.0),
            ({"until": SERVER + 90, "ends_for": SERVER + 90, "ends_at": 110.0}, {}, 90, 110.0),
            ({"until": SERVER + 20, "ends_for": SERVER + 20, "ends_at": 40.0}, {}, 50, 70.0),
            ({"until": SERVER + 90, "ends_for": SERVER + 10, "ends_at": 999.0}, {}, 90, 70.0),
            ({}, {"ends_for": SERVER + 10}, 50, None),
            ({"until": SERVER + 20, "ends_for": SERVER + 20, "ends_at": 40.0}, {"ends_at": None}, 50, None),
        ],
    )
    def test_the_later_end_holds_as_far_as_it_was_reckoned(self, own, changes, until, ends_at):
        cooldown = self.inherited(Cooldown(**own), **changes)
        assert (cooldown.until, cooldown.ends_for, cooldown.ends_at) == (SERVER + until, SERVER + until, ends_at)

    @pytest.mark.parametrize(("own", "old"), [(False, False), (True, False), (False, True), (True, True)])
    def test_a_call_tries_where_one_of_both_says_so(self, own, old):
        assert self.inherited(Cooldown(probes=own), probes=old).probes is (own or old)

    def test_an_old_one_without_an_end_takes_nothing_away(self):
        own = Cooldown(until=SERVER + 5, ends_for=SERVER + 5, ends_at=9.0, consecutive_429s=1, slack=4.0)
        before = changed(own)
        own.inherit(Cooldown(consecutive_429s=3, slack=2.0, paused_until=SERVER + 7))
        assert own == changed(before, consecutive_429s=3, slack=4.0, paused_until=SERVER + 7)


class TestAgreement:
    """Three responses over a minute have to name the same Reset."""

    def test_as_many_as_that_for_as_long_are_believed_and_forgotten(self):
        claims, believed = Claims().claim_reset(SERVER, 1, 100.0, RULES)
        assert (claims, believed) == (Claims(reset=SERVER, reset_call=1, reset_responses=1, reset_since=100.0), False)
        claims, believed = claims.claim_reset(SERVER + 2.0, 2, 130.0, RULES)
        assert (claims.reset, claims.reset_call, claims.reset_responses, believed) == (SERVER, 2, 2, False)
        soon, believed = claims.claim_reset(SERVER, 3, 159.9, RULES)
        assert (soon.reset_responses, believed) == (3, False)
        claims, believed = claims.claim_reset(SERVER, 3, 160.0, RULES)
        assert (claims.reset, believed) == (None, True)

    def test_the_same_response_is_counted_once(self):
        claims, _ = Claims().claim_reset(SERVER, 1, 100.0, RULES)
        again, believed = claims.claim_reset(SERVER, 1, 200.0, RULES)
        assert (again, believed) == (claims, False)

    def test_another_reset_begins_anew(self):
        claims, _ = Claims().claim_reset(SERVER, 1, 100.0, RULES)
        other, believed = claims.claim_reset(SERVER + 2.1, 2, 150.0, RULES)
        assert (other, believed) == (
            Claims(reset=SERVER + 2.1, reset_call=2, reset_responses=1, reset_since=150.0),
            False,
        )

    def test_a_limit_is_believed_from_its_second_call_on_with_the_least_that_was_left(self):
        claims, left = Claims().claim_limit(7200, 500, 1)
        assert (claims, left) == (Claims(limit=7200, limit_call=1, limit_remaining=500), None)
        assert claims.claim_limit(7200, 400, 1) == (claims, None)
        assert claims.claim_limit(7200, 400, 2) == (changed(claims, limit=None), 400)
        assert claims.claim_limit(7200, 600, 2) == (changed(claims, limit=None), 500)
        other, left = claims.claim_limit(9000, 600, 2)
        assert (other, left) == (Claims(limit=9000, limit_call=2, limit_remaining=600), None)

    def test_what_is_taken_back_is_gone_and_nothing_else(self):
        claims = Claims(limit=7200, limit_call=1, limit_remaining=500, reset=SERVER, reset_call=2, reset_responses=1)
        assert claims.without_limit() == changed(claims, limit=None)
        assert claims.without_reset() == changed(claims, reset=None)
        assert claims.in_a_new_window() == changed(claims, limit_remaining=7200)
        nothing = Claims(limit_remaining=5)
        assert nothing.without_limit() is nothing.without_reset() is nothing.in_a_new_window() is nothing


class TestHoldings:
    def test_numbers_go_up_by_one_and_what_changed_is_remembered(self):
        """A ledger stores only what was touched."""
        holdings = Holdings(RULES)
        first = holdings.reserve(20, 30.0, "bulk", "GET /a", "pid 1")
        second = holdings.reserve(5, 40.0, "normal", "GET /b", "pid 2", "nightly")
        assert first == Entry(1, 20, EntryState.RESERVED, 30.0, lane="bulk", label="GET /a", holder="pid 1")
        assert (second.number, second.job_label, holdings.next_number) == (2, "nightly", 3)
        assert (holdings.held, holdings.unknown, holdings.touched) == (25, 0, {1, 2})
        for change in (
            lambda: holdings.send(first, 10.0, 30.0),
            lambda: holdings.lose(first, 20.0),
            lambda: holdings.drop(first),
        ):
            holdings.touched.clear()
            change()
            assert holdings.touched == {1}
        holdings.touched.clear()
        holdings.drop(first)
        assert (holdings.touched, holdings.held, holdings.unknown) == (set(), 5, 0)

    def test_a_loss_is_noted_once(self):
        holdings = Holdings(RULES)
        entry = holdings.reserve(20, 30.0, "bulk", "", "")
        holdings.lose(entry, 5.0)
        holdings.lose(entry, 9.0)
        assert (holdings.unknown, entry.closed_at) == (20, 5.0)

    def test_the_next_change_by_itself_is_known(self):
        """A lease, the end of the waiting for a response, the end of the last window that can hold a lost call."""
        holdings = Holdings(RULES)
        entry = holdings.reserve(20, 30.0, "bulk", "", "")
        assert holdings.next_sweep == 30.0
        holdings.sweep(29.9)
        assert holdings.held == 20
        holdings.send(entry, 10.0, 15.0)
        holdings.sweep(25.0)
        assert (entry.state, entry.closed_at, holdings.next_sweep) == (EntryState.UNKNOWN, 25.0, 25.0 + 30 + 3600)
        holdings.sweep(3654.9)
        assert holdings.held == 20
        holdings.sweep(3655.0)
        assert (holdings.held, holdings.next_sweep) == (0, float("inf"))

    def test_a_lease_that_lapsed_gives_its_units_back(self):
        holdings = Holdings(RULES)
        holdings.reserve(20, 30.0, "bulk", "", "")
        later = holdings.reserve(5, 40.0, "bulk", "", "")
        holdings.sweep(30.0)
        assert (list(holdings), holdings.next_sweep) == ([later], 40.0)

    @pytest.mark.parametrize(("sent_at", "released"), [(54.9, 0), (55.0, 20)])
    def test_a_call_sent_long_enough_behind_a_loss_shows_whether_it_counted(self, sent_at, released):
        holdings = Holdings(RULES)
        lost = holdings.reserve(20, 30.0, "bulk", "", "")
        holdings.lose(lost, 25.0)
        holdings.reserve(5, 40.0, "bulk", "", "")
        assert holdings.release(sent_at) == released
        assert holdings.held == 25 - released

    def test_another_budgets_call_gets_a_number_of_this_one(self):
        holdings, other = Holdings(RULES), Holdings(RULES)
        other.reserve(1, 30.0, "bulk", "", "")
        entry = other.reserve(20, 30.0, "bulk", "x", "")
        holdings.adopt(entry)
        assert ([held.number for held in holdings], entry.number, holdings.held) == ([1], 2, 20)

    def test_a_remembered_call_keeps_its_number_and_the_next_one_gets_another(self):
        other = Holdings(RULES)
        for _ in range(3):
            entry = other.reserve(20, 30.0, "bulk", "x", "")
        holdings = Holdings(RULES)
        holdings.restore(entry)
        holdings.restore(entry)
        assert (list(holdings), holdings.held, holdings.next_number) == ([entry], 20, 4)
        assert holdings.get(3) is not entry
        low = Holdings(RULES, next_number=9)
        low.restore(entry)
        assert low.next_number == 9

    def test_behind_a_restart_what_was_sent_is_lost_now_and_the_rest_is_free(self):
        holdings = Holdings(RULES)
        holdings.reserve(5, 9e9, "bulk", "", "")
        sent = holdings.reserve(20, 9e9, "bulk", "", "")
        holdings.send(sent, 1000.0, 30.0)
        holdings.touched.clear()
        holdings.restart(3.0)
        assert (list(holdings), sent.state, sent.sent_at, sent.closed_at) == ([sent], EntryState.UNKNOWN, 3.0, 3.0)
        assert (holdings.held, holdings.unknown, holdings.touched) == (20, 20, {1, 2})
        assert holdings.next_sweep == 3.0 + 30 + 3600
