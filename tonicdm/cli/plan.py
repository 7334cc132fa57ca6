"""How a plan is shown: a line for each type, the facts that it rests on, and the sum last."""

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
    found: dict[str, int] = {}
    names = [kind.name for kind in types]
    for part in text.split(","):
        name, sign, number = part.strip().rpartition("=")
        if not number.strip().isdecimal() or (sign and name.strip() not in names):
            raise ConfigError(
                f"--count takes numbers such as persons=20000,offices=300 of types of this run, not {part.strip()!r}"
            )
        if sign:
            found[name.strip()] = int(number)
        else:
            found = {**dict.fromkeys(names, int(number)), **found}
    return found


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
    click.echo(_LINE.format("type", "how", "deletions", "expected", "at most"))
    for one in plan.types:
        audit = "audit" if one.audit else ""
        click.echo(_LINE.format(one.record_type, one.strategy, audit, f"{one.expected:,}", _most(one)))
    most = "not known" if plan.most is None else f"{plan.most:,}"
    click.echo(_LINE.format("total", "", "", f"{plan.expected:,}", most))
    for line in describe_facts(plan.types):
        click.echo(textwrap.fill(line, 79))
    likely = [one.likely for one in plan.types]
    if any(units is not None and units != one.expected for units, one in zip(likely, plan.types, strict=True)):
        total = sum(one.expected if units is None else units for units, one in zip(likely, plan.types, strict=True))
        click.echo(f"If as much changed as lately: {total:,} units.")
    if plan.seconds:
        click.echo(f"Up to {plan.seconds:.0f} s of waiting, where records were changed just before.")
    click.echo(textwrap.fill(_sum(plan, seen), 79))


def as_json(plan: Plan) -> str:
    """Return a plan as one line of JSON, for machines."""
    types = {
        one.record_type: {
            "how": one.strategy,
            "audit": one.audit,
            "expected": one.expected,
            "most": one.most,
            "per_thousand": one.per_thousand,
            "seconds": one.seconds,
            "facts": {fact.name: {"value": fact.value, "proven": fact.proven} for fact in one.facts},
        }
        for one in plan.types
    }
    total = {"expected": plan.expected, "most": plan.most, "seconds": plan.seconds}
    return json.dumps({**total, "types": types}, separators=(",", ":"))


def _most(one: Estimate) -> str:
    if one.most is not None:
        return f"{one.most:,}"
    return f"{one.per_thousand} per 1,000"


def _sum(plan: Plan, seen: Snapshot) -> str:
    now = datetime.datetime.now(datetime.UTC)
    until = None if seen.reset_at is None else max(0.0, (seen.reset_at - now).total_seconds())
    hours = hours_text(plan.hours(seen.available, seen.limit, until_reset=until))
    if plan.most is None:
        price = f"{plan.expected:,} units at least; how many records there are is not known (--count tells)"
    elif plan.most == plan.expected:
        price = f"{plan.expected:,} units"
    else:
        price = f"{plan.expected:,} units expected, {plan.most:,} at most"
    return f"{price}. With {seen.available:,} of {seen.limit:,} units left: {hours}. Nothing was sent."
