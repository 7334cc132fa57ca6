"""What the documentation shows of the benchmarks' figures, all of it out of the file that they were written to."""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any, Final

FILE: Final = pathlib.Path(__file__).parents[1] / "docs" / "explanation" / "benchmarks.json"
"""Written by ``python -m benchmarks --json FILE NAME ...``, and committed."""

_FIELD: Final = re.compile(r"\{([^/{}]+)/([^/{}]+)/([^/{}]+)/([^/{}]+)\}")
"""A figure in the page: ``{benchmark/case/which/format}``."""


def measured() -> dict[str, Any]:
    """Return the file's benchmarks by name."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def figure(benchmark: str, case: str, which: str) -> float:
    """Return one figure.

    Raises:
        LookupError: The file has none or several of that name.
    """
    found = [
        float(cases[case][which])
        for cases in measured().get(benchmark, {}).get("tables", {}).values()
        if which in cases.get(case, {})
    ]
    if len(found) != 1:
        raise LookupError(f"{len(found)} figures {which!r} of {case!r} in {benchmark!r}; run that benchmark again")
    return found[0]


def filled(text: str) -> str:
    """Return *text* with figures in place of their names."""
    return _FIELD.sub(lambda match: format(figure(match[1], match[2], match[3]), match[4]), text)


def named(text: str) -> list[tuple[str, str, str]]:
    """Return the figures that *text* names."""
    return [(match[1], match[2], match[3]) for match in _FIELD.finditer(text)]


def origins() -> Iterator[str]:
    """Return a sentence for each machine and day: which benchmarks were run there."""
    runs: dict[str, list[str]] = {}
    for name, run in measured().items():
        of = run["machine"]
        where = f"{run['date']}, {of['processor']}, {of['cores']} cores, {of['system']}, {of['python']}"
        runs.setdefault(where, []).append(f"`{name}`")
    for where, names in runs.items():
        yield f"Measured on {where}: {', '.join(names)}."


def bars(benchmark: str, which: str) -> list[tuple[str, float]]:
    """Return all cases of a benchmark that have a figure, with it."""
    return [
        (case, float(figures[which]))
        for cases in measured()[benchmark]["tables"].values()
        for case, figures in cases.items()
        if which in figures
    ]
