"""Print results: a table on a terminal, tab-separated lines elsewhere, JSON or CSV where they are asked for."""

from __future__ import annotations

import csv
import functools
import io
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TextIO

import attrs
import click

from tonicdm.cli.context import OUTPUT
from tonicdm.cli.text import Column, echo, fit, printable, wrapped

MAX_LEFT_OUT: Final = 6
"""Columns that are named where a table leaves some out."""

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def _as_columns(columns: Sequence[Column | str]) -> Sequence[Column]:
    return [Column(column) if isinstance(column, str) else column for column in columns]


@attrs.frozen
class Table:
    """Rows under titles; the first columns are the most important ones.

    Attributes:
        columns: The columns, as `Column` or as a title.
        rows: The cells of each row. None is an empty cell; a list or an object is written as JSON.
        title: A line above it, on a terminal only.
        caption: A remark below it.
        wide: Columns and rows for CSV, where it has more than the terminal.
    """

    columns: Sequence[Column] = attrs.field(converter=_as_columns)
    rows: Sequence[Sequence[Any]]
    title: str = ""
    caption: str = ""
    wide: Table | None = None


@attrs.frozen
class Facts:
    """A short list of facts, each a label and a text."""

    pairs: Sequence[tuple[str, Any]]


@attrs.frozen
class Line:
    """A sentence that is the result itself, and so goes to stdout in any case."""

    text: str


Part = Table | Facts | Line | str
"""What a command shows; a plain text is a remark."""


@attrs.define
class Output:
    """Where and how a command prints.

    Attributes:
        form: ``json``, ``csv``, ``table``, or empty for a table on a terminal and tab-separated lines elsewhere.
        guard_formulas: Whether a CSV cell that a spreadsheet would take for a formula gets a quote in front.
        written: Whether the document of this run has been written.
        context: What the document of a failed run says beside the error, such as how many records are kept.
        consequence: What the message of a failed run says beside the error.
    """

    form: str = ""
    guard_formulas: bool = False
    written: bool = False
    context: dict[str, Any] = attrs.field(factory=dict)
    consequence: str = ""

    @property
    def is_json(self) -> bool:
        """Whether stdout belongs to one JSON document."""
        return self.form == "json"

    @property
    def is_text(self) -> bool:
        """Whether people read stdout: neither JSON nor CSV was asked for."""
        return self.form in {"", "table"}

    def show(self, document: Any, *parts: Part) -> None:
        """Print the result of a command.

        Args:
            document: What ``--json`` prints: a value of JSON's types.
            parts: What is printed else, in this order. CSV takes the first table; where there is none, the plain
                values of the document as one row.
        """
        self.written = True
        if self.form == "json":
            write_json(document)
        elif self.form == "csv":
            self._csv(document, parts)
        elif self.on_terminal:
            echo("\n".join(readable_lines(parts)))
        else:
            self._tabbed(parts)

    @property
    def on_terminal(self) -> bool:
        """Whether tables are laid out for people: on a terminal, or where a table was asked for."""
        return self.form == "table" or (self.is_text and sys.stdout.isatty())

    def remark(self, text: str) -> None:
        """Print a sentence for people: to stdout on a terminal, else to stderr, so that data stay data."""
        line = printable(text)
        lines = wrapped(line, terminal_width()) if self.on_terminal or sys.stderr.isatty() else [line]
        for line in lines:
            echo(line, err=not self.on_terminal)

    def _tabbed(self, parts: Iterable[Part]) -> None:
        tables = 0
        for part in parts:
            if isinstance(part, Facts):
                echo("\n".join(fact_lines(part, width=None)))
            elif isinstance(part, Table):
                if tables:
                    echo()
                tables += 1
                titles = [column.name for column in part.columns]
                lines = [titles, *([cell(value) for value in row] for row in part.rows)]
                echo("\n".join("\t".join(map(printable, line)) for line in lines))
            elif isinstance(part, Line):
                echo(printable(part.text))
            else:
                self.remark(part)

    def _csv(self, document: Any, parts: Sequence[Part]) -> None:
        table = next((part.wide or part for part in parts if isinstance(part, Table)), None)
        if table is None:
            plain = {name: value for name, value in document.items() if not isinstance(value, (dict, list))}
            table = Table(list(plain), [list(plain.values())])
        # Collected first: what csv raises of a cell is raised before anything is written.
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([column.name for column in table.columns])
        writer.writerows([[self._csv_cell(value) for value in row] for row in table.rows])
        echo(text.getvalue(), nl=False)

    def _csv_cell(self, value: Any) -> str:
        text = cell(value)
        if self.guard_formulas and isinstance(value, str) and text.startswith(_FORMULA_STARTS):
            text = f"'{text}"
        return printable(text) if sys.stdout.isatty() else text


def cell(value: Any) -> str:
    """Return a value as the text of a cell."""
    if value is None:
        return ""
    return _json(value) if isinstance(value, (list, tuple, dict, bool)) else str(value)


