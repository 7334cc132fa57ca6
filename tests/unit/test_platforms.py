"""What Windows and macOS do otherwise, played on this machine (docs/explanation/platforms)."""

from __future__ import annotations

import asyncio
import functools
import os
import pathlib
import runpy
import signal
import stat
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tonicdm import clock as clock_module
from tonicdm import disk, lockfile
from tonicdm.budget import forks
from tonicdm.budget.ledgers import starts
from tonicdm.cli.sandbox import _exports
from tonicdm.cli.signals import stop_event
from tonicdm.clock import SystemClock
from tonicdm.rhythm.tokens.store import PRIVATE, FileTokenStore
from tonicdm.tokens import split_command, token_source


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds: list[float] = []
    monkeypatch.setattr(time, "sleep", seconds.append)
    return seconds


class TestRenaming:
    @pytest.fixture
    def parts(self, tmp_path: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
        part, target = tmp_path / "a.part", tmp_path / "a"
        part.write_text("new")
        target.write_text("old")
        return part, target

    def opened_by_another(self, monkeypatch: pytest.MonkeyPatch, times: int) -> list[int]:
        """Let renaming fail as Windows does while a file is open, so many times."""
        tries, rename = [0], os.replace

        def replace(*paths: Any) -> None:
            tries[0] += 1
            if tries[0] <= times:
                raise PermissionError(13, "The process cannot access the file")
            rename(*paths)

        monkeypatch.setattr(os, "replace", replace)
        return tries

    @pytest.mark.usefixtures("windows")
    @pytest.mark.parametrize("times", [0, 1, len(disk.PAUSES)])
    def test_a_reader_that_has_the_file_open_for_a_moment_costs_a_moment(self, monkeypatch, slept, parts, times):
        part, target = parts
        self.opened_by_another(monkeypatch, times)
        disk.replace(part, target)
        assert (target.read_text(), part.exists(), slept) == ("new", False, list(disk.PAUSES[:times]))

    @pytest.mark.usefixtures("windows")
    def test_one_that_keeps_it_open_is_an_error(self, monkeypatch, slept, parts):
        part, target = parts
        tries = self.opened_by_another(monkeypatch, 99)
        with pytest.raises(PermissionError):
            disk.replace(part, target)
        assert (target.read_text(), tries[0], sum(slept) < 1.0) == ("old", len(disk.PAUSES) + 1, True)

    def test_elsewhere_a_refusal_is_final_at_once(self, monkeypatch, slept, parts):
        tries = self.opened_by_another(monkeypatch, 1)
        with pytest.raises(PermissionError):
            disk.replace(*parts)
        assert (tries[0], slept) == (1, [])


class TestSyncing:
    @pytest.fixture
    def opened(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
        """Note what is opened to be brought to the disk, and how."""
        names: list[tuple[str, int]] = []
        real = os.open

        def noted(path: Any, flags: int, *more: Any, **named: Any) -> int:
            names.append((pathlib.Path(path).name, flags & (os.O_RDONLY | os.O_WRONLY | os.O_RDWR)))
            return real(path, flags, *more, **named)

        monkeypatch.setattr(os, "open", noted)
        return names

    @pytest.mark.parametrize(
        ("platform", "expected"), [("linux", [("f", os.O_RDONLY), ("d", os.O_RDONLY)]), ("win32", [("f", os.O_RDWR)])]
    )
    def test_windows_syncs_files_that_are_open_for_writing_and_no_folders(
        self, monkeypatch, tmp_path, opened, platform, expected
    ):
        (tmp_path / "f").write_text("x")
        (tmp_path / "d").mkdir()
        monkeypatch.setattr(sys, "platform", platform)
        disk.sync(tmp_path / "f")
        disk.sync(tmp_path / "d")
        assert opened == expected


@pytest.mark.usefixtures("windows")
def test_where_files_have_no_modes_none_is_asked_for(tmp_path, monkeypatch):
    """On Windows a profile's folder keeps others out; fchmod and the owner's number are not there."""
    for name in ("fchmod", "fchown", "geteuid"):
        monkeypatch.delattr(os, name)
    file = os.open(tmp_path / "f", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        before = os.fstat(file).st_mode
        lockfile.share(file, stat.S_IMODE(before) ^ 0o040, 5)
        assert os.fstat(file).st_mode == before
    finally:
        os.close(file)
    tmp_path.chmod(0o777)
    assert FileTokenStore(tmp_path)._sharing() == PRIVATE


def test_where_nothing_forks_nothing_is_prepared_for_it(monkeypatch):
    monkeypatch.delattr(os, "register_at_fork")
    assert runpy.run_path(forks.__file__)["watch"]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
async def test_where_the_loop_takes_no_signals_they_end_a_server_all_the_same(monkeypatch, name):
    """As on Windows: the handler of the process tells the loop, and a late one finds it closed."""

    def refuse(*_: Any) -> None:
        raise NotImplementedError

    monkeypatch.setattr(asyncio.get_running_loop(), "add_signal_handler", refuse)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        stop = stop_event()
        handler = signal.getsignal(getattr(signal, name))
        signal.raise_signal(getattr(signal, name))
        async with asyncio.timeout(60):
            await stop.wait()
    finally:
        for number, former in before.items():
            signal.signal(number, former)
    monkeypatch.setattr(asyncio.get_running_loop(), "call_soon_threadsafe", _closed)
    handler(signal.SIGINT, None)


def _closed(*_: Any) -> None:
    raise RuntimeError("Event loop is closed")


class TestClocks:
    @pytest.mark.parametrize(
        ("platform", "name", "counts"),
        [("win32", None, True), ("darwin", "CLOCK_MONOTONIC", True), ("freebsd14", None, False)],
    )
    def test_each_system_has_its_clock_that_counts_sleep(self, monkeypatch, platform, name, counts):
        monkeypatch.setattr(sys, "platform", platform)
        found, counted = clock_module._system_monotonic()
        assert counted is counts
        if name is None:
            assert found is time.monotonic
        else:
            assert isinstance(found, functools.partial)
            assert found.args == (getattr(time, name),)

    @pytest.fixture
    def no_boot_id(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        def absent(*_: Any, **__: Any) -> str:
            raise FileNotFoundError

        monkeypatch.setattr(starts, "_boot_id", None)
        monkeypatch.setattr(pathlib.Path, "read_text", absent)
        return None

    @pytest.mark.usefixtures("no_boot_id")
    def test_a_machine_that_slept_has_not_started_anew(self, monkeypatch):
        """On macOS `time.monotonic` stands still in sleep, the clock that is asked does not."""
        started, awake = 1_800_000_000.0, 5_000.0
        ids = set()
        for asleep in (0.0, 8 * 3600.0):
            monkeypatch.setattr(starts, "_boot_id", None)
            monkeypatch.setattr(time, "monotonic", lambda: awake)
            monkeypatch.setattr(clock_module, "_MONOTONIC", lambda asleep=asleep: awake + asleep)
            monkeypatch.setattr(SystemClock, "now", lambda _, asleep=asleep: started + awake + asleep)
            ids.add(starts.boot_id())
        assert ids == {f"zero-{round(started / 600)}"}


class TestCommandLines:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (r"C:\tools\token.exe --name main", [r"C:\tools\token.exe", "--name", "main"]),
            (r'"C:\Program Files\op.exe" read "a b"', [r"C:\Program Files\op.exe", "read", "a b"]),
            ("op read 'a b'", ["op", "read", "a b"]),
            ('op "', None),
        ],
    )
    @pytest.mark.usefixtures("windows")
    def test_on_windows_a_backslash_is_part_of_a_path(self, text, words):
        if words is None:
            with pytest.raises(ValueError, match="quotation"):
                split_command(text)
        else:
            assert split_command(text) == words
            assert list(token_source(None, text).command) == words

    def test_elsewhere_it_is_the_shells(self):
        assert split_command(r"op read 'a b' c\ d") == ["op", "read", "a b", "c d"]

    def test_a_sandbox_says_how_its_variables_are_set_in_the_shell_of_the_system(self, monkeypatch):
        variables = {"TONICDM_TOKEN": "it's"}
        assert _exports(variables) == ["export TONICDM_TOKEN='it'\"'\"'s'"]
        monkeypatch.setattr(sys, "platform", "win32")
        assert _exports(variables) == ["$env:TONICDM_TOKEN = 'it''s'"]
