"""What `tonicdm doctor` says of what it has seen."""

from __future__ import annotations

import datetime
import pathlib

import click
import pytest

from tests.cases import for_each
from tests.unit.budget.test_window import answer, at, opened, send
from tonicdm.budget.views import snapshot_of
from tonicdm.cli.doctor import EXTRAS, Finding, _extras, _ledger, _store, clock_finding, doctor, zone_finding
from tonicdm.config import ZONES
from tonicdm.store.opening import locate

NOON = datetime.datetime(2026, 11, 27, 12, tzinfo=datetime.UTC)
NOBODY = {"interactive": (0, 0), "normal": (0, 0), "bulk": (0, 0)}
(ZONE, URL), *_ = ZONES.items()


@for_each(
    ("date", "state", "says"),
    [
        ("Fri, 27 Nov 2026 12:00:00 GMT", "ok", "0 s"),
        ("Fri, 27 Nov 2026 11:59:40 GMT", "ok", "20 s ahead of"),
        ("Fri, 27 Nov 2026 12:00:20 GMT", "ok", "20 s behind"),
        ("Fri, 27 Nov 2026 12:01:00 GMT", "warning", "60 s behind"),
        ("Fri, 27 Nov 2026 12:00:00", "ok", "0 s"),  # a Date is UTC, whether it says so or not
        ("Fri, 27 Nov 2026 12:00:00 -0000", "ok", "0 s"),
        ("soon", "skipped", "no Date"),
        ("", "skipped", "no Date"),
        (None, "skipped", "no Date"),
    ],
)
def test_the_clock_is_compared_with_the_date_of_the_answer(date: str | None, state: str, says: str) -> None:
    found = clock_finding(date, NOON)
    assert (found.check, found.state) == ("clock", state)
    assert says in found.text


@for_each(
    ("server", "home", "state"),
    [
        (URL, ZONE.upper(), "ok"),
        (URL, None, "ok"),
        (URL, "elsewhere", "warning"),
        ("https://proxy.example", "elsewhere", "ok"),  # which zone is behind it is not known
    ],
)
def test_data_that_pass_through_another_zone_are_a_warning(server: str, home: str | None, state: str) -> None:
    found = zone_finding(server, home)
    assert found.state == state
    assert ("--zone elsewhere" in found.text) is (state == "warning")


def test_a_ledger_in_memory_or_a_cooldown_is_a_warning() -> None:
    window = opened(used=100)
    assert _ledger(snapshot_of(window, at(1.0), NOBODY, "memory")).state == "warning"
    assert _ledger(snapshot_of(window, at(1.0), NOBODY, "/b.db")) == Finding(
        "ledger", "ok", "/b.db; 3,500 of 3,600 units left"
    )
    answer(window, send(window, 1, 1.0), 3600, 2.0, status=429)
    blocked = _ledger(snapshot_of(window, at(3.0), NOBODY, "/b.db"))
    assert blocked.state == "warning"
    assert "nothing is sent before" in blocked.text


async def test_a_copy_that_is_missing_or_no_store_fails_in_the_words_of_the_command(tmp_path: pathlib.Path) -> None:
    with click.Context(doctor):
        assert (await _store(None))[0].state == "skipped"
        (missing,) = await _store(locate(tmp_path / "firm.db"))
        assert (missing.state, "tonicdm sync" in missing.text) == ("failed", True)
        letter = tmp_path / "letter.txt"
        letter.write_text("Dear Sir or Madam, " * 100)
        (broken,) = await _store(locate(letter))
        assert broken.state == "failed"
        assert "\n" not in broken.text


def test_an_extra_counts_where_all_of_its_modules_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    (complete,) = _extras()
    assert complete.text == f"cli, {', '.join(EXTRAS)}"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "pyarrow" else object())
    (without,) = _extras()
    assert without.text.endswith("; not installed: arrow")
