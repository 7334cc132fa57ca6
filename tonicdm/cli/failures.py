"""Messages and exit codes of failures: one line on stderr, and with ``--json`` one document on stdout."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
import warnings
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from tonicdm.cli.context import COMMAND, OUTPUT

if TYPE_CHECKING:
    from tonicdm.cli.output import Output

FAILED: Final = 1
USAGE: Final = 2
NETWORK: Final = 5
LOCAL_FILE: Final = 6
INTERRUPTED: Final = 130
READER_GONE: Final = 141
"""The code that a shell gives a program whose reader has gone."""

_KEYWORD: Final = re.compile(r"(?<![?&\w])([a-z][a-z_]*)=(?:\"([^\"]*)\"|(True|False)\b|(?=[\w'+-])())?")
"""An argument of Python: its name; and its value if that is in quotation marks, or a truth, or \"\" before another."""
_TWICE: Final = re.compile(r"(--[a-z-]+)(?: \(\1\)|, or \1\b)")
"""An option behind itself, where the text named both the argument and the option."""
_OPTION_IN_LIST: Final = frozenset({"filter_ids", "page_size", "sort_by", "max_pages"})


class CommandError(click.ClickException):
    """A failure that the command itself has found.

    Args:
        message: What happened, what it cost, what to do; one line.
        code: The exit code.
    """

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        vars(self)["exit_code"] = code  # click declares it of the class


def exit_code(error: BaseException) -> int:
    """Return the exit code for an error of this package or of the system."""
    from tonicdm import errors  # takes as long as the rest of the command line; --help has no errors

    codes: tuple[tuple[type[BaseException], int], ...] = (
        (errors.ConfigError, USAGE),
        (errors.InvalidOptionError, USAGE),
        (errors.AuthenticationError, 3),
        (errors.PermissionDeniedError, 3),
        (errors.BudgetError, 4),
        (errors.TransportError, NETWORK),
        (errors.StoreError, LOCAL_FILE),
        (errors.ExportError, LOCAL_FILE),
        (errors.TonicDMError, FAILED),
        (OSError, LOCAL_FILE),
    )
    return next((code for error_type, code in codes if isinstance(error, error_type)), FAILED)


def run_guarded(work: Callable[[], None], arguments: Sequence[str]) -> int:
    """Run a command to its end, print what failed, and return the exit code; raise nothing.

    Args:
        work: Parses the command line and runs the command.
        arguments: The command line.
    """
    _tolerant(sys.stdout)
    _tolerant(sys.stderr)
    report = _Report(arguments)
    shown = warnings.showwarning
    setattr(warnings, "showwarning", _show_warning)  # noqa: B010 - a hook by its documentation, of a narrower type
    try:
        code = report.run(work)
        sys.stdout.flush()
    except OSError as error:  # stdout itself: its reader has gone, or it takes no more
        code = report.stdout_failed(error)
    finally:
        setattr(warnings, "showwarning", shown)  # noqa: B010
    return code


def _show_warning(message: Warning | str, *_: Any) -> None:
    """Print a warning of the package as one line."""
    from tonicdm.cli.text import echo, printable

    with contextlib.suppress(OSError, ValueError):
        echo(f"tonicdm: warning: {printable(str(message))}", err=True)


