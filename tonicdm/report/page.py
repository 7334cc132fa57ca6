"""The page of a report: one file without a script, a font or an address that a browser would load. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import Final

from tonicdm.report.charts import Bar, bar_chart, escaped, spark_line
from tonicdm.report.facts import BudgetFacts, CopyFacts, MintFacts, Run, TypeFacts

MAX_DAYS: Final = 60
"""Days that the charts of runs show, the latest ones."""

MAX_WINDOWS: Final = 96
"""Windows that are shown, the latest ones: four days of an hour each."""

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Even a text that got past the escaping could load nothing and run nothing."""

STYLE: Final = """
:root { color-scheme: light dark; --bg: #fbfbfa; --card: #ffffff; --ink: #1d232b; --soft: #5b6672; --line: #e2e5e9;
  --a: #2f6f9f; --b: #d08a2e; --c: #b3423c; --limit: #b3423c; --mark: #1d232b; }
@media (prefers-color-scheme: dark) { :root { --bg: #14181d; --card: #1c2229; --ink: #e6e9ec; --soft: #9aa5b1;
  --line: #2e3640; --a: #6aaedb; --b: #e3ae62; --c: #e5807a; --limit: #e5807a; --mark: #e6e9ec; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 860px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 24px; margin: 0 0 2px; overflow-wrap: anywhere; } h2 { font-size: 17px; margin: 0 0 4px; }
p { margin: 0 0 10px; color: var(--soft); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 16px 18px;
  margin-top: 18px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(120px, 1fr)); gap: 10px; margin-top: 18px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px 12px; }
.tile b { display: block; font-size: 17px; font-variant-numeric: tabular-nums; } .tile span { color: var(--soft);
  font-size: 13px; } .tile.bad b { color: var(--c); }
.wide { overflow-x: auto; } .wide + p { margin-top: 14px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 5px 10px 5px 0; border-bottom: 1px solid var(--line); vertical-align: middle;
  overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 500; } tr:last-child td { border-bottom: 0; }
td.n, th.n { text-align: right; padding-right: 18px; font-variant-numeric: tabular-nums; white-space: nowrap; }
code { font-size: 12.5px; }
svg { display: block; width: 100%; height: auto; } svg.spark { width: 120px; height: 26px; }
.grid { stroke: var(--line); } .axis { fill: var(--soft); font-size: 11px; }
.a { fill: var(--a); } .b { fill: var(--b); } .c, .flag { fill: var(--c); }
.limit { stroke: var(--limit); stroke-dasharray: 5 4; } .mark { stroke: var(--mark); stroke-width: 2; }
.spark polyline { fill: none; stroke: var(--a); stroke-width: 1.6; }
.key { display: flex; flex-wrap: wrap; gap: 4px 16px; color: var(--soft); font-size: 13px; margin: 0 0 8px; }
.key i { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 5px; }
i.a { background: var(--a); } i.b { background: var(--b); } i.c { background: var(--c); } i.flag { border-radius: 50%;
  background: var(--c); } i.limit, i.mark { height: 2px; width: 16px; vertical-align: middle; }
i.limit { background: var(--limit); } i.mark { background: var(--mark); }
footer { color: var(--soft); font-size: 13px; margin-top: 22px; }
@media print { body { background: #fff; } section, .tile { break-inside: avoid; } }
"""


def render(
    copy: CopyFacts,
    *,
    now: datetime.datetime,
    budget: BudgetFacts | None = None,
    mints: Sequence[MintFacts] = (),
    version: str = "",
) -> str:
    """Return the page as HTML.

    Args:
        copy: What the store says.
        now: When it is made.
        budget: The windows of the token; None where no token was given.
        mints: Machine tokens of the month.
        version: Of this package.
    """
    parts = [
        _tiles(copy),
        _types(copy.types),
        _changes(copy.runs),
        _units(copy.runs),
        _windows(budget),
        _webhooks(copy),
        _quarantine(copy),
        *(_mints(facts) for facts in mints),
    ]
    title = f"Report of {copy.name}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="referrer" content="no-referrer"><title>{escaped(title)}</title>'
        f"<style>{STYLE}</style></head><body>"
        f"<main><h1>{escaped(copy.name)}</h1><p>Made on {_moment(now.timestamp())} UTC. The copy stands at change "
        f"{copy.position:,} and takes {size_text(copy.size)}.</p>{''.join(parts)}"
        f"<footer>Made by tonicdm {escaped(version)}. It loads nothing: it can be kept or sent as it is.</footer>"
        "</main></body></html>\n"
    )


