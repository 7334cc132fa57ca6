"""What a response changes in a window, part by part."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.budget.test_window import RESET, START, answer, at, send
from tests.unit.budget.test_window_bounds import exact, holding
from tonicdm.budget import settling
from tonicdm.budget.claims import Claims
from tonicdm.budget.cooldown import Cooldown
from tonicdm.budget.headers import Report, When
from tonicdm.budget.history import MANY, MAX_LABELS
from tonicdm.budget.meaning import Known, Meaning, Response
from tonicdm.budget.rules import LONG_AGO, BudgetRules, Instant, Named, Settlement, Share
from tonicdm.budget.serverclock import ServerClock
from tonicdm.budget.settling import settle
from tonicdm.budget.window import Window
from tonicdm.values import changed

NOW = at(1000.0)


def response(**changes: Any) -> Response:
    """Return a response that came now, to a call that left 50 s ago."""
    values: dict[str, Any] = {
        "number": 7, "status": 200, "limit": 3600, "remaining": 3500, "reset": RESET, "date": START + 950.0,
        "sent_at": 950.0, "served_at": START + 950.0,
    }  # fmt: skip
    return Response(**values | changes)


def meaning(**changes: Any) -> Meaning:
    """Return that it is one of the known window, believed in all."""
    values: dict[str, Any] = {
        "window": Named.SAME, "used": 100, "reports_used": True, "limit": 3600, "reports_limit": True, "reset": RESET,
        "reports_reset": True, "claims": Claims(),
    }  # fmt: skip
    return Meaning(**values | changes)


def known(window: Window, **changes: Any) -> Known:
    return changed(settling._known(window, NOW), **changes)


def numbers_only(used: int, **changes: Any) -> Report:
    """Return a response without a Date, which leaves the bounds of the server's clock alone."""
    return changed(Report.of(3600, 3600 - used, RESET), **changes)


class TestTheServersClock:
    """A clock that was set moves what was named by it; no wait becomes longer."""

    def window(self, **values: Any) -> Window:
        window = exact()
        window.previous_reset = RESET - 3600
        for name, value in values.items():
            setattr(window, name, value)
        return window

    def observed(self, window: Window, ahead: float) -> None:
        settling._observe(window, START + 11 + ahead, 10.0, at(11.0))

    def test_set_back_it_takes_all_with_it(self):
        window = self.window(cooldown=Cooldown(until=START + 90, ends_for=START + 90, ends_at=90.0))
        opened_at = window.opened_at
        self.observed(window, -1000.0)
        assert (window.reset, window.provisional) == (RESET - 999.5, True)
        assert (window.previous_reset, window.opened_at) == (RESET - 3600 - 999.5, opened_at - 999.5)
        assert (window.cooldown.until, window.cooldown.ends_at) == (START + 90 - 999.5, 90.0)

    def test_set_forward_only_an_end_of_our_own_follows(self):
        """What a response named may be over indeed; the next ones show it."""
        window = self.window(cooldown=Cooldown(until=START + 90, ends_for=START + 90, ends_at=90.0))
        opened_at = window.opened_at
        self.observed(window, 1000.0)
        assert (window.reset, window.provisional) == (RESET, False)
        assert (window.previous_reset, window.opened_at) == (RESET - 3600, opened_at)
        assert window.cooldown.until == START + 90 + 1000.5
        own = self.window(provisional=True)
        self.observed(own, 1000.0)
        assert (own.reset, own.provisional) == (RESET + 1000.5, True)

    def test_that_was_not_set_it_moves_nothing(self):
        window = self.window(provisional=True, cooldown=Cooldown(until=START + 90, ends_for=START + 90, ends_at=90.0))
        self.observed(window, 0.0)
        assert (window.reset, window.previous_reset, window.cooldown.until) == (RESET, RESET - 3600, START + 90)

    def test_what_the_machine_slept_is_no_setting(self):
        """Asleep for 1,000 s by the wall clock alone, it finds the server 1,000.5 s ahead: half a second was set."""
        window = self.window(provisional=True)
        opened_at = window.opened_at
        settling._observe(window, START + 1011, 10.0, Instant(11.0, START + 1011, counts_suspension=False))
        assert window.reset == RESET + 0.5
        assert (window.previous_reset, window.opened_at) == (RESET - 3600, opened_at)

    def test_where_nothing_is_known_nothing_moves(self):
        window = self.window(reset=None, previous_reset=None, opened_at=None)
        self.observed(window, -1000.0)
        assert (window.reset, window.previous_reset, window.opened_at) == (None, None, None)
        assert not window.provisional

    def test_a_cooldown_that_must_be_reckoned_anew_stays_as_it_was_named(self):
        window = self.window(cooldown=Cooldown(until=START + 90))
        self.observed(window, -1000.0)
        assert window.cooldown.until == START + 90