class _Report:
    """What is said of one command's end."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._arguments = arguments
        self._meta: dict[str, Any] = {}

    def run(self, work: Callable[[], None]) -> int:
        with _remembered(self._meta):
            try:
                work()
            except click.exceptions.Exit as ended:
                return ended.exit_code
            except SystemExit:
                raise
            except BaseException as error:  # noqa: BLE001 - a traceback tells people nothing; the log has it
                return self._ended(_first(error))
        return 0

    def _ended(self, error: BaseException) -> int:
        if isinstance(error, (KeyboardInterrupt, EOFError, click.Abort)):
            return self._failed("interrupted", INTERRUPTED)
        if isinstance(error, click.UsageError):
            return self._failed(_usage(error), USAGE)
        if isinstance(error, click.ClickException):
            return self._failed(error.format_message(), error.exit_code, error)
        return self._error(error)

    def _error(self, error: BaseException) -> int:
        from tonicdm.errors import TonicDMError

        if isinstance(error, BrokenPipeError) or _is_stdout_error(error):
            raise error
        import logging

        logging.getLogger("tonicdm").debug("The command failed.", exc_info=error)
        if isinstance(error, TonicDMError):
            return self._failed(self._spelled(described(error)), exit_code(error), error)
        if isinstance(error, OSError):
            return self._failed(_os_text(error), exit_code(error), error)
        text = f"{type(error).__name__}: {error}. This is a fault of the command; --log-level debug shows where."
        return self._failed(text, FAILED, error)

    def _failed(self, text: str, code: int, error: BaseException | None = None) -> int:
        from tonicdm.cli.output import failure_document, wants_json, write_json
        from tonicdm.cli.text import echo, printable

        output: Output | None = self._meta.get(OUTPUT)
        line = printable(" ".join(f"{text} {output.consequence if output else ''}".split()))
        # A command line that can't be read has no output, or that of the group above.
        as_json = (output is not None and output.is_json) or wants_json(self._arguments)
        with contextlib.suppress(OSError, ValueError):
            echo(f"tonicdm: {line}", err=True)
        if as_json and not (output is not None and output.written):
            more = {} if output is None else output.context
            write_json({**failure_document(line, code, error), **more})
        return code

    def _spelled(self, text: str) -> str:
        context: click.Context | None = self._meta.get(COMMAND)
        if context is None:
            return text
        record_type = context.params.get("resource")
        named = text if not record_type or record_type in text else f"{record_type}: {text}"
        return spelled(named, context.command)

    def stdout_failed(self, error: OSError) -> int:
        """Say that stdout can't be written; nobody is left to read that its reader has gone."""
        _discard(sys.stdout)
        if isinstance(error, BrokenPipeError) or error.errno in {errno.EPIPE, errno.EINVAL}:
            return READER_GONE
        from tonicdm.cli.text import echo

        with contextlib.suppress(OSError, ValueError):
            reason = error.strerror or str(error)
            echo(f"tonicdm: the output could not be written: {reason}. What was stored is kept.", err=True)
        return LOCAL_FILE


@contextlib.contextmanager
def _remembered(meta: dict[str, Any]) -> Generator[None]:
    """Let the contexts of one command line share *meta*, so that it outlives them."""
    _META.append(meta)
    try:
        yield
    finally:
        _META.pop()


_META: Final[list[dict[str, Any]]] = []
"""The `meta` of the command lines that run, the innermost last; tests run one inside another process."""


def adopt_meta(context: click.Context) -> None:
    """Let *context* keep its `meta` where the report of a failure finds it."""
    if _META:
        context._meta = _META[-1]


def described(error: BaseException) -> str:
    """Return what happened, and where it says so nowhere, the endpoint it happened at."""
    text = str(error)
    path = getattr(error, "path", "")
    if path and path not in text:
        text = f"{getattr(error, 'method', '')} {path}: {text}".strip()
    return text


def spelled(text: str, command: click.Command) -> str:
    """Return an error's text with arguments of Python written as options of *command*."""
    options = {
        parameter.name: parameter
        for parameter in command.params
        if isinstance(parameter, click.Option) and parameter.name
    }

    def option(match: re.Match[str]) -> str:
        name, quoted, truth, plain = match.groups()
        if (found := options.get(name)) is not None:
            words = found.opts[0]
            if truth and found.is_flag:
                return words if truth == "True" or not found.secondary_opts else found.secondary_opts[0]
            value = next((text for text in (quoted, truth, plain) if text is not None), None)
            return words if value is None else f"{words} {value}"
        if "pairs" in options and (name in _OPTION_IN_LIST or name.startswith("filter_")):
            return f"-o {match[0]}"
        return match[0]

    return _TWICE.sub(r"\1", _KEYWORD.sub(option, text))


def _usage(error: click.UsageError) -> str:
    command = error.ctx.command_path.removeprefix("tonicdm").strip() if error.ctx else ""
    text = error.format_message()
    text = text[:1].lower() + text[1:]
    stop = "" if text.endswith((".", "?", "!")) else "."
    help_command = f"tonicdm {command}".strip()
    return f"{command}: {text}{stop} See {help_command} --help." if command else f"{text}{stop} See tonicdm --help."


def _os_text(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}." if error.filename else f"{reason}."


def _first(error: BaseException) -> BaseException:
    """Return the error itself, or the first one of a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _is_stdout_error(error: BaseException) -> bool:
    """Tell whether an error comes from writing to stdout: it names no file."""
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EIO, errno.EPIPE} and not error.filename


def _tolerant(stream: Any) -> None:
    """Let a stream write what its encoding lacks as an escape, instead of an error in the midst of a table."""
    with contextlib.suppress(AttributeError, ValueError, OSError):
        stream.reconfigure(errors="backslashreplace")


def _discard(stream: Any) -> None:
    """Let what a stream still holds go nowhere: Python would try once more at its exit, and complain."""
    with contextlib.suppress(AttributeError, ValueError, OSError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