# --- sections ---------------------------------------------------------------------------------------------------------


def _tiles(copy: CopyFacts) -> str:
    last = max((facts.until for facts in copy.types if facts.until), default=None)
    dead = copy.jobs.get("dead", 0)
    tiles = [
        ("records", f"{sum(facts.records for facts in copy.types):,}", False),
        ("deleted", f"{sum(facts.tombstones for facts in copy.types):,}", False),
        ("record types", f"{len(copy.types):,}", False),
        ("read up to (UTC)", _short(last) if last else "never", last is None),
        ("in quarantine", f"{copy.quarantined:,}", copy.quarantined > 0),
        ("dead letters", f"{dead:,}", dead > 0),
    ]
    return "".join([
        '<div class="tiles">',
        *(
            f'<div class="tile{" bad" if bad else ""}"><b>{escaped(value)}</b><span>{escaped(name)}</span></div>'
            for name, value, bad in tiles
        ),
        "</div>",
    ])  # fmt: skip


def _types(types: Sequence[TypeFacts]) -> str:
    rows = []
    for facts in types:
        counts = [run.records for run in facts.runs if run.records is not None]
        changes = [run.changed + run.deleted for run in facts.runs[-60:]]
        rows.append(
            (
                escaped(facts.name),
                _number(facts.records),
                _number(facts.tombstones),
                escaped(_short(facts.until)) if facts.until else "never",
                spark_line(counts, label=f"Records of {facts.name} after each run") or "&ndash;",
                spark_line(changes, label=f"Changes of {facts.name} in each run") or "&ndash;",
                _number(facts.quarantined),
            )
        )
    heads = ("type", "#records", "#deleted", "read up to (UTC)", "growth", "changes a run", "#quarantine")
    return _section("Record types", "What the copy holds, and how it came to be so.", _table(heads, rows))


def _changes(runs: Sequence[Run]) -> str:
    if not runs:
        return _section("Changes", "No run has been noted yet: the first one loads, the second one finds changes.", "")
    days = _by_day(runs)
    bars = []
    for day, of_day in days:
        changed, deleted = sum(run.changed for run in of_day), sum(run.deleted for run in of_day)
        remark = f"{day}: {changed:,} changed, {deleted:,} deleted, {len(of_day):,} runs over a type"
        bars.append(Bar(day[5:], [("a", changed), ("c", deleted)], remark=remark))
    key = _key([("a", "new or changed"), ("c", "deleted")])
    chart = bar_chart(bars, label="Records changed and deleted, by day")
    return _section("Changes", "Records that runs found changed or deleted, by day (UTC).", key + chart)


def _units(runs: Sequence[Run]) -> str:
    if not runs:
        return ""
    bars = []
    for day, of_day in _by_day(runs):
        units, bound = sum(run.units for run in of_day), sum(run.bound for run in of_day)
        remark = f"{day}: {units:,} units, bound {bound:,}"
        bars.append(Bar(day[5:], [("a", units)], mark=bound, remark=remark))
    units, bound = sum(run.units for run in runs), sum(run.bound for run in runs)
    text = (
        f"What runs over types cost, by day: {units:,} units in all. The bound is what it costs to read the changed "
        f"records by ID, {bound:,} units; looking for changes and for deletions comes on top."
    )
    key = _key([("a", "units"), ("mark", "bound")])
    return _section("Units of the sync", text, key + bar_chart(bars, label="Units of runs and their bound, by day"))


def _windows(budget: BudgetFacts | None) -> str:
    if budget is None:
        text = "No token was given (TONICDM_TOKEN or --token), so the windows of its budget are not known here."
        return _section("Windows of the budget", text, "")
    windows = budget.windows[-MAX_WINDOWS:]
    if not windows:
        text = f"{budget.used:,} of {budget.limit:,} units are used in the window under way; none before it is known."
        return _section("Windows of the budget", text, "")
    bars = [
        Bar(
            _hour(window.ended_at),
            [("a", max(0, window.used - window.foreign)), ("b", window.foreign)],
            flagged=window.limited > 0,
            remark=(
                f"until {_moment(window.ended_at)} UTC: {window.used:,} of {window.limit:,} units, "
                f"{window.foreign:,} by others, {window.limited:,} answers 429, "
                f"{window.waits:,} calls waited {window.waited:,.0f} s"
            ),
        )
        for window in windows
    ]
    limit = max(budget.limit, *(window.limit for window in windows))
    text = (
        f"The last {len(windows):,} windows that are over. In the one under way, {budget.used:,} of {budget.limit:,} "
        "units are used."
    )
    key = _key([("a", "units of ours"), ("b", "of others"), ("limit", "limit"), ("flag", "answers 429")])
    return _section("Windows of the budget", text, key + bar_chart(bars, label="Units used by window", limit=limit))