class TestWhatIsReadOfAResponse:
    REPORT = Report(limit=3600, remaining=7, reset=When(after=60.0), date=START + 900.0, retry_after=When(after=30.0))

    def read(self, report: Report, sent_at: float = 950.0) -> Response:
        return settling._response(exact(), 7, report, NOW, 418, sent_at)

    def test_with_a_date_spans_count_from_it(self):
        assert self.read(self.REPORT) == response(
            status=418, remaining=7, reset=START + 960, date=START + 900, delay=30.0, served_at=START + 900
        )

    def test_without_one_a_reset_counts_from_the_latest_and_a_pause_from_the_earliest_moment(self):
        """Neither a window nor a pause seems shorter than it is; the call was served when it left, at the earliest."""
        at_earliest, at_latest = START + 999.5, START + 1001
        assert self.read(changed(self.REPORT, date=None)) == response(
            status=418, remaining=7, reset=at_latest + 60, date=None, delay=30.0, served_at=at_earliest - 50
        )

    def test_a_moment_to_call_again_is_a_span_from_the_responses_making(self):
        moment = changed(self.REPORT, retry_after=When(at=START + 1030))
        assert self.read(moment).delay == 130.0
        assert self.read(changed(moment, date=None)).delay == 30.5

    def test_what_is_absent_is_none(self):
        nothing = self.read(Report(), sent_at=LONG_AGO)
        assert nothing == response(
            status=418,
            limit=None,
            remaining=None,
            reset=None,
            date=None,
            delay=None,
            sent_at=LONG_AGO,
            served_at=None,
        )

    def test_what_is_known_is_what_the_window_says(self):
        window = exact()
        values = {
            "limit": 1, "limit_sent_at": 2.0, "used": 3, "used_reported_at": 4.0, "reset": 5.0, "provisional": True,
            "reset_reported_at": 6.0, "opened_at": 7.0, "rolled_at": 8.0, "renewed_at": 9.0, "previous_reset": 10.0,
            "previous_used": 11, "claims": Claims(limit=12),
        }  # fmt: skip
        for name, value in values.items():
            setattr(window, name, value)
        seen = settling._known(window, NOW)
        assert {name: getattr(seen, name) for name in values} == values
        assert (seen.rules, seen.length, seen.monotonic) == (window.rules, 3600.0, 1000.0)
        assert (seen.lower, seen.upper) == (START + 999.5, START + 1001)

    def test_the_end_of_an_assumed_window_is_no_knowledge(self):
        window = exact()
        window.assumed = True
        assert settling._known(window, NOW).reset is None


class TestLengths:
    @pytest.mark.parametrize(
        ("learned", "noted"), [(None, None), (3602.0, None), (3598.0, None), (3602.5, 3602.5), (1800.0, 1800.0)]
    )
    def test_only_another_length_is_news(self, learned, noted):
        window = exact()
        assert settling._learn_length(window, meaning(learned=learned)) == noted
        assert window.learned_length == noted

    def test_it_is_compared_to_what_was_learned_before(self):
        window = exact()
        window.learned_length = 7200.0
        assert settling._learn_length(window, meaning(learned=7201.0)) is None
        assert window.learned_length == 7200.0


