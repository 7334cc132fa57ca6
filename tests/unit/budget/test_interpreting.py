"""What a response means at the borders of what is believed: one second, one unit, one response more or less."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.budget.test_meaning import RESET, START, known, meaning
from tonicdm.budget.claims import Claims
from tonicdm.budget.headers import MAX_DELAY_SECONDS
from tonicdm.budget.meaning import Meaning, Response, Worth, wait_after_429, worth_of
from tonicdm.budget.rules import LONG_AGO, Named

UPPER = START + 1001
AGREED = Claims(reset=RESET - 600, reset_call=6, reset_responses=2, reset_since=900.0)
FAR = RESET + 9000
ENDED = {"reset": None, "previous_reset": START + 990, "previous_used": 500, "opened_at": None}
"""A window that was taken to be over."""
FAR_AGREED = Claims(reset=FAR, reset_call=6, reset_responses=2, reset_since=900.0)


def response(**changes: Any) -> Response:
    values: dict[str, Any] = {
        "number": 7, "status": 200, "limit": 3600, "remaining": 3400, "reset": RESET, "date": START + 950.0,
        "sent_at": 950.0, "served_at": START + 950.0,
    }  # fmt: skip
    return Response(**values | changes)


def ends(found: Meaning) -> tuple[float | None, bool, bool]:
    return found.reset, found.provisional, found.reports_reset


class TestWhatAResetIsWorth:
    @pytest.mark.parametrize(
        ("changes", "worth"),
        [
            ({"reset": None}, Worth.NONE),
            ({"reset": START + 948.0}, Worth.BELIEVED),
            ({"reset": START + 947.9}, Worth.PAST),
            ({"reset": START + 900.0, "served_at": None}, Worth.BELIEVED),
            ({"reset": UPPER + 3602.0}, Worth.BELIEVED),
            ({"reset": UPPER + 3602.1}, Worth.FAR),
            ({"reset": UPPER + 86_400.0, "status": 429}, Worth.BELIEVED),
            ({"reset": UPPER + 86_400.1, "status": 429}, Worth.FAR),
        ],
    )
    def test_it_lies_in_the_window_that_may_begin_now_at_the_latest(self, changes, worth):
        assert worth_of(known(), response(**changes)) is worth

    def test_a_long_window_may_end_later_than_a_cooldown_may_last(self):
        assert worth_of(known(length=90_000.0), response(reset=UPPER + 90_002, status=429)) is Worth.BELIEVED


class TestOlderWindows:
    @pytest.mark.parametrize(
        ("state", "changes", "older"),
        [
            ({"renewed_at": 950.1}, {}, True),
            ({"renewed_at": 950.0}, {}, False),
            ({"rolled_at": 950.0, "previous_reset": RESET}, {}, False),
            ({"rolled_at": 950.1, "previous_reset": RESET - 2}, {}, True),
            ({"rolled_at": 950.1, "previous_reset": RESET - 2.1}, {}, False),
            ({"rolled_at": 950.1, "opened_at": RESET + 2}, {}, False),
            ({"rolled_at": 950.1, "opened_at": RESET + 2.1}, {}, True),
            ({"rolled_at": 950.1, "opened_at": None}, {}, False),
            ({"rolled_at": 950.1, "previous_reset": START + 951.0}, {"reset": None}, True),
            ({"rolled_at": 950.1, "previous_reset": START + 950.9}, {"reset": None}, False),
        ],
    )
    def test_only_a_call_that_left_before_the_window_began_can_be_of_the_one_before(self, state, changes, older):
        assert (meaning(known(**state), **changes).window is Named.OLDER) is older

    @pytest.mark.parametrize(("remaining", "settles"), [(0, True), (None, False)])
    def test_such_a_one_changes_nothing(self, remaining, settles):
        state = known(renewed_at=951.0, claims=Claims(limit=9))
        found = meaning(state, remaining=remaining)
        assert found == Meaning(window=Named.OLDER, settles=settles, used=100, limit=3600, claims=Claims(limit=9))


class TestAfterA429:
    @pytest.mark.parametrize(
        ("changes", "wait"),
        [
            ({"reset": START + 1100, "date": None}, 100.0),
            ({"reset": START + 1100, "date": START + 990.0}, 110.0),
            ({"reset": START + 1100, "date": START + 1010.0}, 100.0),
            ({"reset": START + 1100, "delay": 120.0, "date": None}, 120.0),
            ({"reset": None, "delay": 5.0}, 5.0),
            ({"reset": None, "delay": 9999.0}, 3600.0),
            ({"reset": None}, 3601.0),
        ],
    )
    def test_the_longest_time_that_was_named_is_waited(self, changes, wait):
        assert wait_after_429(known(), response(**changes)) == wait


class TestLimits:
    CLAIMED = Claims(limit=7200, limit_call=5, limit_remaining=7000)

    def limits(self, found: Meaning) -> tuple[int, bool, int, bool, int]:
        return found.limit, found.reports_limit, found.used, found.settles, found.confirms

    @pytest.mark.parametrize(
        ("remaining", "used", "settles"), [(3600, 100, True), (3601, 100, False), (None, 100, False), (3000, 600, True)]
    )
    def test_without_one_no_more_can_be_left_than_there_is(self, remaining, used, settles):
        found = meaning(known(), limit=None, remaining=remaining)
        assert self.limits(found) == (3600, False, used, settles, 0)

    @pytest.mark.parametrize(("sent_at", "claims"), [(960.0, Claims.without_limit), (959.9, lambda claims: claims)])
    def test_the_known_one_takes_a_claim_back_where_no_later_call_named_it(self, sent_at, claims):
        found = meaning(known(limit_sent_at=960.0, claims=self.CLAIMED), sent_at=sent_at)
        assert self.limits(found) == (3600, True, 200, True, 0)
        assert found.claims == claims(self.CLAIMED)

    def test_a_higher_one_is_only_claimed_by_the_first_call_that_names_it(self):
        found = meaning(known(), limit=7200, remaining=7000)
        assert self.limits(found) == (3600, False, 200, True, 0)
        assert found.claims == Claims(limit=7200, limit_call=7, limit_remaining=7000)
        unfit = meaning(known(), limit=7200, remaining=3500)
        assert self.limits(unfit) == (3600, False, 100, False, 0)
        just = meaning(known(), limit=7200, remaining=3600)
        assert self.limits(just) == (3600, False, 3600, True, 0)

    def test_and_believed_by_the_second_which_confirms_the_first(self):
        found = meaning(known(claims=self.CLAIMED), limit=7200, remaining=7100)
        assert self.limits(found) == (7200, True, 200, True, 5)
        assert found.claims == self.CLAIMED.without_limit()

    @pytest.mark.parametrize("changes", [{"remaining": None}, {"sent_at": 10.0}, {"sent_at": 9.0}])
    def test_nothing_is_claimed_without_a_count_or_by_an_older_call(self, changes):
        found = meaning(known(), **{"limit": 7200, "remaining": 7000} | changes)
        assert (found.limit, found.reports_limit, found.claims) == (3600, False, Claims())

    @pytest.mark.parametrize(
        ("sent_at", "expected"), [(10.0, (1800, True, 300, True, 0)), (9.9, (3600, False, 300, True, 0))]
    )
    def test_a_lower_one_holds_at_once_unless_the_call_left_before_it_was_raised(self, sent_at, expected):
        found = meaning(known(claims=self.CLAIMED), limit=1800, remaining=1500, sent_at=sent_at)
        assert self.limits(found) == expected
        assert found.claims == (self.CLAIMED.without_limit() if expected[1] else self.CLAIMED)


class TestAKnownWindow:
    @pytest.mark.parametrize(
        ("reset", "remaining", "window", "used", "end"),
        [
            (RESET + 2, 3590, Named.SAME, 100, RESET + 2),
            (RESET + 2.1, 3590, Named.NEW, 10, RESET + 2.1),
            (RESET + 2.1, 3500, Named.SAME, 100, RESET + 2.1),
            (RESET + 2.1, 3501, Named.NEW, 99, RESET + 2.1),
            (RESET + 2.1, 3600, Named.NEW, 0, RESET + 2.1),
            (RESET - 2, 3400, Named.SAME, 200, RESET),
            (RESET, 3400, Named.SAME, 200, RESET),
        ],
    )
    def test_a_later_reset_with_fewer_units_is_another_one(self, reset, remaining, window, used, end):
        found = meaning(known(), reset=reset, remaining=remaining)
        assert (found.window, found.used, found.reports_used) == (window, used, 3600 - remaining == used)
        assert ends(found) == (end, False, True)

    def test_a_reset_that_is_believed_takes_a_claim_back(self):
        assert meaning(known(claims=AGREED)).claims == AGREED.without_reset()

    @pytest.mark.parametrize(
        ("state", "changes", "expected", "learned"),
        [
            ({"claims": AGREED}, {}, (RESET - 600, False, True), 3600.0),
            ({}, {}, (RESET, False, False), None),
            ({"claims": AGREED}, {"status": 429}, (RESET, False, False), None),
            ({"claims": AGREED, "reset_reported_at": 949.9}, {}, (RESET - 600, False, True), 3600.0),
            ({"claims": AGREED, "reset_reported_at": 950.0}, {}, (RESET, False, False), None),
            ({"claims": AGREED, "provisional": True}, {"remaining": 3400}, (RESET - 600, False, True), None),
        ],
    )
    def test_a_nearer_one_is_believed_where_calls_that_left_later_agree(self, state, changes, expected, learned):
        found = meaning(known(**state), **{"reset": RESET - 600} | changes)
        assert ends(found) == expected
        assert found.learned == learned

    @pytest.mark.parametrize(
        ("state", "changes", "expected", "window", "learned"),
        [
            ({"claims": FAR_AGREED}, {}, (FAR, False, True), Named.SAME, FAR - START),
            ({"claims": FAR_AGREED, "opened_at": None}, {}, (FAR, False, True), Named.SAME, FAR - START - 1000),
            ({}, {}, (RESET, False, False), Named.SAME, None),
            ({}, {"remaining": 3590}, (UPPER + 3600, True, False), Named.NEW, None),
            ({}, {"remaining": 3590, "sent_at": 11.0}, (RESET, False, False), Named.SAME, None),
            ({}, {"remaining": 3590, "sent_at": 11.1}, (UPPER + 3600, True, False), Named.NEW, None),
            ({"claims": FAR_AGREED}, {"remaining": 3590}, (FAR, False, True), Named.NEW, FAR - START),
        ],
    )
    def test_a_far_one_is_believed_where_enough_agree(self, state, changes, expected, window, learned):
        """A count that fell begins a window all the same, whose end is reckoned from now."""
        found = meaning(known(**state), **{"reset": FAR} | changes)
        assert (ends(found), found.window, found.learned) == (expected, window, learned)

    @pytest.mark.parametrize(
        ("changes", "claimed"),
        [
            ({"reset": UPPER + MAX_DELAY_SECONDS}, True),
            ({"reset": UPPER + MAX_DELAY_SECONDS + 1}, False),
            ({"status": 429, "reset": UPPER + 90_000}, False),
        ],
    )
    def test_what_no_window_can_last_and_what_a_429_names_is_no_claim(self, changes, claimed):
        found = meaning(known(), **changes)
        assert (found.claims.reset is not None) is claimed
        assert ends(found) == (RESET, False, False)

    @pytest.mark.parametrize(
        ("remaining", "sent_at", "window", "used"),
        [
            (3590, 950.0, Named.NEW, 10),
            (3590, 11.0, Named.SAME, 100),
            (3600, 950.0, Named.NEW, 0),
            (3400, 950.0, Named.SAME, 200),
        ],
    )
    def test_an_end_of_our_own_gives_way_to_a_count_that_fell(self, remaining, sent_at, window, used):
        found = meaning(known(provisional=True), remaining=remaining, sent_at=sent_at, reset=RESET - 500)
        assert (found.window, found.used, ends(found)) == (window, used, (RESET - 500, False, True))

    def test_a_count_of_a_limit_that_is_not_believed_begins_no_window(self):
        found = meaning(known(), limit=7200, remaining=7190, reset=RESET + 60)
        assert found.window is Named.SAME


class TestAnUnknownWindow:
    @pytest.mark.parametrize(
        ("reset", "window", "used"), [(START + 992, Named.SAME, 500), (START + 992.1, Named.NEW, 200)]
    )
    def test_the_one_before_goes_on_where_its_reset_is_named_again(self, reset, window, used):
        found = meaning(known(**ENDED), reset=reset)
        assert (found.window, found.used) == (window, used)

    def test_of_another_limit_its_count_says_nothing(self):
        found = meaning(known(**ENDED), reset=START + 992, limit=1800, remaining=1700)
        assert (found.window, found.used, found.limit) == (Named.SAME, 100, 1800)

    @pytest.mark.parametrize(
        ("reset", "status", "early"),
        [
            (START + 992, 200, True),
            (START + 992, 429, False),
            (START + 940, 200, True),
            (START + 940, 429, False),
            (RESET, 200, False),
        ],
    )
    def test_it_was_taken_to_be_over_too_early_then(self, reset, status, early):
        assert meaning(known(**ENDED), reset=reset, status=status).early is early

    def test_it_goes_on_for_longer_than_the_clock_shows_where_that_was_wrong(self):
        later = ENDED | {"previous_reset": UPPER + 3.0}
        assert meaning(known(**later), reset=UPPER + 2.0).early
        assert not meaning(known(**later), reset=UPPER + 2.1).early

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({}, (RESET, False, True)),
            ({"reset": None}, (UPPER + 3600, True, False)),
            ({"reset": START + 940.0}, (START + 1000, True, False)),
            ({"reset": FAR}, (UPPER + 3600, True, False)),
        ],
    )
    def test_its_end_is_what_is_believed_else_a_window_from_now_or_at_once(self, changes, expected):
        assert ends(meaning(known(reset=None), **changes)) == expected

    def test_a_far_end_on_which_enough_agree_is_believed(self):
        found = meaning(known(reset=None, claims=FAR_AGREED), reset=FAR)
        assert (ends(found), found.learned, found.claims.reset) == ((FAR, False, True), FAR - START, None)

    @pytest.mark.parametrize(
        ("changes", "used", "reports", "settles"),
        [
            ({}, 200, True, True),
            ({"remaining": 3600}, 0, True, True),
            ({"remaining": None}, 0, False, False),
            ({"limit": None, "remaining": 3600}, 0, True, True),
        ],
    )
    def test_its_count_is_the_responses(self, changes, used, reports, settles):
        found = meaning(known(reset=None, rolled_at=LONG_AGO), **changes)
        assert (found.used, found.reports_used, found.settles) == (used, reports, settles)
