"""Print a plan: a line for each type, the facts that it rests on, and the sum last."""

from __future__ import annotations

import datetime
import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Final

import click

from tonicdm.budget.views import Snapshot
from tonicdm.errors import ConfigError
from tonicdm.plan.estimate import Estimate, Plan, describe_facts, hours_text
from tonicdm.store import RecordType

COUNT: Final = click.option(
    "--count", help="Records that a type has, for a first load: persons=20000,offices=300, or one number for each type."
)

_LINE: Final = "{:<25} {:<13} {:<9} {:>12} {:>15}"
"""79 characters: the longest name of a type has 25."""


def counts_of(text: str | None, types: Sequence[RecordType]) -> Mapping[str, int]:
    """Return the numbers of the option ``--count`` by type.

    Raises:
        ConfigError: One is no number, or names no type of the run.
    """
    if text is None:
        return {}
    counts: dict[str, int] = {}
    names = [kind.name for kind in types]
    for part in text.split(","):
        name, sign, number = part.strip().rpartition("=")
        if not number.strip().isdecimal() or (sign and name.strip() not in names):
            raise ConfigError(
                f"--count takes numbers such as persons=20000,offices=300 of types of this run, not {part.strip()!r}"
            )
        if sign:
            counts[name.strip()] = int(number)
        else:
            counts = {**dict.fromkeys(names, int(number)), **counts}
    return counts


def show_plan(plan: Plan, seen: Snapshot, file: str, *, json_line: bool = False) -> None:
    """Print a plan.

    Args:
        plan: What is shown.
        seen: The budget as it is.
        file: The store's name.
        json_line: Whether to print one line of JSON instead.
    """
    if json_line:
        click.echo(as_json(plan))
        return
    click.echo(f"Plan for {file}")
    click.echo(_LINE.format("type", "strategy", "deletions", "expected", "at most"))
    for estimate in plan.types:
        audit = "audit" if estimate.audit else ""
        expected = f"{estimate.expected:,}"
        click.echo(_LINE.format(estimate.record_type, estimate.strategy, audit, expected, _max_units(estimate)))
    max_units = "not known" if plan.max_units is None else f"{plan.max_units:,}"
    click.echo(_LINE.format("total", "", "", f"{plan.expected:,}", max_units))
    for line in describe_facts(plan.types):
        click.echo(textwrap.fill(line, 79))
    likely = [estimate.expected if estimate.likely is None else estimate.likely for estimate in plan.types]
    if likely != [estimate.expected for estimate in plan.types]:
        total = sum(likely)
        click.echo(f"If as much changed as lately: {total:,} units.")
    if plan.seconds:
        click.echo(f"Up to {plan.seconds:.0f} s of waiting, where records were changed just before.")
    click.echo(textwrap.fill(_sum(plan, seen), 79))


def as_json(plan: Plan) -> str:
    """Return a plan as one line of JSON, for machines.

    `how` and `most` are the earlier names of `strategy` and `max_units`, kept for one version more.
    """
    types = {
        estimate.record_type: {
            "strategy": estimate.strategy,
            "how": estimate.strategy,
            "audit": estimate.audit,
            "expected": estimate.expected,
            "max_units": estimate.max_units,
            "most": estimate.max_units,
            "per_thousand": estimate.per_thousand,
            "seconds": estimate.seconds,
            "facts": {fact.name: {"value": fact.value, "proven": fact.proven} for fact in estimate.facts},
        }
        for estimate in plan.types
    }
    total = {"expected": plan.expected, "max_units": plan.max_units, "most": plan.max_units, "seconds": plan.seconds}
    return json.dumps({**total, "types": types}, separators=(",", ":"))


def _max_units(estimate: Estimate) -> str:
    if estimate.max_units is not None:
        return f"{estimate.max_units:,}"
    return f"{estimate.per_thousand} per 1,000"


def _sum(plan: Plan, seen: Snapshot) -> str:
    now = datetime.datetime.now(datetime.UTC)
    until = None if seen.reset_at is None else max(0.0, (seen.reset_at - now).total_seconds())
    hours = hours_text(plan.hours(seen.available, seen.limit, until_reset=until))
    if plan.max_units is None:
        price = f"{plan.expected:,} units at least; how many records there are is not known (--count tells)"
    elif plan.max_units == plan.expected:
        price = f"{plan.expected:,} units"
    else:
        price = f"{plan.expected:,} units expected, {plan.max_units:,} at most"
    return f"{price}. With {seen.available:,} of {seen.limit:,} units left: {hours}. Nothing was sent."