class TestTheCallItself:
    @pytest.mark.parametrize(
        ("charged", "changes", "observed"),
        [
            (20, {}, 20),
            (5, {}, 5),
            (1, {}, 1),
            (0, {}, None),
            (20, {"limit": None}, 20),
            (20, {"reset": When(at=RESET + 2)}, 20),
            (20, {"reset": When(at=RESET + 2.5)}, None),
            (20, {"reset": None}, None),
            (20, {"limit": 3599, "remaining": 3578}, None),
        ],
    )
    def test_what_a_call_cost_is_known_where_it_was_alone_in_the_window(self, charged, changes, observed):
        window = exact()
        number = send(window, 20, 10.0)
        found = settle(window, number, numbers_only(1 + charged, **changes), at(11.0))
        assert found.observed_cost == observed

    def test_of_a_refusal_it_is_not_known(self):
        window = exact()
        assert settle(window, send(window, 20, 10.0), numbers_only(21), at(11.0), status=429).observed_cost is None

    def test_beside_another_call_it_is_not_known(self):
        window = exact()
        holding(window, 1)
        assert settle(window, send(window, 20, 10.0), numbers_only(21), at(11.0)).observed_cost is None

    def test_of_a_call_that_nobody_reserved_it_is_not_known(self):
        window = exact()
        assert settle(window, 99, numbers_only(21), at(11.0), sent_at=10.0).observed_cost is None
        holding(window, 1)
        assert settle(window, 99, numbers_only(41), at(12.0), sent_at=11.0).observed_cost is None

    def test_in_a_new_window_it_is_not_known(self):
        window = exact(used=100)
        number = send(window, 20, 10.0)
        found = settle(window, number, changed(numbers_only(20), reset=When(at=RESET + 9)), at(11.0))
        assert (found.observed_cost, window.reset) == (None, RESET + 9)

    def test_a_call_that_opened_a_window_cost_no_more_than_is_used_in_it(self):
        window = exact(used=100)
        number = send(window, 20, 10.0)
        settle(window, number, changed(numbers_only(5), reset=When(at=RESET + 9)), at(11.0))
        assert window.accounts == {("interactive", ""): (1, 5)}

    def test_one_that_is_confirmed_by_this_response_is_settled_with_it(self):
        window = exact()
        earlier = holding(window, 20)
        settling._apply_counted(window, known(window), response(), meaning(confirms=earlier), NOW, 0.5)
        assert (window.held, window.headers_seen) == (0, True)

    def test_lost_calls_that_must_be_counted_by_now_are_ours(self):
        window = exact()
        window.lose(send(window, 20, 10.0), at(20.0))
        window.foreign_usage.own = 5
        assert settling._release(window, 99, 49.9) is None
        assert (window.held, window.foreign_usage.own) == (20, 5)
        entry = window.holdings.get(send(window, 3, 60.0))
        assert settling._release(window, entry.number, 50.0) is entry
        assert (window.held, window.foreign_usage.own) == (0, 25)


