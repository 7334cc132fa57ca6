"""The log on stderr: how much is written, as text or as a line of JSON for each message."""

from __future__ import annotations

import datetime
import json
import logging
import os
import sys
from typing import Any, Final

import click

from tonicdm.cli.context import LEVELS, LOG_LEVEL
from tonicdm.cli.text import printable

VARIABLE: Final = "TONICDM_LOG"

_FORMS: Final = ("text", "json")


class _TextFormatter(logging.Formatter):
    """A line a message; a traceback follows in lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{_time(record)} {record.levelname.lower()} {record.name}: {printable(record.getMessage())}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class _JSONFormatter(logging.Formatter):
    """A JSON object a line, a traceback inside it."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


class _Handler(logging.StreamHandler[Any]):
    """A handler that writes to what stderr is at the time, and gives up in silence where that is closed."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Let a message go that can't be written: a command does not end for its log."""


_HANDLER: Final = _Handler()
_SILENT: Final = logging.NullHandler()


def _time(record: logging.LogRecord) -> str:
    moment = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse(text: str) -> tuple[str | None, str]:
    """Return level and form of TONICDM_LOG: ``debug``, ``info:json``, ``json``.

    Raises:
        click.UsageError: It names neither.
    """
    words = [word for word in text.lower().replace(",", ":").split(":") if word]
    level = next((word for word in words if word in LEVELS), None)
    form = next((word for word in words if word in _FORMS), "text")
    if any(word not in LEVELS and word not in _FORMS for word in words):
        raise click.UsageError(
            f"{VARIABLE} is a level ({', '.join(LEVELS)}), a form (text, json) or both, such as info:json; not {text!r}"
        )
    return level, form


def level_of_option() -> str | None:
    """Return what ``--log-level`` of the command that runs says; None where it is not given."""
    level: str | None = click.get_current_context().meta.get(LOG_LEVEL)
    return level


def configure(level: str | None = None, *, default: str | None = None) -> None:
    """Set up the log of a command.

    Args:
        level: The option ``--log-level``; else TONICDM_LOG decides.
        default: The level where neither says one; None for no log at all.
    """
    named, form = parse(os.environ.get(VARIABLE, ""))
    chosen = level or named or ("info" if form == "json" else default)
    logger = logging.getLogger("tonicdm")
    logger.setLevel(logging.NOTSET if chosen is None else chosen.upper())
    _HANDLER.setFormatter(_JSONFormatter() if form == "json" else _TextFormatter())
    # Without a handler of its own, Python would print the warnings of the package in its way.
    for handler, wanted in ((_HANDLER, chosen is not None), (_SILENT, True)):
        (logger.addHandler if wanted else logger.removeHandler)(handler)
