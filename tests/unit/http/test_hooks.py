"""What hooks and the log are told."""

from __future__ import annotations

import datetime
import logging

import attrs
import pytest

from tests.cases import for_each
from tonicdm.budget.rules import Reason
from tonicdm.budget.views import WaitNotice
from tonicdm.http.hooks import (
    BudgetMismatchEvent,
    FailureEvent,
    ForeignUsageEvent,
    Hooks,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    WindowEvent,
)

CALL = {"method": "GET", "path": "/core/offices"}
WAIT = WaitNotice(
    "GET /x", 20, "normal", Reason.SPENT, 60.0, datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), 0, 0, 7, 3600
)
EVENTS = {
    "request": RequestEvent(**CALL, cost=5, priority="normal", attempt=1, request_id="r1"),
    "response": ResponseEvent(
        **CALL, status=200, cost=5, observed_cost=5, rate_limit=None, attempt=1, elapsed=0.5, request_id="r1"
    ),
    "wait": WAIT,
    "retry": RetryEvent(**CALL, attempt=1, reason="503", pause=1.5, request_id="r1"),
    "budget_mismatch": BudgetMismatchEvent(**CALL, expected=1, observed=5, in_a_row=1),
    "window": WindowEvent(**CALL, seconds=600.0),
    "foreign_usage": ForeignUsageEvent(**CALL, units=7, in_window=7),
}


@for_each("name", EVENTS)
def test_two_sets_of_hooks_are_both_told_even_where_one_is_faulty(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """An answer that was paid for must not be lost to a faulty listener."""
    told: list[object] = []

    def faulty(event: object) -> None:
        told.append(event)
        raise RuntimeError("a fault of the listener")

    hook = f"on_{name}"
    both = Hooks(**{hook: faulty}).joined(Hooks(**{hook: told.append}))
    caplog.clear()
    getattr(both, name)(EVENTS[name])
    assert told == [EVENTS[name]] * 2
    assert "a hook failed" in caplog.text


@for_each("name", EVENTS)
def test_without_a_listener_the_log_is_told_all_the_same(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.clear()
    with caplog.at_level(logging.DEBUG, "tonicdm"):
        getattr(Hooks().joined(Hooks()), name)(EVENTS[name])
    assert len(caplog.records) == 1


def test_hooks_of_one_side_stay_as_they_are() -> None:
    told: list[object] = []
    only = Hooks(on_request=told.append)
    assert only.joined(Hooks()) == Hooks().joined(only) == only


@for_each(
    ("units", "in_window", "level"),
    [(7, 7, logging.WARNING), (2, 9, logging.INFO)],
    ids=["the first sign", "more of it"],
)
def test_the_first_sign_of_others_in_a_window_is_a_warning(
    units: int, in_window: int, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    with caplog.at_level(logging.DEBUG, "tonicdm"):
        Hooks().foreign_usage(ForeignUsageEvent(**CALL, units=units, in_window=in_window))
    assert [record.levelno for record in caplog.records] == [level]


def test_short_waits_are_details_and_pauses_are_news(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "tonicdm"):
        for notice in (WAIT, attrs.evolve(WAIT, wait=0.1), attrs.evolve(WAIT, wait=0.1, reason=Reason.PAUSED)):
            Hooks().wait(notice)
    assert [record.levelno for record in caplog.records] == [logging.INFO, logging.DEBUG, logging.INFO]


def test_a_failure_names_its_class_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    names = {field.name for field in attrs.fields(FailureEvent)}
    values = {
        "error_type": "ConnectError",
        "elapsed": 0.5,
        "attempt": 1,
        "cost": 5,
        "priority": "normal",
        "sent": False,
        "status": None,
    }
    event = FailureEvent(**CALL, **{name: value for name, value in values.items() if name in names})
    told: list[object] = []
    with caplog.at_level(logging.DEBUG, "tonicdm"):
        Hooks(on_failure=told.append).failure(event)
    assert told == [event]
    assert "ConnectError after 0.500 s" in caplog.text