class TestAccounts:
    def account(self, window: Window, spent: int, **options: Any) -> None:
        entry = options.pop("entry", window.holdings.get(holding(window, 20)))
        settling._account(
            window, entry, spent, options.pop("sent_at", 950.0), **{"reported": True, "counted": True} | options
        )

    @pytest.mark.parametrize(("spent", "units"), [(3, 3), (1, 1), (30, 20), (0, 20), (-5, 20)])
    def test_a_call_cost_no_more_than_the_window_rose_by(self, spent, units):
        window = exact()
        window.foreign_usage.own, window.accounts = 7, {("interactive", ""): (2, 11)}
        self.account(window, spent)
        assert window.accounts == {("interactive", ""): (3, 11 + units)}
        assert window.foreign_usage.own == 7 + units

    def test_nothing_is_booked_for_a_call_that_is_gone(self):
        window = exact()
        accounts, own = dict(window.accounts), window.foreign_usage.own
        self.account(window, 5, entry=None)
        assert (window.accounts, window.foreign_usage.own) == (accounts, own)

    @pytest.mark.parametrize(("number", "key"), [(MAX_LABELS - 1, ""), (MAX_LABELS, MANY)])
    def test_of_many_labels_the_last_ones_are_booked_together(self, number, key):
        window = exact()
        window.accounts = {("normal", f"label {count}"): (1, 1) for count in range(number)}
        self.account(window, 5)
        assert window.accounts["interactive", key] == (1, 5)
        assert len(window.accounts) == number + 1
        self.account(window, 5)
        assert window.accounts["interactive", key] == (2, 10)

    def test_a_label_that_is_known_stays_itself(self):
        window = exact()
        window.accounts = {("normal", f"label {count}"): (1, 1) for count in range(MAX_LABELS)} | {
            ("interactive", ""): (1, 1)
        }
        self.account(window, 5)
        assert window.accounts["interactive", ""] == (2, 6)

    def test_a_job_with_a_label_has_its_units(self):
        window = exact()
        number = send(window, 20, 10.0, share=Share("nightly"))
        settle(window, number, numbers_only(9), at(11.0))
        settle(window, send(window, 20, 12.0), numbers_only(29), at(13.0))
        assert window.counts_now().by_label == {"nightly": (1, 8)}

    def test_where_nobody_counted_all_is_taken_for_ours(self):
        window = exact()
        window.used = 500
        self.account(window, 5, counted=False)
        assert window.foreign_usage.own == 500

    @pytest.mark.parametrize(
        ("sent_at", "reported", "seen_at"), [(950.0, True, 950.0), (850.0, True, 900.0), (950.0, False, 900.0)]
    )
    def test_others_were_last_seen_when_the_call_left_that_saw_most(self, sent_at, reported, seen_at):
        window = exact()
        window.foreign_usage.seen_at = 900.0
        self.account(window, 5, sent_at=sent_at, reported=reported)
        assert window.foreign_usage.seen_at == seen_at


class TestForeignUsage:
    def test_a_response_after_ours_shows_what_others_spent_since(self):
        window = exact()
        found = settle(window, send(window, 20, 10.0), numbers_only(31), at(11.0))
        assert (found.foreign, found.foreign_in_window) == (10, 10)
        again = settle(window, send(window, 20, 12.0), numbers_only(54), at(13.0))
        assert (again.foreign, again.foreign_in_window) == (3, 13)

    def test_before_our_first_call_nobody_counted(self):
        window = Window(BudgetRules(drift=0.0))
        found = settle(window, send(window, 20, 0.0), numbers_only(500), at(1.0))
        assert (found.foreign, window.foreign_usage.own) == (0, 500)

    def test_in_a_window_behind_a_known_one_it_shows_at_once(self):
        window = exact()
        window.advance(at(3603.0))
        number = send(window, 20, 3603.0)
        found = settle(window, number, changed(numbers_only(50), reset=When(at=RESET + 3603)), at(3604.0))
        assert found.foreign == 30

    def test_in_one_that_was_taken_to_be_over_nobody_counted_meanwhile(self):
        window = exact(used=100)
        window.advance(at(3603.0))
        found = settle(window, send(window, 20, 3603.0), numbers_only(500), at(3604.0))
        assert (window.used, found.foreign) == (500, 0)

    def test_where_the_limit_changed_the_count_proves_nothing(self):
        window = exact(used=100)
        report = Report.of(1000, 500, RESET)
        found = settle(window, send(window, 20, 10.0), report, at(11.0))
        assert (window.limit, window.used, found.foreign) == (1000, 500, 0)