def _webhooks(copy: CopyFacts) -> str:
    if not copy.jobs and not copy.gaps:
        return ""
    states = ", ".join(f"{count:,} {state}" for state, count in sorted(copy.jobs.items())) or "none"
    parts: list[str] = []
    if copy.gaps:
        changed, missed = sum(gap.changed for gap in copy.gaps), sum(gap.missed for gap in copy.gaps)
        parts.append(f"<p>Looks for gaps found {missed:,} of {changed:,} changes that no event had named.</p>")
        rows = [
            (escaped(gap.record_type), escaped(_moment(gap.finished)), _number(gap.changed), _number(gap.missed))
            for gap in reversed(copy.gaps[-20:])
        ]
        parts.append(_table(("type", "looked at (UTC)", "#changed", "#missed"), rows))
    if copy.dead_letters:
        parts.append(f"<p>The latest {len(copy.dead_letters):,} dead letters:</p>")
        letters = [
            (
                escaped(_moment(letter.received)),
                escaped(letter.event_type or "of no type"),
                f"<code>{escaped(letter.record_id)}</code>",
                _number(letter.attempts),
                escaped(letter.error),
            )
            for letter in copy.dead_letters
        ]
        parts.append(_table(("received (UTC)", "event", "record", "#attempts", "why"), letters))
    return _section("Webhooks", f"Jobs by state: {states}.", "".join(parts))


def _quarantine(copy: CopyFacts) -> str:
    if not copy.quarantined:
        return _section("Quarantine", "Nothing is in quarantine: whatever came could be stored.", "")
    rows = [
        (escaped(item.record_type), f"<code>{escaped(item.record_id or 'unreadable')}</code>", escaped(item.reason),
         escaped(_short(item.updated)))
        for item in copy.quarantine
    ]  # fmt: skip
    counts = ", ".join(f"{facts.quarantined:,} of {facts.name}" for facts in copy.types if facts.quarantined)
    text = f"{copy.quarantined:,} elements came that are no records ({counts}). tonicdm quarantine shows their texts."
    return _section("Quarantine", text, _table(("type", "record", "what is wrong", "changed (UTC)"), rows))


def _mints(facts: MintFacts) -> str:
    last = max([*facts.by_day, 1])
    bars = [Bar(str(day), [("a", facts.by_day.get(day, 0))]) for day in range(1, last + 1)]
    text = (
        f"{facts.issuer} in {facts.month}: {facts.used:,} minted as this machine has counted them, of {facts.limit:,} "
        f"that the issuer allows; programs stop at {facts.stop:,}."
    )
    return _section("Machine tokens of the month", text, bar_chart(bars, label="Machine tokens minted, by day"))


# --- parts of a section -----------------------------------------------------------------------------------------------


def _section(title: str, text: str, content: str) -> str:
    return f"<section><h2>{escaped(title)}</h2><p>{escaped(text)}</p>{content}</section>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are HTML already; a head that begins with ``#`` is of a column of numbers."""
    classes = [' class="n"' if head.startswith("#") else "" for head in heads]
    head = "".join(f"<th{class_}>{escaped(name.lstrip('#'))}</th>" for name, class_ in zip(heads, classes, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{class_}>{cell}</td>' for cell, class_ in zip(row, classes, strict=True))}</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _key(entries: Sequence[tuple[str, str]]) -> str:
    marks = "".join(f'<span><i class="{class_}"></i>{escaped(name)}</span>' for class_, name in entries)
    return f'<div class="key">{marks}</div>'


def _by_day(runs: Sequence[Run]) -> list[tuple[str, list[Run]]]:
    """Return the runs of each day on which there were any, the latest `MAX_DAYS` of them."""
    days: dict[str, list[Run]] = {}
    for run in runs:
        days.setdefault(run.day, []).append(run)
    return sorted(days.items())[-MAX_DAYS:]


# --- texts ------------------------------------------------------------------------------------------------------------


def _number(value: int) -> str:
    return f"{value:,}" if value else "&ndash;"


def _short(moment: str) -> str:
    """Return an ISO 8601 time to the minute."""
    return moment[:16].replace("T", " ")


def _moment(seconds: float) -> str:
    return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%d %H:%M}"


def _hour(seconds: float) -> str:
    return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%d %H:%M}"


def size_text(count: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:,.0f} {unit}"
        count /= 1024
    return f"{count:,.1f} GiB"
