"""Medians, ratios, and how they are printed and kept."""

from __future__ import annotations

import json
import os
import pathlib
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence

_kept: dict[str, dict[str, dict[str, float]]] = {}


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
    """Print the median of each case, its spread, and its ratio to *base*."""
    reference = statistics.median(results[base])
    print(f"\n{title}")
    print(f"{'case':<44}{'median ' + unit:>14}{'min':>10}{'max':>10}{'ratio':>8}")
    for name, values in results.items():
        median = statistics.median(values)
        print(f"{name:<44}{median:>14.3f}{min(values):>10.3f}{max(values):>10.3f}{median / reference:>8.2f}")
        for what, value in ((f"median {unit}", median), (f"min {unit}", min(values)), ("ratio", median / reference)):
            keep(title, name, what, value)
    if note:
        print(note)


def keep(title: str, case: str, what: str, value: float) -> None:
    """Keep a figure for `write`."""
    _kept.setdefault(title, {}).setdefault(case, {})[what] = round(value, 4)


def write(file: pathlib.Path) -> None:
    """Write all figures kept so far as JSON, with the machine that they are of."""
    machine = {"python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count()}
    file.write_text(json.dumps({"machine": machine, "tables": _kept}, indent=1) + "\n", encoding="utf-8")