class TestOlderWindows:
    @pytest.mark.parametrize(
        ("changes", "previous_used"),
        [
            ({}, 100),
            ({"remaining": 3580}, 50),
            ({"limit": 3599}, 50),
            ({"limit": None}, 50),
            ({"remaining": None}, 50),
            ({"sent_at": 900.0}, 100),
            ({"sent_at": 899.9}, 50),
        ],
    )
    def test_a_late_response_can_only_raise_what_the_window_before_used(self, changes, previous_used):
        """It has to be one of this token, of the same limit, and to name what was left."""
        window = exact()
        window.previous_used, window.renewed_at = 50, 900.0
        older = meaning(window=Named.OLDER)
        settling._apply_older(window, response(**changes), older, NOW)
        assert window.previous_used == previous_used

    @pytest.mark.parametrize("settles", [True, False])
    def test_it_frees_its_own_units_where_it_settles_and_else_loses_them(self, settles):
        window = exact()
        number, lost = holding(window, 20), holding(window, 5, lost=True)
        window.holdings.get(lost).closed_at = 920.0
        settling._apply_older(window, response(number=number), meaning(window=Named.OLDER, settles=settles), NOW)
        assert (window.held, window.unknown) == ((0, 0) if settles else (25, 25))


class TestUncounted:
    @pytest.mark.parametrize(
        ("changes", "assumed"),
        [
            ({"remaining": None}, True),
            ({"remaining": None, "status": 404}, True),
            ({"remaining": None, "status": 430}, True),
            ({"remaining": None, "status": 499}, True),
            ({"remaining": None, "status": 500}, False),
            ({"remaining": None, "status": 429}, False),
            ({"remaining": 5}, False),
            ({"remaining": 5, "status": 500}, False),
        ],
    )
    def test_a_server_that_reports_no_count_is_given_a_window_of_our_own(self, changes, assumed):
        """Not after a refusal or a fault of its own, which may come from something between."""
        window = Window(BudgetRules(drift=0.0))
        meant = meaning(settles=False, provisional=True, reset=None)
        settling._apply_uncounted(window, known(window), response(**changes), meant, NOW)
        assert (window.reset, window.assumed) == ((START + 1005 + 3600, True) if assumed else (None, False))

    def test_its_end_is_a_reset_that_is_believed(self):
        window = Window(BudgetRules(drift=0.0))
        settling._apply_uncounted(window, known(window), response(remaining=None), meaning(settles=False), NOW)
        assert (window.reset, window.assumed) == (RESET, True)

    @pytest.mark.parametrize(("headers_seen", "reset", "end"), [(True, None, None), (False, RESET + 9, RESET + 9)])
    def test_none_is_made_where_counts_were_seen_or_a_window_is_known(self, headers_seen, reset, end):
        window = Window(BudgetRules(drift=0.0))
        window.headers_seen, window.reset = headers_seen, reset
        meant = meaning(settles=False, reset=reset, limit=1800, claims=Claims(reset=1.0))
        settling._apply_uncounted(window, known(window), response(remaining=None), meant, NOW)
        assert (window.reset, window.assumed) == (end, False)
        assert (window.limit, window.claims) == (1800, Claims(reset=1.0)), "limit and claims count all the same"

    def test_where_the_window_goes_on_that_was_taken_to_be_over_the_pause_is_the_shortest(self):
        """It comes without a count, so without a random number of its own."""
        window = exact()
        settling._apply_uncounted(window, known(window), response(), meaning(settles=False, early=True), NOW)
        assert window.cooldown.slack == 15.0

    def test_what_the_call_cost_stays_unknown(self):
        window = exact()
        number = holding(window, 20)
        meant = meaning(settles=False, used=1)
        settling._apply_uncounted(window, known(window), response(number=number), meant, NOW)
        assert (window.unknown, window.holdings.get(number).closed_at) == (20, 1000.0)


