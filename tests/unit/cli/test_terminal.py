"""What is shown where a terminal is, and the command without its extra."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from tonicdm import cli
from tonicdm.cli import watching
from tonicdm.cli.export import _progress
from tonicdm.export.run import ExportProgress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def output(*, is_text: bool = True) -> Any:
    shown: list[Any] = []
    return SimpleNamespace(is_text=is_text, shown=shown, show=lambda document, *parts: shown.append((document, *parts)))


async def looks(how_many: int, patch: pytest.MonkeyPatch, **options: Any) -> tuple[list[Any], str]:
    """Watch on a terminal until so many looks were taken; what was shown."""
    left = iter(range(how_many))

    async def read() -> tuple[Any, list[str]]:
        if (number := next(left, None)) is None:
            raise KeyboardInterrupt
        return number, [f"[b]look {number}"]

    to, terminal = output(**options), Terminal()
    patch.setattr(watching, "MIN_INTERVAL_SECONDS", 0.0)
    patch.setattr(sys, "stdout", terminal)
    with pytest.raises(KeyboardInterrupt):
        await watching.watch_parts(to, read, 0.0)
    return to.shown, terminal.getvalue()


async def test_on_a_terminal_each_look_takes_the_place_of_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a record's own text is no markup."""
    shown, text = await looks(3, monkeypatch)
    assert shown == []
    assert "[b]look 2" in text


async def test_json_follows_line_by_line_on_a_terminal_too(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, _ = await looks(3, monkeypatch, is_text=False)
    assert [document for document, *_ in shown] == [0, 1, 2]


def test_an_export_shows_a_bar_on_a_terminal_and_nothing_in_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    with _progress() as quiet:
        assert quiet is None
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with _progress() as show:
        assert show is not None
        show(ExportProgress(record_type="offices", rows=1_234, done=1, types=2))
    assert "done" in terminal.getvalue()
    assert log.getvalue() == ""


def test_without_its_extra_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("tonicdm.cli.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "click", None)
    with pytest.raises(SystemExit, match="needs click, from the extra cli"):
        cli.main()
