"""``tonicdm doctor``: token, zone, clock, ledger, store and extras, a line each, for one call at most."""

from __future__ import annotations

import asyncio
import datetime
import importlib.util
import os
from collections.abc import Mapping, Sequence
from typing import Final

import attrs
import click

from tonicdm.budget import Snapshot
from tonicdm.budget.headers import http_date
from tonicdm.cli.connection import Connection, connected
from tonicdm.cli.failures import described, spelled
from tonicdm.cli.output import Output, Table, output_options
from tonicdm.cli.store_argument import store_argument
from tonicdm.cli.text import Column
from tonicdm.client import TonicDM
from tonicdm.config import ZONES
from tonicdm.errors import TonicDMError
from tonicdm.models import Me
from tonicdm.raw import Raw
from tonicdm.store import Store
from tonicdm.store.database import Location
from tonicdm.store.sqlite import SqliteFile

MAX_SKEW_SECONDS: Final = 30.0
"""Difference of the clocks that is worth a word; signatures of webhooks allow 300 s."""

EXTRAS: Final[Mapping[str, Sequence[str]]] = {
    "duckdb": ("duckdb",),
    "arrow": ("pyarrow",),
    "pandas": ("pandas",),
    "dlt": ("dlt",),
    "testing": ("pytest", "pytest_asyncio"),
}
"""The modules that make an extra complete; `cli` is there, or this would not run."""


@attrs.frozen
class Finding:
    """What one look found.

    Attributes:
        check: What was looked at.
        state: ``ok``, ``warning``, ``failed`` or ``skipped``.
        text: What it is, and what to do about it.
    """

    check: str
    state: str
    text: str


@click.command()
@store_argument(required=False)
@click.option("--offline", is_flag=True, help="Make no call: leave out what the server has to say.")
@output_options
@connected
def doctor(connection: Connection, *, file: Location | None, offline: bool, output: Output) -> None:
    """Look at what a client needs, a line each: token, zone, clock, ledger, the copy in FILE, extras.

    Makes one call at most, of whose token this is. Exit code 1 where something failed.
    """
    findings = asyncio.run(_findings(connection, file, offline=offline))
    rows = [(finding.check, finding.state, finding.text) for finding in findings]
    sound = all(finding.state != "failed" for finding in findings)
    document = {"ok": sound, "checks": [attrs.asdict(finding) for finding in findings]}
    if output.on_terminal:
        width = max(len(finding.check) for finding in findings)
        for check, state, text in rows:
            output.remark(f"{check:<{width}}  {state:<7}  {text}")
        output.written = True
    else:
        output.show(document, Table([Column("check", whole=True), Column("state", whole=True), "what"], rows))
    if not sound:
        click.get_current_context().exit(1)


async def _findings(connection: Connection, file: Location | None, *, offline: bool) -> list[Finding]:
    try:
        client = connection.client(priority="interactive")
    except TonicDMError as error:
        unread = [Finding(name, "skipped", "not without the settings") for name in ("zone", "clock", "ledger")]
        return [Finding("settings", "failed", _message_of(error)), *unread, *await _store(file), *_extras()]
    async with client as tonic:
        findings = await _server(tonic, offline=offline)
        findings.append(_ledger(tonic.budget.snapshot()))
    return [*findings, *await _store(file), *_extras()]


async def _server(tonic: TonicDM, *, offline: bool) -> list[Finding]:
    """Return what one call says of the token, the zone and the clock."""
    server = tonic.caller.base_url
    if offline:
        return [Finding(name, "skipped", f"{server} is not asked") for name in ("token", "zone", "clock")]
    try:
        answer: Raw[Me] = await tonic.with_raw.me.get()
    except TonicDMError as error:
        unread = [Finding(name, "skipped", "the server gave no answer to go by") for name in ("zone", "clock")]
        return [Finding("token", "failed", _message_of(error)), *unread]
    me = answer.value
    return [
        Finding("token", "ok", f"of {me.name or me.id}, accepted by {server}"),
        zone_finding(server, me.home_zone),
        clock_finding(answer.headers.get("Date"), datetime.datetime.now(datetime.UTC)),
    ]


def zone_finding(server: str, home_zone: str | None) -> Finding:
    """Compare the server's zone with the organization's."""
    zone = next((zone for zone, url in ZONES.items() if url == server), None)
    if home_zone is None:
        return Finding("zone", "ok", f"{server}; the server does not name the home zone")
    if zone is not None and zone != home_zone.lower():
        hint = f"the data live in {home_zone} and pass through {zone}; --zone {home_zone.lower()} keeps them there"
        return Finding("zone", "warning", hint)
    return Finding("zone", "ok", f"home zone {home_zone}, server {zone or server}")


def clock_finding(date: str | None, now: datetime.datetime) -> Finding:
    """Compare this machine's clock with the time in an answer's Date header."""
    theirs = http_date(date or "")
    if theirs is None:
        return Finding("clock", "skipped", "the answer has no Date to compare with")
    skew = now.timestamp() - theirs
    side = "ahead of" if skew > 0 else "behind"
    text = f"{abs(skew):,.0f} s {side} the server's"
    if abs(skew) > MAX_SKEW_SECONDS:
        return Finding("clock", "warning", f"{text}; signatures of webhooks and logs will not fit: set the clock")
    return Finding("clock", "ok", text)


def _ledger(snapshot: Snapshot) -> Finding:
    left = f"{snapshot.remaining:,} of {snapshot.limit:,} units left"
    if snapshot.ledger == "memory":
        return Finding("ledger", "warning", f"in memory, so no other process knows of it; {left}")
    if snapshot.blocked_until is not None:
        return Finding("ledger", "warning", f"nothing is sent before {snapshot.blocked_until:%H:%M:%S} UTC; {left}")
    return Finding("ledger", "ok", f"{snapshot.ledger}; {left}")


async def _store(file: Location | None) -> list[Finding]:
    if file is None:
        return [Finding("store", "skipped", "no FILE was named")]
    if not file.exists():
        return [Finding("store", "failed", f"{file.name} is not there; tonicdm sync {file.name} makes it")]
    try:
        async with Store(file) as store:
            counts = await store.counts()
            ((quarantined,),) = await store.query("SELECT count(*) FROM quarantine")
    except TonicDMError as error:
        return [Finding("store", "failed", _message_of(error))]
    writable = not isinstance(file, SqliteFile) or os.access(file.path, os.W_OK)
    text = f"{file.name} holds {sum(counts.values()):,} records of {len(counts)} types, {quarantined:,} in quarantine"
    return [Finding("store", "ok" if writable else "warning", text + ("" if writable else "; it can't be written"))]


def _message_of(error: Exception) -> str:
    """Return an error's message in the words of the command line, on one line."""
    return " ".join(spelled(described(error), click.get_current_context().command).split())


def _extras() -> list[Finding]:
    installed: list[str] = []
    absent: list[str] = []
    for extra, modules in EXTRAS.items():
        complete = all(importlib.util.find_spec(module) is not None for module in modules)
        (installed if complete else absent).append(extra)
    text = f"cli{''.join(f', {name}' for name in installed)}"
    return [Finding("extras", "ok", f"{text}; not installed: {', '.join(absent)}" if absent else text)]
