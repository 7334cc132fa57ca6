"""Medians, ratios, and how they are printed and kept."""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_kept: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
_benchmark = ""


def begin(name: str) -> None:
    """Keep the figures that come now under the benchmark *name*."""
    global _benchmark  # noqa: PLW0603 # one runs at a time
    _benchmark = name


def interleaved(cases: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Run all cases in turns, so that a slow moment of the machine strikes all of them."""
    for case in cases.values():
        case()
    results: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            results[name].append(case())
    return results


def show(title: str, unit: str, results: Mapping[str, Sequence[float]], base: str, note: str = "") -> None:
    """Print the median of each case, its spread, and its ratio to *base*: of the medians, and the least of a round."""
    reference = statistics.median(results[base])
    print(f"\n{title}")
    print(f"{'case':<44}{'median ' + unit:>14}{'min':>10}{'max':>10}{'ratio':>8}{'least':>8}")
    for name, values in results.items():
        median = statistics.median(values)
        pairs = zip(values, results[base], strict=len(values) == len(results[base]))
        figures = {
            f"median {unit}": median,
            f"min {unit}": min(values),
            "ratio": median / reference,
            "least ratio": min(value / other for value, other in pairs),
        }
        print(
            f"{name:<44}{median:>14.3f}{min(values):>10.3f}{max(values):>10.3f}{figures['ratio']:>8.2f}"
            f"{figures['least ratio']:>8.2f}"
        )
        for what, value in figures.items():
            keep(title, name, what, value)
    if note:
        print(note)


def keep(title: str, case: str, what: str, value: float) -> None:
    """Keep a figure for `write`."""
    _kept.setdefault(_benchmark, {}).setdefault(title, {}).setdefault(case, {})[what] = round(value, 4)


def machine() -> dict[str, Any]:
    """Return what tells one machine's figures from another's."""
    names = pathlib.Path("/proc/cpuinfo")
    lines = names.read_text(encoding="utf-8").splitlines() if names.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def write(file: pathlib.Path) -> None:
    """Write the figures kept so far as JSON, each benchmark with its day and machine; others stay that are there."""
    found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    for name, tables in _kept.items():
        found[name] = {"date": today, "machine": machine(), "tables": tables}
    file.write_text(json.dumps(dict(sorted(found.items())), indent=1) + "\n", encoding="utf-8")
