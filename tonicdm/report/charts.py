"""Charts as plain SVG: stacked bars with a mark for a limit or a bound, and small lines. Pure."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from typing import Final

import attrs

WIDTH: Final = 720
HEIGHT: Final = 180
LEFT: Final = 52
"""Room for the numbers of the axis."""
BOTTOM: Final = 22
"""Room for the names of the bars."""
TOP: Final = 8
MAX_BAR: Final = 28.0
"""A bar is no wider than this, however few there are."""
MAX_NAMES: Final = 8
"""Bars that are named below the axis; the others are named when they are pointed at."""


@attrs.frozen
class Bar:
    """One bar: its parts from the bottom up, and marks across it."""

    name: str
    parts: Sequence[tuple[str, float]]
    """The class of each part, and its value."""
    mark: float | None = None
    """A value that a line across the bar shows: a bound."""
    flagged: bool = False
    """Whether a dot stands above it."""
    remark: str = ""
    """What is shown when it is pointed at."""

    @property
    def total(self) -> float:
        """The sum of its parts."""
        return sum(value for _, value in self.parts)


def escaped(text: str) -> str:
    """Return a text as HTML; what can't be shown, such as half of a surrogate pair, as a question mark."""
    shown = "".join(character if character.isprintable() else "?" for character in text)
    return html.escape(shown.encode("utf-8", "replace").decode())


def bar_chart(bars: Sequence[Bar], *, label: str, limit: float | None = None) -> str:
    """Return a chart of bars.

    Args:
        bars: From left to right.
        label: What it shows, for those who can't see it.
        limit: A value that a line across the whole chart shows.
    """
    tops = [max(bar.total, bar.mark or 0) for bar in bars]
    step = nice_step(max([*tops, limit or 0, 1]))
    top = math.ceil(max([*tops, limit or 0, 1]) / step) * step
    plot = HEIGHT - BOTTOM - TOP

    def y(value: float) -> float:
        return round(TOP + plot * (1 - value / top), 1)

    lines = [
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH}" y1="{y(at)}" y2="{y(at)}"/>'
        f'<text class="axis" x="{LEFT - 6}" y="{y(at) + 4}" text-anchor="end">{at:,.0f}</text>'
        for at in (step * number for number in range(round(top / step) + 1))
    ]
    slot = (WIDTH - LEFT) / max(1, len(bars))
    width = max(1.0, min(MAX_BAR, slot * 0.75))
    every = max(1, math.ceil(len(bars) / MAX_NAMES))
    drawn = [
        _bar(bar, LEFT + slot * (number + 0.5), width, y, named=number % every == 0) for number, bar in enumerate(bars)
    ]
    if limit is not None:
        lines.append(f'<line class="limit" x1="{LEFT}" x2="{WIDTH}" y1="{y(limit)}" y2="{y(limit)}"/>')
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escaped(label)}">'
        f"{''.join(lines)}{''.join(drawn)}</svg>"
    )


def _bar(bar: Bar, middle: float, width: float, y: Callable[[float], float], *, named: bool) -> str:
    shapes: list[str] = []
    base = 0.0
    left = middle - width / 2
    for class_name, value in bar.parts:
        if value > 0:
            high, low = y(base + value), y(base)
            # The smallest value is seen, too.
            height = max(1.0, low - high)
            shapes.append(
                f'<rect class="{class_name}" x="{left:.1f}" y="{low - height:.1f}" width="{width:.1f}" '
                f'height="{height:.1f}"/>'
            )
            base += value
    if bar.mark is not None:
        at = y(bar.mark)
        shapes.append(f'<line class="mark" x1="{left - 2:.1f}" x2="{left + width + 2:.1f}" y1="{at}" y2="{at}"/>')
    if bar.flagged:
        shapes.append(f'<circle class="flag" cx="{middle:.1f}" cy="{max(4.0, y(bar.total) - 6):.1f}" r="3.5"/>')
    if named:
        shapes.append(
            f'<text class="axis" x="{middle:.1f}" y="{HEIGHT - 6}" text-anchor="middle">{escaped(bar.name)}</text>'
        )
    remark = escaped(bar.remark or f"{bar.name}: {bar.total:,.0f}")
    return f"<g><title>{remark}</title>{''.join(shapes)}</g>"


def spark_line(values: Sequence[float], *, label: str, width: int = 120, height: int = 26) -> str:
    """Return a small line without an axis; empty where there are fewer than two values.

    Args:
        values: From left to right.
        label: What it shows, for those who can't see it.
        width: In pixels.
        height: In pixels.
    """
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    span = (high - low) or 1
    points = " ".join(
        f"{2 + (width - 4) * number / (len(values) - 1):.1f},{height - 3 - (height - 6) * (value - low) / span:.1f}"
        for number, value in enumerate(values)
    )
    return (
        f'<svg class="spark" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escaped(label)}"><title>{escaped(label)}</title><polyline points="{points}"/></svg>'
    )


def nice_step(top: float) -> float:
    """Return the distance of the lines of an axis up to *top*: 1, 2 or 5 times a power of ten, some four of them."""
    rough = max(top / 4, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    return float(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough))