class TestApplying:
    def apply(self, window: Window, meant: Meaning, *, chance: float = 0.5, seen: Known | None = None, **changes: Any):
        settling._apply(window, seen or known(window), response(**changes), meant, NOW, chance)

    def test_what_it_says_of_this_window_is_taken_over(self):
        window = exact()
        window.first, window.assumed, opened_at = 3, True, window.opened_at
        window.cooldown.slack = 9.0
        meant = meaning(used=44, reset=RESET + 1, provisional=True, claims=Claims(reset=5.0), limit=1800)
        self.apply(window, meant, seen=known(window, reset=RESET), limit=1800)
        assert (window.used, window.reset, window.provisional, window.limit) == (44, RESET + 1, True, 1800)
        assert (window.used_reported_at, window.reset_reported_at, window.claims) == (1000.0, 1000.0, Claims(reset=5.0))
        assert (window.opened_at, window.first, window.assumed) == (opened_at, 3, True)
        assert window.cooldown.slack == 9.0

    def test_what_it_does_not_speak_for_keeps_its_time(self):
        window = exact()
        self.apply(window, meaning(reports_used=False, reports_reset=False, reports_limit=False, limit=1800))
        assert (window.used_reported_at, window.reset_reported_at, window.limit) == (0.5, 0.5, 3600)

    @pytest.mark.parametrize(("number", "reports", "still"), [(7, True, False), (8, True, True), (7, False, True)])
    def test_a_remembered_window_is_confirmed_by_the_first_calls_count(self, number, reports, still):
        window = exact()
        window.unconfirmed, window.first = True, 7
        self.apply(window, meaning(reports_used=reports), number=number)
        assert window.unconfirmed is still

    @pytest.mark.parametrize(("provisional", "previous"), [(False, RESET), (True, None)])
    @pytest.mark.parametrize("status", [200, 429])
    def test_a_new_window_begins_with_what_it_names(self, provisional, previous, status):
        window = exact()
        window.first, window.provisional, window.cooldown.slack = 3, provisional, 9.0
        meant = meaning(window=Named.NEW, used=20, reset=RESET + 3600)
        self.apply(window, meant, status=status)
        assert (window.previous_reset, window.reset, window.used) == (previous, RESET + 3600, 20)
        assert (window.opened_at, window.first, window.rolled_at) == (START + 950, None, 1000.0)
        assert window.accounts == {}
        assert window.cooldown.slack == (9.0 if status == 429 else 0.0)

    def test_the_first_response_of_all_ends_no_window(self):
        window = Window(BudgetRules(drift=0.0))
        window.first, window.assumed, window.rolled_at, window.previous_reset = 3, True, 5.0, RESET - 3600
        self.apply(window, meaning(window=Named.NEW))
        assert (window.previous_reset, window.rolled_at, window.ended) == (RESET - 3600, 5.0, [])
        assert (window.opened_at, window.first, window.assumed) == (START + 950, None, False)

    def test_a_window_that_goes_on_is_opened_again(self):
        window = Window(BudgetRules(drift=0.0))
        window.first, window.previous_reset = 3, RESET
        self.apply(window, meaning())
        assert (window.previous_reset, window.opened_at, window.first) == (None, START + 950, None)

    @pytest.mark.parametrize(("chance", "slack"), [(0.0, 15.0), (1.0, 30.0)])
    def test_one_that_was_taken_to_be_over_too_early_is_left_longer_in_peace(self, chance, slack):
        window = exact()
        self.apply(window, meaning(early=True), chance=chance)
        assert window.cooldown.slack == slack

    @pytest.mark.parametrize(
        ("early", "changes", "clock"),
        [
            (False, {}, None),
            (True, {}, ServerClock(START - 50, START + 1, 1000.0, START)),
            (True, {"date": None}, ServerClock(None, None, 0.5, START)),
            (True, {"sent_at": LONG_AGO}, ServerClock(None, None, 0.5, START)),
        ],
    )
    def test_bounds_of_the_servers_clock_that_it_disproves_are_made_anew(self, early, changes, clock):
        window = exact()
        window.previous_reset, before = RESET, changed(window.clock)
        settling._reopen(window, response(**changes), meaning(early=early), NOW)
        assert window.clock == (clock or before)
        assert window.previous_reset is None

    @pytest.mark.parametrize(
        ("changes", "opened_at"),
        [
            ({}, START + 950),
            ({"served_at": None}, None),
            ({"reset": None}, START + 950),
            ({"served_at": RESET}, RESET),
            ({"served_at": RESET + 1}, None),
        ],
    )
    def test_a_window_was_open_when_it_served_the_call_unless_its_reset_denies_it(self, changes, opened_at):
        assert settling._opened_at(response(**changes)) == opened_at


