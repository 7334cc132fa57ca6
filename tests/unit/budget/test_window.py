"""The window's rules, one by one. Times are small whole numbers where that is clearer."""

import itertools

import pytest

from tonicdm.budget.headers import Report, When
from tonicdm.budget.rules import BudgetRules, Denied, Granted, Instant, Reason
from tonicdm.budget.settling import settle
from tonicdm.budget.views import earliest
from tonicdm.budget.window import Window

START = 1_800_000_000.0
"""Server time, and wall time, at monotonic zero."""
RESET = START + 3600


def at(seconds: float) -> Instant:
    return Instant(seconds, START + seconds)


def send(window: Window, cost: int, seconds: float, **options) -> int:
    granted = window.admit(cost, at(seconds), **({"lane": "interactive"} | options))
    assert isinstance(granted, Granted), granted
    assert window.sent(granted.entry, at(seconds), 30.0)
    return granted.entry


def answer(window: Window, number: int, used: int, seconds: float, *, reset: float = RESET, status: int = 200, **more):
    report = Report.of(3600, 3600 - used, reset, float(int(START + seconds)))
    return settle(window, number, report, at(seconds), status=status, **more)


def opened(used: int = 1, **rules) -> Window:
    """Return a window of which one answer is known."""
    window = Window(BudgetRules(**rules))
    answer(window, send(window, 1, 0.0), used, 0.5)
    return window


def reason(window: Window, cost: int, seconds: float, lane: str = "interactive") -> Reason | None:
    denied = window.explain(cost, at(seconds), lane)
    return None if denied is None else denied.reason


class TestAdmission:
    def test_used_and_held_never_pass_the_limit(self):
        """Calls are admitted up to the last unit, counting those under way, and not one more."""
        window = opened(used=3500)
        for _ in range(5):
            send(window, 20, 1.0)
        assert reason(window, 1, 1.0) is Reason.IN_FLIGHT
        assert window.used + window.held == 3600

    def test_a_spent_window_names_its_reset(self):
        window = opened(used=3599)
        denied = window.explain(5, at(1.0), "interactive")
        assert denied == Denied(Reason.SPENT, RESET + window.rules.reset_tolerance)

    def test_the_guard_is_left_alone(self):
        window = opened(used=3550, guard=50)
        assert reason(window, 1, 1.0) is Reason.SPENT

    def test_lost_calls_do_not_hold_up_what_fits_beside_them(self):
        """What is in the way of a large call is the unknown outcome of another: small ones may go, and tell."""
        window = opened(used=3570)
        window.lose(send(window, 20, 1.0), at(2.0))
        assert reason(window, 20, 3.0) is Reason.UNKNOWN
        assert reason(window, 10, 3.0) is None

    def test_a_call_of_the_whole_limit_waits_only_for_a_new_window(self):
        window = Window(BudgetRules(limit=100, guard=10))
        assert isinstance(window.admit(100, at(0.0)), Granted)


class TestReserve:
    def test_bulk_leaves_a_tenth_at_the_start(self):
        window = opened(used=3240)
        assert reason(window, 1, 1.0, "bulk") is Reason.RESERVE
        assert reason(window, 1, 1.0, "interactive") is None

    @pytest.mark.parametrize("lane", ["bulk", "normal"])
    def test_it_decays_to_nothing_before_the_reset(self, lane):
        """One minute before the reset the last units are free for all: nothing is wasted."""
        window = opened(used=3580)
        assert reason(window, 20, 1800.0, lane) is Reason.RESERVE
        assert reason(window, 20, 3545.0, lane) is None

    def test_the_time_it_names_is_the_time_it_ends(self):
        window = opened(used=3400)
        denied = window.explain(20, at(10.0), "bulk")
        assert denied.reason is Reason.RESERVE
        wait = window.seconds_until(denied.until, at(10.0))
        assert reason(window, 20, 10.0 + wait - 1.0, "bulk") is Reason.RESERVE
        assert reason(window, 20, 10.0 + wait + 0.001, "bulk") is None


