"""Print a plan: a line for each type, the facts that it rests on, and the sum last."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from tonicdm.budget.views import Snapshot
from tonicdm.cli.output import Output, Part, Table
from tonicdm.cli.text import Column, number
from tonicdm.errors import ConfigError
from tonicdm.plan.estimate import Estimate, Plan, describe_facts, hours_text
from tonicdm.store import RecordType

COUNT: Final = click.option(
    "--count", help="Records that a type has, for a first load: persons=20000,offices=300, or one number for each type."
)


def counts_of(text: str | None, types: Sequence[RecordType]) -> Mapping[str, int]:
    """Return the numbers of the option ``--count`` by type.

    Raises:
        ConfigError: One is no number, or names no type of the run.
    """
    if text is None:
        return {}
    counts: dict[str, int] = {}
    names = [record_type.name for record_type in types]
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


def show_plan(plan: Plan, seen: Snapshot, file: str, output: Output) -> None:
    """Print a plan.

    Args:
        plan: What is shown.
        seen: The budget as it is.
        file: The store's name.
        output: Where and how.
    """
    rows: list[Sequence[Any]] = [
        (
            estimate.record_type,
            estimate.strategy,
            "audit" if estimate.audit else "",
            estimate.expected,
            _max_units(estimate),
        )
        for estimate in plan.types
    ]
    rows.append(("total", "", "", plan.expected, "not known" if plan.max_units is None else str(plan.max_units)))
    table = Table(
        [Column("type", whole=True), "strategy", "deletions", number("expected"), number("at most")],
        rows,
        title=f"Plan for {file}",
    )
    parts: list[Part] = [table, *describe_facts(plan.types)]
    likely = [estimate.expected if estimate.likely is None else estimate.likely for estimate in plan.types]
    if likely != [estimate.expected for estimate in plan.types]:
        parts.append(f"If as much changed as lately: {sum(likely):,} units.")
    if plan.seconds:
        parts.append(f"Up to {plan.seconds:.0f} s of waiting, where records were changed just before.")
    output.show(as_json(plan), *parts, _sum(plan, seen))


def as_json(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON has it, for machines.

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
    return {**total, "types": types}


def _max_units(estimate: Estimate) -> str:
    if estimate.max_units is not None:
        return str(estimate.max_units)
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