class TestLimits:
    def applied(self, limit: int, *, call: int = 0, before: int = 0, sent_at: float = 0.0, **changes: Any) -> Window:
        window = exact()
        window.limit_call, window.limit_before, window.limit_sent_at = call, before, sent_at
        settling._apply_limit(window, response(**changes), meaning(limit=limit))
        return window

    @pytest.mark.parametrize(
        ("limit", "options", "before", "call"),
        [
            (1800, {}, 3600, 7),
            (1800, {"before": 5000}, 5000, 7),
            (1800, {"sent_at": LONG_AGO}, 0, 7),
            (3600, {"before": 5000, "call": 6}, 0, 0),
            (3600, {"before": 5000, "call": 7}, 5000, 7),
            (3601, {"before": 5000, "call": 7}, 0, 0),
            (3601, {"before": 5000, "call": 6}, 0, 0),
        ],
    )
    def test_one_response_alone_takes_no_call_its_hope(self, limit, options, before, call):
        """A lower limit leaves the one before as a ceiling, until another response names it too, or a higher one."""
        window = self.applied(limit, **options)
        assert (window.limit, window.limit_before, window.limit_call) == (limit, before, call)

    @pytest.mark.parametrize(("sent_at", "latest"), [(900.0, 950.0), (960.0, 960.0)])
    def test_the_call_that_left_last_speaks(self, sent_at, latest):
        assert self.applied(3600, sent_at=sent_at).limit_sent_at == latest


class TestRefusals:
    def refused(self, window: Window, meant: Meaning | None = None, *, chance: float = 0.5, **changes: Any) -> Cooldown:
        answered = response(**{"status": 429, "reset": None, "remaining": None, "delay": 5.0} | changes)
        settling._cool_down(window, known(window), answered, meant or meaning(), NOW, chance)
        return window.cooldown

    LOWER = START + 999.5

    @pytest.mark.parametrize("changes", [{"remaining": 0}, {"reset": START + 1010}])
    def test_one_of_the_server_lasts_to_the_windows_end_at_least(self, changes):
        cooldown = self.refused(exact(), **changes)
        assert (cooldown.until, cooldown.probes) == (RESET, False)

    def test_a_later_reset_lasts_longer(self):
        assert self.refused(exact(), reset=RESET + 60).until == pytest.approx(RESET + 60, abs=50)

    def test_one_of_something_between_knows_nothing_of_the_window(self):
        window = exact()
        window.provisional = True
        cooldown = self.refused(window)
        assert (cooldown.until, cooldown.probes) == (self.LOWER + 5, False)

    def test_one_of_an_older_window_lasts_as_long_as_it_says_itself(self):
        cooldown = self.refused(exact(), meaning(window=Named.OLDER), remaining=0)
        assert (cooldown.until, cooldown.probes) == (self.LOWER + 5, False)

    def test_behind_an_end_that_nobody_named_a_call_tries(self):
        window = exact()
        window.provisional = True
        cooldown = self.refused(window, remaining=0)
        assert (cooldown.until, cooldown.probes) == (self.LOWER + 5, True)

    def test_in_an_unknown_window_it_lasts_as_long_as_it_says(self):
        cooldown = self.refused(Window(BudgetRules(drift=0.0)), remaining=0)
        assert (cooldown.until, cooldown.probes) == (START + 995 + 5, False)

    def test_each_counts_and_a_row_of_them_waits_a_random_time_more(self):
        window = exact()
        self.refused(window)
        assert (window.counts_now().limited, window.cooldown.limited_at, window.cooldown.slack) == (1, 1000.0, 0.0)
        self.refused(window, sent_at=1000.0)
        assert (window.counts_now().limited, window.cooldown.consecutive_429s) == (2, 1)
        self.refused(window, sent_at=1000.1, chance=0.0)
        assert (window.counts_now().limited, window.cooldown.consecutive_429s) == (3, 2)
        assert window.cooldown.slack == 15.0