class TestFirstCall:
    def test_while_nothing_is_known_one_call_goes_alone(self):
        window = Window()
        number = send(window, 1, 0.0)
        assert reason(window, 1, 0.0) is Reason.FIRST_CALL
        answer(window, number, 1, 1.0)
        assert reason(window, 1, 1.0) is None

    @pytest.mark.parametrize("end", ["refund", "lose"])
    def test_a_lost_or_returned_first_call_passes_the_turn_on(self, end):
        window = Window()
        number = send(window, 1, 0.0)
        window.refund(number) if end == "refund" else window.lose(number, at(1.0))
        assert reason(window, 1, 1.0) is None

    def test_a_holder_that_vanished_passes_the_turn_on_when_its_lease_ends(self):
        window = Window()
        window.admit(1, at(0.0))
        assert reason(window, 1, 29.0) is Reason.FIRST_CALL
        assert reason(window, 1, 30.0) is None

    def test_after_a_reboot_too(self):
        window = Window()
        send(window, 1, 1000.0)
        window.restarted(at(3.0))
        assert reason(window, 1, 3.0) is None
        assert window.unknown == 1


class TestWindowIdentity:
    def test_answers_in_any_order_end_the_same(self):
        """I4: U, Reset and limit do not depend on the order in which the answers of a window arrive."""
        seen = set()
        for order in itertools.permutations([(10, RESET), (15, RESET + 1), (35, RESET - 1), (36, RESET + 60)]):
            window = opened()
            numbers = [send(window, 20, 100.0) for _ in order]
            for number, (used, reset) in zip(numbers, order, strict=True):
                answer(window, number, used, 101.0, reset=reset)
            seen.add((window.used, window.reset, window.limit, window.held))
        assert seen == {(36, RESET + 60, 3600, 0)}

    def test_a_wobbling_reset_is_the_same_window(self):
        window = opened(used=100)
        answer(window, send(window, 1, 1.0), 50, 2.0, reset=RESET + 2)
        assert window.used == 100

    def test_a_later_reset_with_fewer_units_used_is_a_new_window(self):
        window = opened(used=100)
        answer(window, send(window, 1, 1.0), 50, 2.0, reset=RESET + 3)
        assert (window.used, window.reset) == (50, RESET + 3)

    def test_a_later_reset_with_more_units_used_is_an_extension(self):
        window = opened(used=100)
        answer(window, send(window, 1, 100.0), 101, 101.0, reset=RESET + 60)
        assert (window.used, window.reset) == (101, RESET + 60)

    def test_late_answer_of_an_older_window_frees_only_itself(self):
        """A response whose Reset lies before the current window lowers H by its own cost and leaves U alone."""
        window = opened(used=100)
        late = send(window, 20, 3590.0)
        fresh = send(window, 1, 3606.0)
        assert window.first == fresh
        answer(window, fresh, 1, 3606.5, reset=RESET + 3606)
        answer(window, late, 3600, 3607.0)
        assert (window.used, window.held, window.reset) == (1, 0, RESET + 3606)

    def test_a_late_429_of_an_older_window_silences_for_seconds_only(self):
        """Its window is over; but a refusal is a refusal, so nobody calls right into it."""
        window = opened(used=100)
        late = send(window, 20, 3590.0)
        answer(window, send(window, 1, 3606.0), 1, 3606.5, reset=RESET + 3606)
        assert answer(window, late, 3600, 3607.0, status=429).blocked
        assert reason(window, 20, 3609.0) is Reason.BLOCKED
        assert reason(window, 20, 3610.1) is None
        assert (window.used, window.held) == (1, 0)

    def test_a_late_answer_of_an_extended_older_window_is_known_by_the_date(self):
        """Nobody told us of the extension; but its Reset lies before the moment the new window served a call."""
        window = opened(used=100)
        late = send(window, 20, 3590.0)
        answer(window, send(window, 1, 3700.0), 1, 3700.5, reset=RESET + 3700)
        answer(window, late, 3600, 3701.0, reset=RESET + 60)
        assert (window.used, window.held) == (1, 0)

    def test_a_window_that_proved_not_to_be_over_is_opened_again(self):
        """The server still counts in it: U is at least what it was, its own answers count, and we wait longer."""
        window = opened(used=3000)
        number = send(window, 20, 3606.0)
        answer(window, number, 3020, 3606.5, chance=0.9)
        assert window.used == 3020
        assert window.seconds_until(window.cooldown.end(window.reset, window.rules), at(3606.5)) > 20
        # Date and Reset must come from different clocks. Its next answer is no late one.
        answer(window, send(window, 20, 3607.0), 3040, 3607.5)
        assert window.used == 3040

    def test_the_limit_follows_the_newest_answer(self):
        window = opened()
        number = send(window, 1, 1.0)
        settle(window, number, Report.of(1000, 900, RESET), at(2.0))
        assert (window.limit, window.used) == (1000, 100)


