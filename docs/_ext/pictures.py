"""The pictures: SVG drawn by the build, from the layers that a test holds and from the benchmarks' data."""

from __future__ import annotations

import ast
import contextlib
import functools
import html
import json
import pathlib
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

# Behind the installed package, which is what the documentation speaks of.
sys.path.append(str(pathlib.Path(__file__).parents[2]))

from benchmarks import _measured
from tonicdm.errors import InvalidOptionError
from tonicdm.store.columns import SqlType, model_columns
from tonicdm.store.references import target_of
from tonicdm.store.types import TYPES

ROOT = pathlib.Path(__file__).parents[2]
DATA = ROOT / "benchmarks" / "pictures.json"
LAYERS = ROOT / "tests" / "unit" / "test_layers.py"
WIDTH = 720
COLOURS = {"interactive": "#d1495b", "normal": "#edae49", "bulk": "#4c78a8"}
"""Told apart in light and dark, and by most who see colours otherwise."""

CALL = (
    ("build", "options encoded,\nIDs checked"),
    ("reserve", "units taken out\nof the ledger"),
    ("pace", "spread over\nseconds"),
    ("gate", "connection ready,\nmarked as sent"),
    ("send", "token in,\nrequest out"),
    ("settle", "by the head of\nthe response"),
    ("decide", "done, again,\nor wait"),
    ("decode", "JSON to\nfrozen records"),
)
"""The life of a call: docs/explanation/architecture, "One call"."""
FREE_UNTIL = 4
"""Steps of a call that cost nothing if it ends there."""


class Picture(SphinxDirective):
    """``{picture} NAME``: one of the pictures below."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(DATA))
        self.env.note_dependency(str(LAYERS))
        self.env.note_dependency(str(_measured.FILE))
        title, height, draw = PICTURES[self.arguments[0]]
        style = 'style="width:100%;height:auto" font-family="sans-serif" font-size="12" fill="currentColor"'
        svg = (
            f'<svg viewBox="0 0 {WIDTH} {height}" role="img" {style}>'
            f"<title>{html.escape(title)}</title>{''.join(draw())}</svg>"
        )
        return [nodes.raw("", f'<figure class="picture">{svg}</figure>', format="html")]


def text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 12, bold: bool = False) -> str:
    """Return a line of text; each line break of *words* begins another."""
    lines = words.split("\n")
    spans = "".join(
        f'<tspan x="{x:.1f}" dy="{0 if number == 0 else size * 1.25:.1f}">{html.escape(line)}</tspan>'
        for number, line in enumerate(lines)
    )
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"{weight}>{spans}</text>'


def box(x: float, y: float, width: float, height: float, *, fill: str = "none", dashed: bool = False) -> str:
    """Return a rectangle with an outline."""
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="4" fill="{fill}" '
        f'stroke="currentColor" stroke-opacity="0.6"{dash}/>'
    )


def bar(x: float, y: float, width: float, height: float, colour: str, words: str) -> str:
    """Return a filled rectangle that says what it is when pointed at."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}">'
        f"<title>{html.escape(words)}</title></rect>"
    )


def line(x1: float, y1: float, x2: float, y2: float, *, arrow: bool = False, dashed: bool = False) -> str:
    """Return a line, with a head if *arrow*."""
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    drawn = f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="currentColor"{dash}/>'
    if not arrow:
        return drawn
    dx, dy = (6, 0) if y1 == y2 else (0, 6)
    points = f"{x2},{y2} {x2 - dx - dy / 2},{y2 - dy - dx / 2} {x2 - dx + dy / 2},{y2 - dy + dx / 2}"
    return f'{drawn}<polygon points="{points}" fill="currentColor"/>'


def layers() -> list[list[str]]:
    """Return the packages from the ground up, as the test of the layers has them."""
    tree = ast.parse(LAYERS.read_text(encoding="utf-8"))
    value = next(
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "LAYERS"
    )
    return [sorted(names) for names in ast.literal_eval(value)]


def architecture() -> Iterator[str]:
    """Draw a row for each layer, the highest on top, and the sandbox beside them."""
    rows = list(reversed(layers()))
    for number, names in enumerate(rows):
        y = 10 + number * 46
        shown = [name for name in names if not name.startswith("_")]
        yield box(10, y, 560, 34)
        size = 12 if len(shown) < 9 else 10
        yield text(290, y + 21, "   ".join(shown), anchor="middle", size=size)
        if number + 1 < len(rows):
            yield line(290, y + 34, 290, y + 46, arrow=True)
    height = len(rows) * 46 - 12
    yield box(600, 10, 110, height, dashed=True)
    yield text(655, 10 + height / 2 - 8, "sandbox\nshares only\nthe clock", anchor="middle")


def life_of_a_call() -> Iterator[str]:
    """Draw the steps of a call from left to right, in two rows, and where it begins to cost."""
    for number, (name, words) in enumerate(CALL):
        row, place = divmod(number, 4)
        x, y = 10 + place * 180, 30 + row * 110
        yield box(x, y, 150, 62, fill="none" if number < FREE_UNTIL else "rgba(76,120,168,0.18)")
        yield text(x + 75, y + 20, name, anchor="middle", size=14, bold=True)
        yield text(x + 75, y + 37, words, anchor="middle", size=11)
        if place < 3:
            yield line(x + 150, y + 31, x + 180, y + 31, arrow=True)
    yield text(10, 20, "until the gate a call that is cancelled costs nothing", size=11)
    yield line(625, 92, 625, 116)
    yield line(625, 116, 85, 116)
    yield line(85, 116, 85, 140, arrow=True)
    yield text(10, 218, "a 429 or a lost connection goes back to reserve, as far as the retry rules allow", size=11)