def readable_lines(parts: Iterable[Part]) -> list[str]:
    """Return what a command shows as lines that fit the terminal."""
    width = terminal_width()
    lines: list[str] = []
    for part in parts:
        if isinstance(part, str):
            lines += wrapped(printable(part), width)
        elif isinstance(part, Line):
            lines += wrapped(printable(part.text), width)
        elif isinstance(part, Facts):
            lines += fact_lines(part, width=width)
        else:
            lines += _table_lines(part, width)
    return lines


def _table_lines(table: Table, width: int) -> list[str]:
    rows = [
        [printable(column.short(cell(value))) for column, value in zip(table.columns, row, strict=True)]
        for row in table.rows
    ]
    fitted = fit(table.columns, rows, width, ellipsis=_ellipsis())
    left_out = [*fitted.left_out, *_only_wide(table)]
    more = f" and {len(left_out) - MAX_LEFT_OUT} more" if len(left_out) > MAX_LEFT_OUT else ""
    hint = f"Left out: {', '.join(left_out[:MAX_LEFT_OUT])}{more}; --format json or csv gives all."
    remarks = (table.title, table.caption, hint if left_out else "")
    above, *below = (wrapped(printable(text), width) if text else [] for text in remarks)
    return [*above, *fitted.lines, *(line for lines in below for line in lines)]


def fact_lines(facts: Facts, *, width: int | None) -> list[str]:
    """Return facts as lines with their labels in one column.

    Args:
        facts: The facts.
        width: Cells of a line; a longer text goes on below itself. None for lines of any length.
    """
    labels = max((len(label) for label, _ in facts.pairs), default=0)
    lines: list[str] = []
    for label, value in facts.pairs:
        text = printable(cell(value))
        first, *more = [text] if width is None else wrapped(text, width - labels - 1)
        lines += [f"{label:<{labels}} {first}", *(f"{'':<{labels}} {line}" for line in more)]
    return lines


def terminal_width() -> int:
    """Return the cells of a line: COLUMNS, else the terminal's, else 80."""
    return max(20, shutil.get_terminal_size((80, 24)).columns)


def write_json(document: Any) -> None:
    """Print one document of JSON: on one line, or indented on a terminal."""
    echo(_json(document, indent=2 if sys.stdout.isatty() else None))


def _json(document: Any, indent: int | None = None) -> str:
    text = json.dumps(document, ensure_ascii=not _is_unicode(sys.stdout), indent=indent, default=str)
    # JSON escapes what is below a blank; the rest that could steer a terminal stands only in texts, too.
    if text.isprintable():
        return text
    return "".join(
        character if character == "\n" or character.isprintable() or character == " " else _escaped(character)
        for character in text
    )


def _escaped(character: str) -> str:
    return json.dumps(character)[1:-1] if ord(character) > 0x7F else f"\\u{ord(character):04x}"


def _is_unicode(stream: TextIO) -> bool:
    return (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "").startswith("utf")


def _ellipsis() -> str:
    return "…" if _is_unicode(sys.stdout) else "..."


def _only_wide(table: Table) -> list[str]:
    shown = {column.name for column in table.columns}
    return [column.name for column in table.wide.columns if column.name not in shown] if table.wide else []


# --- options ----------------------------------------------------------------------------------------------------------


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give *command* the options ``--format``, ``--json`` and ``--guard-formulas``, and an `Output` as ``output``."""

    @click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), help="How to print; else a table, or tab-separated lines where stdout is no terminal.")  # fmt: skip  # noqa: E501
    @click.option("--json", "as_json", is_flag=True, help="The same as --format json: one document, also of a failure.")
    @click.option("--guard-formulas", is_flag=True, help="In CSV, put ' before a text that a spreadsheet would run as a formula.")  # fmt: skip  # noqa: E501
    @functools.wraps(command)
    def run(*arguments: Any, form: str | None, as_json: bool, guard_formulas: bool, **options: Any) -> Any:
        if as_json and form not in {None, "json"}:
            raise click.UsageError(f"--json and --format {form} can't both be heeded")
        output = Output("json" if as_json else form or "", guard_formulas=guard_formulas)
        click.get_current_context().meta[OUTPUT] = output
        return command(*arguments, output=output, **options)

    return run


def wants_json(arguments: Sequence[str]) -> bool:
    """Tell whether a command line asks for JSON, also where it can't be read otherwise."""
    words = " ".join(arguments)
    return "--json" in arguments or "--format json" in words or "--format=json" in arguments


def failure_document(message: str, exit_code: int, error: BaseException | None = None) -> Mapping[str, Any]:
    """Return what ``--json`` prints where a command failed.

    Args:
        message: What happened, in one line.
        exit_code: The code that the command ends with.
        error: The error; None for wrong usage.
    """
    details: dict[str, Any] = {
        "type": "UsageError" if error is None else type(error).__name__,
        "message": message,
        "exit_code": exit_code,
    }
    for name in ("status", "method", "path", "request_id"):
        if value := getattr(error, name, None):
            details[name] = value
    return {"error": details}