class TestSettle:
    def test_a_reservation_knows_when_its_call_left_and_else_the_caller_says_it(self):
        window = exact()
        number = send(window, 20, 10.0)
        answer(window, number, 21, 11.0, sent_at=2.0)
        assert window.limit_sent_at == 10.0
        answer(window, 99, 22, 12.0, sent_at=11.5)
        assert window.limit_sent_at == 11.5
        answer(window, 98, 23, 13.0)
        assert window.limit_sent_at == 11.5, "a time that nobody noted proves nothing"

    def test_a_date_bounds_the_servers_clock_where_the_sending_is_known(self):
        window = exact()
        settle(window, 99, changed(numbers_only(2), date=START + 20.0), at(20.0))
        assert window.clock.low == START - 0.5
        settle(window, 99, changed(numbers_only(2), date=START + 20.0), at(20.0), sent_at=19.5)
        assert (window.clock.low, window.clock.high) == (START, START + 1)

    @pytest.mark.parametrize(("status", "ended"), [(200, True), (404, True), (499, True), (500, False), (503, False)])
    def test_a_call_that_was_served_ends_a_row_of_429s(self, status, ended):
        window = exact()
        window.cooldown.consecutive_429s, window.cooldown.slack, window.first = 3, 40.0, 77
        settle(window, 99, Report(), at(20.0), status=status, sent_at=19.0)
        assert (window.cooldown.consecutive_429s, window.first) == ((0, None) if ended else (3, 77))

    def test_one_that_was_not_asked_to_wait_leaves_the_first_call_its_turn(self):
        window = Window(BudgetRules(drift=0.0))
        number = send(window, 1, 0.0)
        settle(window, 99, Report(), at(1.0), status=500, sent_at=0.5)
        assert window.first == number

    def test_what_it_returns_is_what_it_did(self):
        window = exact()
        found = settle(window, send(window, 20, 10.0), numbers_only(31), at(11.0))
        assert found == Settlement(observed_cost=30, foreign=10, foreign_in_window=10)
        refused = settle(window, send(window, 20, 12.0), numbers_only(3600), at(13.0), status=429)
        assert (refused.blocked, refused.blocked_until) == (True, window.cooldown_until(at(13.0)))
        assert refused.blocked_until == pytest.approx(RESET + 2)
        later = settle(window, 99, Report(), at(14.0))
        assert (later.blocked, later.blocked_until) == (False, window.cooldown_until(at(14.0)))
        assert later.foreign_in_window == window.foreign_usage.spent

    def test_a_length_that_responses_agree_on_is_told_once(self):
        window = exact()
        told = []
        for seconds in (100.0, 200.0, 300.0, 400.0):
            report = changed(numbers_only(2), reset=When(at=RESET + 9000))
            told.append(settle(window, send(window, 1, seconds), report, at(seconds + 1)).learned_window)
        assert [length is not None for length in told] == [False, False, True, False]
        assert told[2] == window.learned_length == RESET + 9000 - window.opened_at

    def test_the_cooldowns_random_part_is_the_callers(self):
        window = exact()
        window.cooldown.consecutive_429s, window.cooldown.limited_at = 1, 5.0
        settle(window, 99, Report(), at(20.0), status=429, sent_at=19.0, chance=0.0)
        assert window.cooldown.slack == 15.0
        default = exact()
        default.cooldown.consecutive_429s, default.cooldown.limited_at = 1, 5.0
        settle(default, 99, Report(), at(20.0), status=429, sent_at=19.0)
        assert default.cooldown.slack == 22.5
