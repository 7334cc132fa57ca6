"""The table that ends a sync, and the bar that is shown meanwhile."""

from __future__ import annotations

import asyncio
import io
from types import SimpleNamespace

from rich.console import Console

from tests.cases import for_each
from tests.unit.budget.test_window import answer, at, opened, send
from tonicdm.budget.views import snapshot_of
from tonicdm.cli import budget as budget_command
from tonicdm.cli.display import Display, progress
from tonicdm.cli.output import readable_lines
from tonicdm.cli.summary import NOTE, InTheFile, long_notes, summary
from tonicdm.errors import PermissionDeniedError
from tonicdm.plan.owner import Ownership
from tonicdm.sync import OwnerReport, RunReport, TypeReport
from tonicdm.sync.report import Meter

NOBODY = {"interactive": (0, 0), "normal": (0, 0), "bulk": (0, 0)}
REFUSED = PermissionDeniedError(
    status=403, method="GET", path="/core/offices", body="", rate_limit=None, attempts=1, headers={}, request_id=""
)


def of_run(*types: TypeReport, owner: OwnerReport | None = None) -> RunReport:
    return RunReport(types=types, seconds=61.0, owner=owner or OwnerReport(ownership=Ownership.KNOWN))


@for_each(
    ("report", "note"),
    [
        ({}, ""),
        ({"why": ["as asked"]}, "as asked"),
        ({"went_back": 1_000}, "1,000 went back to an older version"),
        ({"quarantined": 2}, "2 in quarantine (tonicdm quarantine FILE)"),
        ({"ahead": 3}, "3 are stamped in the future"),
        ({"settled": 2.0, "ahead": 1}, "1 are stamped in the future; waited 2 s for changes of the same second"),
        ({"refused": REFUSED, "why": ["as asked"]}, "refused by the server (403)"),
    ],
)
def test_what_is_worth_knowing_of_a_type_stands_in_its_note(report: dict[str, object], note: str) -> None:
    table, *_ = summary(of_run(TypeReport(type="offices", **report)), {})
    assert table.rows[0][NOTE] == note


def test_live_records_are_those_of_before_and_what_changed_less_what_is_marked() -> None:
    held = {"offices": InTheFile(live=100, changed=7, marked=2)}
    table, *_ = summary(
        of_run(TypeReport(type="offices", meter=Meter(units=6, calls=2), expected=5, max_units=6)), held
    )
    assert table.rows[0] == (
        "offices", 100, 7, 0, 6, "5-6", "2 of the new or changed have the status of a deleted record", 95, 2,
    )  # fmt: skip
    assert len(long_notes([table, "text"])) == 1


@for_each(("expected", "most", "shown"), [(5, 5, "5"), (1_000, 2_000, "1,000-2,000"), (5, None, "5 or more")])
def test_what_was_planned_is_a_number_a_span_or_a_beginning(expected: int, most: int | None, shown: str) -> None:
    table, *_ = summary(of_run(TypeReport(type="offices", expected=expected, max_units=most)), {})
    assert table.rows[0][5] == shown


def test_the_look_at_the_owner_is_a_line_where_it_cost_something_and_else_a_remark() -> None:
    asked = OwnerReport(ownership=Ownership.FIRST, meter=Meter(units=5, calls=1), why="noted")
    table, *remarks = summary(of_run(owner=asked), {})
    assert (table.rows[0][0], table.rows[0][4], remarks) == ("owner", 5, [])
    unasked = OwnerReport(ownership=Ownership.KNOWN, why="no owner is kept")
    assert summary(of_run(owner=unasked), {})[1:] == ["no owner is kept"]


def test_attempts_that_were_made_again_are_said_below_the_table() -> None:
    (_, remark) = summary(of_run(TypeReport(type="offices", meter=Meter(retried=3))), {})
    assert remark.startswith("3 attempts failed or were lost")


# --- the budget -------------------------------------------------------------------------------------------------------


def test_a_snapshot_is_a_bar_facts_and_accounts_that_name_lanes_and_labels() -> None:
    window = opened(used=1800)
    send(window, 20, 2.0, label="GET /y")
    seen = snapshot_of(window, at(3.0), NOBODY, "memory")
    bar = budget_command._bar(seen)
    assert (bar.count("#"), len(bar)) == (30, 62)
    lines = "\n".join(readable_lines([budget_command.facts(seen), *budget_command._accounts(seen)]))
    assert "1,800 of 3,600 left" in lines
    assert "GET /y" in lines


def test_a_429_and_the_cooldown_behind_it_are_among_the_facts() -> None:
    window = opened()
    answer(window, send(window, 1, 1.0), 3600, 2.0, status=429)
    lines = "\n".join(readable_lines([budget_command.facts(snapshot_of(window, at(3.0), NOBODY, "memory"))]))
    assert "1 in this window" in lines
    assert "after a 429" in lines


# --- while it runs ----------------------------------------------------------------------------------------------------


async def test_the_bar_shows_types_records_units_and_the_window() -> None:
    window = opened(used=100)
    budget = SimpleNamespace(snapshot=lambda: snapshot_of(window, at(3.0), NOBODY | {"bulk": (4, 20)}, "memory"))
    shown = io.StringIO()
    with Display(SimpleNamespace(budget=budget), Console(file=shown, force_terminal=True, width=120), 2) as display:  # type: ignore[arg-type]
        display.update(TypeReport(type="offices", records=1_234, meter=Meter(units=10), done=True))
        await asyncio.sleep(0)
    last = shown.getvalue()
    assert "1 of 2 types" in last
    assert "1,234 records, 10 units, 3,500 left, reset" in last
    assert "4 wait" in last


def test_a_log_gets_no_bar() -> None:
    with progress(SimpleNamespace(), 2) as update:  # type: ignore[arg-type]
        update(TypeReport(type="offices"))