def lanes() -> Iterator[str]:
    """Draw two hours of one token: the units that each lane has used, added up within each window."""
    used: Mapping[str, Sequence[int]] = json.loads(DATA.read_text())["lanes"]
    minutes, top, left, height, limit = len(used["bulk"]), 30, 60, 200, 3600
    width = (WIDTH - left - 20) / minutes
    total = dict.fromkeys(used, 0)
    for minute in range(minutes):
        if minute % 60 == 0:
            total = dict.fromkeys(used, 0)
        y = float(top + height)
        for lane in ("bulk", "normal", "interactive"):
            total[lane] += used[lane][minute]
            part = total[lane] / limit * height
            y -= part
            words = f"minute {minute}: {total[lane]:,} units of {lane}"
            yield bar(left + minute * width, y, width + 0.3, part, COLOURS[lane], words)
    yield line(left, top, WIDTH - 20, top, dashed=True)
    yield text(left - 6, top + 4, "3,600", anchor="end")
    yield text(left - 6, top + height, "0", anchor="end")
    yield line(left, top + height, WIDTH - 20, top + height)
    for hour in range(0, minutes + 1, 60):
        x = left + hour * width
        yield line(x, top, x, top + height + 6, dashed=True)
        anchor = {0: "start", minutes: "end"}.get(hour, "middle")
        yield text(x, top + height + 20, f"reset, {hour} min" if hour else "0 min", anchor=anchor)
    for number, lane in enumerate(COLOURS):
        yield bar(left + number * 130, 8, 12, 12, COLOURS[lane], lane)
        yield text(left + 18 + number * 130, 18, lane)


def syncs() -> Iterator[str]:
    """Draw what runs of a sync cost, beside the plan's bound and a copy that is read anew each time."""
    cases: list[dict[str, Any]] = json.loads(DATA.read_text())["syncs"]
    left, scale = 150, 420 / max(max(case["units"], case["whole"]) for case in cases)
    for number, case in enumerate(cases):
        y = 36 + number * 40
        yield text(left - 8, y + 15, case["case"], anchor="end")
        yield bar(left, y, case["units"] * scale, 12, COLOURS["bulk"], f"{case['units']} units spent")
        yield bar(left, y + 14, case["whole"] * scale, 6, COLOURS["normal"], f"{case['whole']} units to read all anew")
        bound = "no bound" if case["at_most"] is None else f"at most {case['at_most']}"
        end = left + max(case["units"], case["whole"]) * scale
        yield text(end + 8, y + 15, f"{case['units']} unit{'s' if case['units'] > 1 else ''}\n{bound}", size=10)
    for number, (name, colour) in enumerate((("spent", "bulk"), ("all read anew", "normal"))):
        yield bar(left + number * 110, 8, 12, 12, COLOURS[colour], name)
        yield text(left + 18 + number * 110, 18, name)


def schema() -> Iterator[str]:
    """Draw a box for each view that a sync fills by default, with the views that its columns refer to."""
    names = [name for name, record_type in TYPES.items() if record_type.default]
    rows = -(-len(names) // 3)
    for number, name in enumerate(names):
        x, y = 10 + (number // rows) * 240, 10 + (number % rows) * 64
        targets = sorted(references(name) - {name})
        lines = textwrap.wrap(f"\u2192 {', '.join(targets)}" if targets else "refers to none", 42)
        yield box(x, y, 225, 54)
        yield text(x + 8, y + 17, name, bold=True)
        yield text(x + 8, y + 33, "\n".join(lines[:2]), size=10)


def references(record_type: str) -> set[str]:
    """Return the record types that columns of a view refer to: IDs, and references that are kept as JSON."""
    targets = set()
    for column in model_columns(record_type).values():
        name = column.name.removesuffix("_ids").removesuffix("_id")
        if name != column.name or column.type is SqlType.JSON:
            with contextlib.suppress(InvalidOptionError):
                targets.add(target_of(name))
    return targets


def measured(benchmark: str, which: str, unit: str) -> Iterator[str]:
    """Draw a bar for each case of a benchmark, our own in another colour."""
    cases = _measured.bars(benchmark, which)
    left, scale = 250, 380 / max(value for _, value in cases)
    for number, (case, value) in enumerate(cases):
        y = 10 + number * 24
        words = f"{value:.3g} {unit}"
        colour = COLOURS["bulk" if case.startswith("tonicdm") else "normal"]
        yield text(left - 8, y + 13, case, anchor="end")
        yield bar(left, y, value * scale, 16, colour, f"{case}: {words}")
        yield text(left + value * scale + 6, y + 13, words)


PICTURES: dict[str, tuple[str, int, Callable[[], Iterator[str]]]] = {
    "architecture": ("The packages in layers; each imports from its own layer and those below", 386, architecture),
    "life-of-a-call": ("The steps of a call, and the point from which it costs units", 230, life_of_a_call),
    "lanes": ("Units of two windows by lane, from a simulation", 262, lanes),
    "measured-call": (
        "CPU of a call, against bare aiohttp and json: the least ratio of a round",
        10 + 24 * 6,
        functools.partial(measured, "client", "least ratio", "times"),
    ),
    "measured-cycle": (
        "CPU of a ledger's cycle: the least of its rounds",
        10 + 24 * 3,
        functools.partial(measured, "cycle", "min us", "µs"),
    ),
    "measured-decoding": (
        "CPU of decoding 1,000 persons, against json.loads: the least ratio of a round",
        10 + 24 * 6,
        functools.partial(measured, "decoding", "least ratio", "times"),
    ),
    "schema": ("The views of a store, and the views that their columns refer to", 10 + 64 * 6, schema),
    "syncs": ("Units of syncs of one record type, beside reading it anew", 246, syncs),
}


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx."""
    app.add_directive("picture", Picture)
    return {"parallel_read_safe": True}
