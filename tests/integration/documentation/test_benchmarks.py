"""The benchmarks run where not everything is installed, and count what a real run does."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from benchmarks import client, instructions


def test_a_peer_that_is_not_installed_is_named_and_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "gidgethub" else find(name))
    found = client.installed(instructions.CLIENTS)
    assert found == [name for name in instructions.CLIENTS if name != "gidgethub"]
    assert "left out: gidgethub (" in capsys.readouterr().out
    assert client.installed([client.BASE]) == [client.BASE]
    assert capsys.readouterr().out == ""


def test_under_valgrind_the_ledger_has_as_much_more_time_as_a_call_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    before: dict[str, Any] = {}
    for module, name in instructions.TIMED:
        before[name] = getattr(module, name)
        monkeypatch.setattr(module, name, before[name])
    instructions.slow_down()
    for module, name in instructions.TIMED:
        assert getattr(module, name) == before[name] * instructions.SLOWDOWN
    assert len(before) == 2