class TestHeaders:
    @pytest.mark.parametrize(
        "report",
        [
            Report(),
            Report.of(3600, 3700, RESET),
            Report(limit=3600),
            Report(remaining=3601),
            Report(reset=When(at=RESET + 60)),
        ],
    )
    def test_an_answer_without_sense_settles_nothing(self, report):
        """The attempt's outcome is unknown: its units stay charged, and nothing else changes."""
        window = opened(used=100)
        number = send(window, 20, 1.0)
        settle(window, number, report, at(2.0))
        assert (window.used, window.reset, window.limit, window.unknown) == (100, RESET, 3600, 20)

    def test_headers_never_seen_make_a_window_of_our_own(self):
        """3,600 s and 3,600 units; what was answered stays charged until that window is over."""
        window = Window()
        settle(window, send(window, 20, 0.0), Report(), at(1.0))
        assert window.assumed
        for _ in range(179):
            settle(window, send(window, 20, 2.0), Report(), at(3.0))
        assert reason(window, 1, 4.0) is Reason.UNKNOWN
        assert reason(window, 1, 3700.0) is None

    def test_headers_that_come_after_all_replace_the_assumed_window(self):
        window = Window()
        settle(window, send(window, 20, 0.0), Report(), at(1.0))
        answer(window, send(window, 1, 40.0), 21, 41.0, reset=RESET)
        assert (window.reset, window.used, window.assumed, window.held) == (RESET, 21, False, 0)

    def test_real_headers_after_an_assumed_window_ended_are_not_late(self):
        """The end of an assumed window is our own invention: no Reset is measured by it."""
        window = Window()
        settle(window, send(window, 20, 0.0), Report(), at(1.0))
        number = send(window, 1, 3700.0)
        answer(window, number, 21, 3701.0, reset=RESET + 102)
        assert window.reset == RESET + 102

    def test_429_without_reset_silences_for_an_hour_from_its_receipt(self):
        window = opened()
        settle(window, send(window, 1, 100.0), Report(), at(101.0), status=429)
        assert reason(window, 1, 3700.0) is Reason.BLOCKED
        assert reason(window, 1, 3710.0) is None

    def test_many_429_at_once_without_reset_are_one_strike(self):
        window = opened()
        numbers = [send(window, 1, 100.0) for _ in range(8)]
        for number in numbers:
            settle(window, number, Report(), at(101.0), status=429)
        assert (window.cooldown.consecutive_429s, window.cooldown.slack) == (1, 0.0)


