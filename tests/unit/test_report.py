"""The page of a report: whole without a network, and no text of a record is more than text in it."""

from __future__ import annotations

import datetime
import html.parser
import json
import pathlib
import re
import shutil
import sqlite3
import subprocess

import pytest
from click.testing import CliRunner

from tonicdm.budget import WindowRecord
from tonicdm.cli.app import tonicdm
from tonicdm.report import BudgetFacts, CopyFacts, MintFacts, read_copy, render
from tonicdm.report.charts import Bar, bar_chart, nice_step, spark_line
from tonicdm.report.facts import DeadLetterFacts, GapFacts, QuarantineFacts, Run, TypeFacts
from tonicdm.report.page import size_text
from tonicdm.store import Store
from tonicdm.types import DataQuantity

HOSTILE = "</title><script>alert(1)</script><img src=http://x.example/a onerror=alert(1)> \" ' \x1b[2J \ud800"
NOW = datetime.datetime(2026, 11, 27, 12, tzinfo=datetime.UTC)
VOID = {"meta", "img", "br", "link", "input"}


def copy_of(text: str) -> CopyFacts:
    runs = tuple(
        Run(text, f"2026-11-{day:02d}T02:00:00+00:00", day * 10, day, day + 5, 900 + day) for day in range(1, 28)
    )
    return CopyFacts(
        name=text,
        size=4_000_000,
        position=1234,
        types=(TypeFacts(text, 927, 12, 1, "2026-11-27T02:00:00+00:00", None, runs),),
        quarantine=(QuarantineFacts(text, text, text, text),),
        quarantined=1,
        gaps=(GapFacts(text, 1.8e9, 40, 2),),
        jobs={"done": 3, "dead": 1},
        dead_letters=(DeadLetterFacts(text, text, text, 1.8e9, 8, text),),
    )


def page_of(text: str) -> str:
    windows = tuple(
        WindowRecord(ended_at=1.8e9 + 3600 * n, limit=3600, used=100 * n, foreign=n, limited=n % 7 == 3)
        for n in range(30)
    )
    mints = [MintFacts(text, "2026-11", {1: 1, 20: 2}, 3, 900, 1000)]
    return render(copy_of(text), now=NOW, budget=BudgetFacts(windows, 3600, 100), mints=mints, version="1")


class Elements(html.parser.HTMLParser):
    """Collects the elements of a page, and that each is closed where it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_loads_nothing_and_runs_nothing_whatever_the_texts() -> None:
    page = page_of(HOSTILE)
    elements = Elements()
    elements.feed(page)
    assert elements.open == []
    assert not elements.names & {"script", "img", "link", "iframe", "object", "embed", "a", "form", "base"}
    assert not {name for name in elements.attributes if name.startswith("on")} | (elements.attributes & {"src", "href"})
    assert "url(" not in page
    assert "@import" not in page
    assert "default-src 'none'" in page
    page.encode()
    assert all(character.isprintable() or character == "\n" for character in page)


def test_it_shows_each_of_its_subjects() -> None:
    page = page_of("offices")
    for words in ("Record types", "Changes", "Units of the sync", "Windows of the budget", "Webhooks", "Quarantine"):
        assert f"<h2>{words}</h2>" in page
    assert "Machine tokens of the month" in page
    assert "prefers-color-scheme: dark" in page
    assert page.count('<svg viewBox="0 0 720') == 4
    assert "growth" in page


def test_without_a_token_or_a_run_it_says_so() -> None:
    page = render(
        CopyFacts(
            name="x", size=0, position=0, types=(), quarantine=(), quarantined=0, gaps=(), jobs={}, dead_letters=()
        ),
        now=NOW,
    )
    assert "No token was given" in page
    assert "No run has been noted yet" in page


def test_the_bound_of_a_run_is_what_its_changes_cost_by_id() -> None:
    assert [Run("x", "", changed, 0, 0, None).bound for changed in (0, 1, 240, 241)] == [0, 5, 5, 10]


def test_bars_stand_on_each_other_and_marks_are_where_they_belong() -> None:
    chart = bar_chart([Bar("1", [("a", 30), ("b", 20)], mark=50)], label="<x>", limit=100)
    (low, high) = [
        (float(y), float(height)) for y, height in re.findall(r'<rect .*?y="(.*?)" .*?height="(.*?)"', chart)
    ]
    assert low[0] == pytest.approx(high[0] + high[1], abs=0.2)
    (mark,) = re.findall(r'class="mark" .*?y1="(.*?)"', chart)
    assert float(mark) == pytest.approx(high[0], abs=0.2)
    assert "&lt;x&gt;" in chart


@pytest.mark.parametrize(("top", "step"), [(0, 1), (3, 1), (10, 5), (100, 50), (3600, 1000), (7, 2)])
def test_the_steps_of_an_axis_are_round(top: float, step: float) -> None:
    assert nice_step(top) == step


def test_a_line_needs_two_points() -> None:
    assert spark_line([1], label="x") == ""
    assert "polyline" in spark_line([5, 5], label="x")


async def test_a_copy_is_read_as_it_is(tmp_path: pathlib.Path) -> None:
    async with Store(tmp_path / "firm.db") as store:
        await store.write_page("offices", [{"id": "a" * 32}, {"id": "b" * 32, "name": "\ud800"}], DataQuantity.BASIC)
        for changed in (None, 1, 3):
            await store.finish(
                "offices", until="2026-01-01T00:00:00+00:00", audited=None, changed=changed, deleted=0, units=6
            )
        copy = await store.read(lambda db: read_copy(db, name="firm.db", size=1))
    (facts,) = copy.types
    assert (facts.name, facts.records, facts.quarantined, copy.quarantined) == ("offices", 1, 1, 1)
    assert [(run.changed, run.units, run.records) for run in facts.runs] == [(1, 6, 1), (3, 6, 1)]


def test_the_command_writes_the_page_without_a_token(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TONICDM_TOKEN", raising=False)
    monkeypatch.setenv("RHYTHM_TOKENS", str(tmp_path / "tokens"))
    sqlite3.connect(tmp_path / "x.db").close()
    ended = CliRunner().invoke(
        tonicdm, ["report", str(tmp_path / "x.db"), "-o", str(tmp_path / "report.html"), "--json"]
    )
    assert ended.exit_code == 0, ended.output
    assert json.loads(ended.stdout)["windows"] is None
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


@pytest.mark.thorough
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_chromium_opens_the_page_and_draws_it(tmp_path: pathlib.Path, scheme: str) -> None:
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no Chromium here")
    (tmp_path / "report.html").write_text(page_of("offices"), encoding="utf-8")
    picture = tmp_path / "report.png"
    dark = ["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", *dark,
        f"--user-data-dir={tmp_path / 'profile'}", "--window-size=900,1600", f"--screenshot={picture}",
        (tmp_path / "report.html").as_uri(),
    ]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert picture.exists(), ended.stderr
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert picture.stat().st_size > 20_000, "the charts are drawn"
    assert "Refused to" not in ended.stderr


@pytest.mark.parametrize(
    ("count", "text"),
    [(5, "5 bytes"), (2048, "2 KiB"), (3 << 20, "3 MiB"), (1536 << 20, "1.5 GiB"), (1 << 45, "32,768.0 GiB")],
)
def test_sizes_are_said_as_people_say_them(count: int, text: str) -> None:
    assert size_text(count) == text
