"""The window rules of the concepts page, without a server."""

import pytest

from tonicdm.sandbox import SandboxSettings
from tonicdm.sandbox.windows import Window, cost_of, data_quantity_of, reset_header


def window(**settings):
    return Window(SandboxSettings(**settings))


def test_window_starts_at_the_first_call_and_ends_an_hour_later():
    first = window().charge(5, now=1000.0)
    assert (first.allowed, first.state.used, first.state.remaining) == (True, 5, 3595)
    assert first.state.reset == 4600


def test_looking_at_a_window_opens_none():
    w = window()
    w.state(1000.0)
    assert w.charge(1, now=2000.0).state.reset == 5600


def test_window_ends_on_the_whole_second_its_header_names():
    state = window().charge(1, now=1000.4).state
    assert state.reset == 4601
    assert reset_header(state.reset, SandboxSettings()) == "4601"


@pytest.mark.parametrize(("rounding", "text"), [("truncate", "4600"), ("none", "4600.400")])
def test_window_may_end_within_a_second(rounding, text):
    settings = SandboxSettings(reset_rounding=rounding)
    state = Window(settings).charge(1, now=1000.4).state
    assert state.reset == pytest.approx(4600.4)
    assert reset_header(state.reset, settings) == text


def test_used_never_exceeds_the_limit():
    w = window(limit=10)
    served = [w.charge(3, now=0.0).allowed for _ in range(5)]
    assert served == [True, True, True, False, False]
    assert w.state(0.0).used == 9


def test_call_dearer_than_the_rest_is_rejected_uncharged_and_blocks_cheaper_ones():
    w = window(limit=10)
    w.charge(8, now=0.0)
    assert not w.charge(5, now=1.0).allowed
    assert w.state(1.0).remaining == 2
    assert not w.charge(1, now=2.0).allowed


def test_cheaper_call_still_fits_when_exceeding_does_not_block():
    w = window(limit=10, exceeded_blocks=False)
    w.charge(8, now=0.0)
    assert not w.charge(5, now=1.0).allowed
    assert w.charge(2, now=1.0).allowed


def test_first_rejection_leaves_reset_and_each_further_call_moves_it():
    w = window(limit=1)
    reset = w.charge(1, now=0.0).state.reset
    moved = [w.charge(1, now=1.0).state.reset - reset for _ in range(4)]
    assert moved == [0, 60, 120, 180]


def test_first_rejection_may_move_reset_too():
    w = window(limit=1, first_rejection_extends=True)
    w.charge(1, now=0.0)
    assert w.charge(1, now=1.0).state.reset == 3660


def test_reset_moves_an_hour_at_most():
    w = window(limit=1)
    for _ in range(200):
        w.charge(1, now=0.0)
    assert w.state(0.0).reset == 7200


def test_exceeding_ends_at_the_moved_reset():
    w = window(limit=1)
    for _ in range(3):
        w.charge(1, now=0.0)
    assert not w.charge(1, now=3600.0).allowed
    assert w.charge(1, now=3720.0).allowed
    assert w.state(3720.0).extended == 0


def test_aligned_windows_end_on_the_hour():
    assert window(window_start="aligned").charge(1, now=7300.0).state.reset == 10_800


def test_back_to_back_windows_follow_from_the_first():
    w = window(window_start="back_to_back")
    w.charge(1, now=100.0)
    assert w.charge(1, now=3700.0 + 5000.0).state.reset == 3700 + 7200


def test_another_user_takes_at_most_what_is_left():
    w = window(limit=10)
    w.spend(50, now=0.0)
    assert w.state(0.0).used == 10
    assert not w.state(0.0).exceeded


@pytest.mark.parametrize(("data_quantity", "units"), [("id_only", 1), ("basic", 5), ("complete", 20)])
def test_price_is_per_call_unless_the_setting_says_per_record(data_quantity, units):
    assert cost_of(data_quantity, 1000, SandboxSettings()) == units
    assert cost_of(data_quantity, 1000, SandboxSettings(cost_mode="record")) == 1000 * units
    assert cost_of(data_quantity, 0, SandboxSettings(cost_mode="record")) == units


def test_absent_data_quantity_has_three_defaults():
    settings = SandboxSettings()
    assert data_quantity_of(None, "GET", listed=True, settings=settings) == "id_only"
    assert data_quantity_of(None, "GET", listed=False, settings=settings) == "basic"
    assert data_quantity_of(None, "PATCH", listed=False, settings=settings) == "basic"
    assert data_quantity_of("complete", "DELETE", listed=False, settings=settings) == "complete"
