"""Medians, ratios, and how they are printed."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence


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
    if note:
        print(note)
