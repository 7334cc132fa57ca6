"""Failures of commands: one line on stderr, the document of --json, and the exit code."""

from __future__ import annotations

import errno
import io
import json
import sys
import warnings
from collections.abc import Callable, Sequence

import click
import pytest

from tests.cases import for_each
from tonicdm.cli.failures import (
    FAILED,
    INTERRUPTED,
    LOCAL_FILE,
    READER_GONE,
    USAGE,
    CommandError,
    described,
    exit_code,
    run_guarded,
)
from tonicdm.errors import BudgetError, ConfigError, StoreError, TonicDMError, TransportError


def ended(error: BaseException, *arguments: str) -> int:
    def work() -> None:
        raise error

    return run_guarded(work, arguments)


class Unwritable(io.StringIO):
    """A stdout that takes nothing."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self._error = error

    def flush(self) -> None:
        raise self._error


@for_each(
    ("error", "code", "line"),
    [
        (ConfigError("no token"), USAGE, "no token"),
        (StoreError("firm.db", "is no store"), LOCAL_FILE, "firm.db"),
        (TonicDMError("odd"), FAILED, "odd"),
        (ExceptionGroup("all", [ExceptionGroup("some", [ConfigError("no token")])]), USAGE, "no token"),
        (FileNotFoundError(errno.ENOENT, "No such file", "a.txt"), LOCAL_FILE, "a.txt: No such file."),
        (OSError("just so"), LOCAL_FILE, "just so."),
        (OSError(), LOCAL_FILE, "OSError."),
        (KeyError("x"), FAILED, "KeyError: 'x'. This is a fault of the command"),
        (CommandError("nothing to do", 7), 7, "nothing to do"),
        (click.UsageError("No such thing"), USAGE, "no such thing"),
        (KeyboardInterrupt(), INTERRUPTED, "interrupted"),
        (EOFError(), INTERRUPTED, "interrupted"),
        (click.Abort(), INTERRUPTED, "interrupted"),
    ],
)
def test_every_failure_is_one_line_without_a_traceback(
    error: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert ended(error) == code
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("tonicdm: ")
    assert line in err


def test_with_json_it_is_a_document_on_stdout_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(StoreError("firm.db", "is no store"), "sync", "firm.db", "--json") == LOCAL_FILE
    out, _ = capsys.readouterr()
    assert json.loads(out)["error"]["exit_code"] == LOCAL_FILE


def test_a_command_that_ends_itself_keeps_its_code() -> None:
    assert ended(click.exceptions.Exit(3)) == 3
    with pytest.raises(SystemExit):
        ended(SystemExit(4))
    assert run_guarded(lambda: None, []) == 0


@for_each(
    ("error", "code", "says"),
    [
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), READER_GONE, ""),
        (OSError(errno.EINVAL, "Invalid argument"), READER_GONE, ""),  # Windows's word for the same
        (
            OSError(errno.ENOSPC, "No space left on device"),
            LOCAL_FILE,
            "No space left on device. What was stored is kept",
        ),
    ],
)
def test_a_stdout_that_takes_no_more_is_no_fault_of_the_command(
    error: OSError, code: int, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether it fails while the command prints, or when what is left is flushed."""
    for work in (_raising(error), lambda: None):
        capsys.readouterr()
        monkeypatch.setattr(sys, "stdout", Unwritable(error))
        assert run_guarded(work, []) == code
        assert says in capsys.readouterr().err


def _raising(error: OSError) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


def test_a_warning_is_one_line_and_the_hook_is_given_back(capsys: pytest.CaptureFixture[str]) -> None:
    before = warnings.showwarning

    def work() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning(UserWarning("the ledger\nis in memory"), UserWarning, "f.py", 1)

    assert run_guarded(work, []) == 0
    assert capsys.readouterr().err.count("\n") == 1
    assert warnings.showwarning is before


def test_an_error_names_the_endpoint_that_it_happened_at_once() -> None:
    error = BudgetError("too dear")
    vars(error).update(path="/core/offices", method="GET")
    assert described(error) == "GET /core/offices: too dear"
    vars(error).update(path="too dear")
    assert described(error) == "too dear"


@for_each(
    ("types", "code"),
    [((ConfigError,), 2), ((BudgetError,), 4), ((TransportError,), 5), ((StoreError, OSError), 6), ((KeyError,), 1)],
)
def test_each_kind_of_error_has_a_code_of_its_own(types: Sequence[type[BaseException]], code: int) -> None:
    for kind in types:
        assert exit_code(kind.__new__(kind)) == code