class TestCooldown:
    def test_nothing_passes_the_gate_after_a_429(self):
        window = opened()
        waiting = window.admit(1, at(1.0)).entry
        answer(window, send(window, 20, 1.0), 3600, 2.0, status=429)
        assert not window.sent(waiting, at(2.5), 30.0)
        assert window.held == 0
        assert reason(window, 1, 3599.0) is Reason.BLOCKED

    def test_it_lasts_until_the_latest_reset_that_was_named(self):
        window = opened()
        numbers = [send(window, 1, 1.0) for _ in range(3)]
        for number, more in zip(numbers, (60, 180, 120), strict=True):
            answer(window, number, 3600, 2.0, reset=RESET + more, status=429)
        assert reason(window, 1, 3600 + 179.0) is Reason.BLOCKED
        assert reason(window, 1, 3600 + 185.0) is None

    def test_a_429_that_comes_too_early_is_answered_by_a_growing_random_pause(self):
        """Polite processes that share nothing would otherwise lock each other out for good."""
        window, now, slacks = opened(), 10.0, []
        for _ in range(10):
            number = send(window, 1, now)
            reset = START + now + 60.0
            answer(window, number, 3600, now + 0.5, reset=max(reset, RESET), status=429, chance=0.5)
            slacks.append(window.cooldown.slack)
            now += window.seconds_until(window.cooldown.end(window.cooldown.until, window.rules), at(now)) + 1.0
        assert slacks == pytest.approx(
            [0.0, 22.5, 50.625, 113.90625, 256.2890625, 576.650390625, *[1297.46337890625, 1350.0, 1350.0, 1350.0]]
        )

    def test_a_call_served_in_a_new_window_forgives(self):
        window = opened()
        answer(window, send(window, 1, 1.0), 3600, 2.0, status=429)
        answer(window, send(window, 1, 3608.0), 1, 3609.0, reset=RESET + 3608)
        assert (window.cooldown.consecutive_429s, window.cooldown.slack) == (0, 0.0)


class TestUnknown:
    def test_it_is_charged_until_a_call_sent_long_enough_after_has_answered(self):
        window = opened()
        window.lose(send(window, 20, 10.0), at(20.0))
        answer(window, send(window, 1, 49.0), 2, 50.0)
        assert window.unknown == 20
        answer(window, send(window, 1, 50.0), 23, 51.0)
        assert window.held == 0

    def test_this_time_crosses_a_reset(self):
        """Lost 10 s before the reset: the new window may be charged with it."""
        window = opened()
        window.lose(send(window, 20, 3580.0), at(3590.0))
        number = send(window, 1, 3606.0)
        assert window.unknown == 20
        answer(window, number, 1, 3607.0, reset=RESET + 3606)
        assert window.unknown == 20

    def test_lost_long_before_the_reset_it_is_the_old_windows_affair(self):
        window = opened()
        window.lose(send(window, 20, 3500.0), at(3510.0))
        window.advance(at(3606.0))
        assert window.held == 0

    def test_a_call_that_nobody_settled_becomes_unknown_at_its_timeout(self):
        """I10: the units of a process that died stay charged until later answers tell."""
        window = opened()
        send(window, 20, 10.0)
        window.advance(at(39.0))
        assert window.unknown == 0
        window.advance(at(40.0))
        assert window.unknown == 20
        answer(window, send(window, 1, 70.0), 22, 71.0)
        assert window.held == 0

    def test_without_any_answers_it_ends_with_the_last_window_that_can_hold_it(self):
        window = Window()
        window.lose(send(window, 20, 10.0), at(20.0))
        window.advance(at(20.0 + 3629.0))
        assert window.held == 20
        window.advance(at(20.0 + 3630.0))
        assert window.held == 0

    def test_a_lapsed_lease_gives_the_units_back_and_closes_the_gate(self):
        window = opened()
        number = window.admit(20, at(10.0)).entry
        assert not window.sent(number, at(40.0), 30.0)
        assert window.held == 0


