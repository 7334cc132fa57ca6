"""Tables for notebooks: a budget, a plan, the report of a run; everything in them is escaped."""

from __future__ import annotations

import datetime
from typing import Any

from tonicdm import UnitBudget, display
from tonicdm.plan.estimate import Estimate, Plan, Strategy
from tonicdm.plan.owner import Ownership
from tonicdm.sync import OwnerReport, RunReport, TypeReport

EVIL = "<script>alert(1)</script>"


def test_every_value_head_and_caption_is_escaped():
    shown = display.table(EVIL, [EVIL], [[EVIL], [[EVIL]], [{EVIL: EVIL}]], more=3)
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;") >= 5
    assert "and 3 more" in shown


def test_long_and_empty_values_are_short():
    moment = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
    values: list[Any] = [None, "x" * 500, moment, [1, 2, 3, 4], "a&b"]
    texts = [display.text_of(value) for value in values]
    assert texts == ["", "x" * 79 + "…", "2026-03-01 12:00:00 UTC", "4: 1, 2, 3, …", "a&b"]


def test_a_snapshot_is_a_table():
    shown = UnitBudget.memory().snapshot()._repr_html_()
    assert "3,600 of 3,600 units" in shown
    assert "<table>" in shown


def test_a_plan_is_a_table_with_a_row_for_each_type():
    estimates = (
        Estimate(record_type=EVIL, strategy=Strategy.LOAD, expected=1234, max_units=None),
        Estimate(record_type="offices", strategy=Strategy.CHANGES, expected=1, max_units=6),
    )
    shown = Plan(types=estimates)._repr_html_()
    assert shown.count("<tr>") == 3
    assert "1,235 units expected" in shown
    assert "<script" not in shown


def test_a_report_is_a_table_with_a_row_for_each_type():
    report = RunReport(
        types=[TypeReport(type=EVIL, changed=7), TypeReport(type="offices")],
        seconds=1.5,
        owner=OwnerReport(ownership=next(iter(Ownership))),
    )
    shown = report._repr_html_()
    assert shown.count("<tr>") == 3
    assert "7 records changed" in shown
    assert "<script" not in shown


def test_of_many_rows_the_first_are_shown_and_the_others_counted():
    shown = display.records("All", ["n"], [[row] for row in range(display.MAX_ROWS + 3)])
    assert shown.count("<tr><td>") == display.MAX_ROWS
    assert "and 3 more" in shown
    assert "more</p>" not in display.records("All", ["n"], [[1]])