class TestForeignUsage:
    def test_they_are_measured_and_left_a_guard(self):
        """Ours are 200 of 300 units: 100 are others', and the dearest call of theirs is left to them."""
        window = opened(used=1)
        answer(window, send(window, 199, 100.0), 300, 101.0)
        assert window.foreign_usage.spent == 100
        assert 20 <= window.guard(at(101.0)) <= 25

    def test_calls_under_way_are_not_taken_for_others(self):
        window = opened(used=1)
        first, second = send(window, 20, 1.0), send(window, 20, 1.0)
        answer(window, second, 41, 2.0)
        assert window.foreign_usage.spent == 0
        answer(window, first, 21, 2.5)
        assert (window.foreign_usage.spent, window.guard(at(3.0))) == (0, 0)

    def test_what_was_spent_before_our_first_call_accuses_nobody(self):
        window = opened(used=3000)
        assert window.guard(at(1.0)) == 0

    def test_the_guard_grows_with_the_time_since_the_last_look(self):
        window = opened(used=1)
        answer(window, send(window, 1, 900.0), 182, 901.0)
        assert window.guard(at(901.0)) == 20
        assert window.guard(at(1800.0)) > 180

    def test_they_are_expected_again_in_the_next_window(self):
        window = opened(used=1)
        answer(window, send(window, 1, 1800.0), 722, 1801.0)
        answer(window, send(window, 1, 3606.0), 1, 3607.0, reset=RESET + 3606)
        assert window.guard(at(3607.0)) >= 20

    def test_peers_that_share_nothing_are_left_one_dear_call_each(self):
        window = opened(used=1, peers=4)
        assert window.guard(at(1.0)) == 60

    def test_near_the_end_peers_have_one_call_under_way(self):
        window = opened(used=2900, peers=4)
        send(window, 20, 1.0)
        assert reason(window, 1, 1.0) is Reason.IN_FLIGHT


class TestTokens:
    def test_a_refreshed_token_keeps_silence_and_units_under_way(self):
        """Its own window is unknown: one call goes first, after the silence."""
        window = opened(used=3000)
        lost = send(window, 20, 10.0)
        answer(window, send(window, 1, 10.0), 3600, 11.0, status=429)
        window.renew(at(12.0))
        assert (window.reset, window.used, window.held) == (None, 0, 20)
        assert reason(window, 1, 13.0) is Reason.BLOCKED
        answer(window, lost, 3600, 14.0)
        assert window.reset is None, "an answer to the old token's call says nothing of the new window"

    def test_another_budget_inherits_both(self):
        old, new = opened(used=3000), Window()
        send(old, 20, 10.0)
        old.admit(5, at(10.0))
        answer(old, send(old, 1, 10.0), 3600, 11.0, status=429)
        new.inherit(old, at(12.0))
        assert new.held == 20, "what was not sent yet stays with the old token"
        assert reason(new, 1, 13.0) is Reason.BLOCKED


class TestEarliest:
    @pytest.mark.parametrize(
        ("cost", "ahead", "windows"), [(1, 0, 0), (600, 0, 0), (601, 0, 1), (1, 600, 1), (4200, 0, 1), (4201, 0, 2)]
    )
    def test_it_counts_the_windows_to_come(self, cost, ahead, windows):
        window = opened(used=3000)
        wait = window.seconds_until(earliest(window, cost, at(0.5), ahead=ahead), at(0.5))
        expected = 0.0 if windows == 0 else 3601.5 + (windows - 1) * 3600
        assert wait == pytest.approx(expected, abs=3.0)

    def test_a_silence_comes_first(self):
        window = opened(used=3000)
        answer(window, send(window, 1, 1.0), 3600, 2.0, reset=RESET + 60, status=429)
        assert earliest(window, 3600, at(2.0)) == pytest.approx(START + 3662.0, abs=1.0)
        assert earliest(window, 3601, at(2.0)) == pytest.approx(START + 7262.0, abs=1.0)


class TestWithoutTheServersClock:
    def test_a_wall_clock_that_is_set_back_makes_nobody_wait_longer_than_a_window(self):
        """No response carried a Date, so only this machine's clock says how far the Reset lies."""
        window = Window(BudgetRules())
        settle(window, send(window, 1, 0.0), Report.of(3600, 3599, RESET, None), at(0.5), status=200)
        day_before = Instant(10.0, START - 86_400)
        window.advance(day_before)
        assert window.provisional
        assert window.reset is not None
        assert window.reset <= day_before.wall + window.length + 60

    def test_the_loss_of_a_call_that_is_not_known_changes_nothing(self):
        window = opened()
        before = (window.used, window.held)
        window.lose(999, at(1.0))
        assert (window.used, window.held) == before
