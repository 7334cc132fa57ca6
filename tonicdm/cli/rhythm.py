"""``tonicdm rhythm``: the Rhythm API, beginning with its machine tokens."""

from __future__ import annotations

import asyncio
import json
import pathlib
import time
from typing import Any

import click

from tonicdm.cli.rhythm_query import query
from tonicdm.cli.rhythm_sync import sync
from tonicdm.errors import ConfigError
from tonicdm.rhythm.tokens import minting
from tonicdm.rhythm.tokens.issuer import Issuer
from tonicdm.rhythm.tokens.ledger import MintState, TokenLedger, digest
from tonicdm.rhythm.tokens.minting import MintRules, moment, month_of, next_month
from tonicdm.rhythm.tokens.store import FileTokenStore


@click.group()
def rhythm() -> None:
    """Work with a Rhythm tenant."""


rhythm.add_command(query)
rhythm.add_command(sync)


@rhythm.command()
@click.option("--auth-domain", envvar="RHYTHM_AUTH_DOMAIN", help="The tenant's Auth0 domain; else all that are known.")
@click.option("--client-id", envvar="RHYTHM_CLIENT_ID", help="With --revoked: whose token; else all of the tenant.")
@click.option(
    "--folder", type=click.Path(path_type=pathlib.Path), help="Where the tokens are kept; else RHYTHM_TOKENS."
)
@click.option("--stop", default=MintRules().stop, show_default=True, help="The hard stop that the programs use.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array instead of lines.")
@click.option(
    "--retry",
    is_flag=True,
    help="Let minting go on after a lock-out, a refusal, a pause, too many mints or damage.",
)
@click.option("--revoked", is_flag=True, help="The tokens in force are no longer accepted: the next call mints one.")
def tokens(
    *,
    auth_domain: str | None,
    client_id: str | None,
    folder: pathlib.Path | None,
    stop: int,
    as_json: bool,
    retry: bool,
    revoked: bool,
) -> None:
    """Show the machine tokens of this month, as this machine has counted them: who, when, what is left.

    Nothing is sent and no token is shown. --retry and --revoked are your word to all processes; each may cost one of
    the month's tokens.
    """
    store, rules = FileTokenStore(folder), MintRules(stop=stop)
    keys = store.keys() if auth_domain is None else [digest(Issuer.parse(auth_domain).name)]
    if (retry or revoked) and len(keys) != 1:
        raise ConfigError(f"{len(keys)} tenants are known here: name one with --auth-domain")

    async def run() -> list[TokenLedger]:
        for key in keys:
            await store.update(key, lambda ledger: (_updated(ledger, client_id, retry=retry, revoked=revoked), None))
        return [await store.read(key) for key in keys]

    now = time.time()
    summaries = [_summary(ledger, now, rules) for ledger in asyncio.run(run())]
    if as_json:
        click.echo(json.dumps(summaries, indent=2))
    elif not any(summary["issuer"] for summary in summaries):
        click.echo(f"No machine token has been minted here; {store.where} has none.")
    else:
        click.echo("\n\n".join("\n".join(_lines(summary)) for summary in summaries))


def _updated(ledger: TokenLedger, client_id: str | None, *, retry: bool, revoked: bool) -> TokenLedger:
    """Return the ledger as --retry and --revoked leave it."""
    if revoked:
        chosen = [mint.application for mint in ledger.mints if client_id in {None, mint.client_id}]
        if not set(chosen) & ledger.tokens.keys():
            raise ConfigError(f"no token is kept here for {client_id or 'any application'}")
        ledger = minting.revoked(ledger, chosen)
    return minting.reopened(ledger) if retry else ledger


def _summary(ledger: TokenLedger, now: float, rules: MintRules) -> dict[str, Any]:
    month = month_of(now)
    names = {mint.application: mint.client_id for mint in ledger.mints}
    minted = minting.counted(ledger, now, rules)
    return {
        "issuer": ledger.issuer,
        "month": month,
        "minted": minted,
        "stop": rules.stop,
        "left": max(0, rules.stop - minted),
        "opens_at": _time(next_month(now)),
        "damaged_at": None if ledger.damage is None else _time(ledger.damage.at),
        "closed": [
            {
                "application": names.get(key),
                "cause": str(closure.cause),
                "status": closure.status,
                "since": _time(closure.since),
                "until": _time(closure.until),
            }
            for key, closure in (*ledger.closures.items(), *ledger.bounds.items())
            if now < closure.until
        ],
        "applications": [
            {
                "client_id": name,
                "minted": minting.counted(ledger, now, rules, key),
                "above_line": minting.counted(ledger, now, rules, key) > rules.line,
                "expires_at": _time(ledger.tokens[key].expires_at) if key in ledger.tokens else None,
                "revoked": key in ledger.tokens and ledger.tokens[key].revoked,
            }
            for key, name in names.items()
        ],
        "mints": [
            {"at": _time(mint.at), "client_id": mint.client_id, "who": mint.who, "result": str(mint.state)}
            for mint in ledger.mints
            if month_of(mint.at) == month
        ],
    }


def _lines(summary: dict[str, Any]) -> list[str]:
    stop = f"{summary['left']} left before the stop at {summary['stop']}, which opens again at {summary['opens_at']}"
    out = [f"Issuer    {summary['issuer']}", f"Minted    {summary['minted']} in {summary['month']}; {stop}"]
    if summary["damaged_at"]:
        out.append(f"Damaged   the count is not exact since {summary['damaged_at']}; it is taken too high, see --retry")
    out += [
        f"Closed    {closure['application'] or 'all applications'} until {closure['until']}: {closure['cause']}"
        + (f" ({closure['status']})" if closure["status"] else "")
        for closure in summary["closed"]
    ]
    for application in summary["applications"]:
        state = "no token" if application["expires_at"] is None else f"token until {application['expires_at']}"
        note = ", revoked" if application["revoked"] else ""
        warning = f"; more than {MintRules().line} a month" if application["above_line"] else ""
        out.append(f"  {application['client_id']:<34} {application['minted']:>4} minted, {state}{note}{warning}")
    for mint in summary["mints"]:
        counts = "" if mint["result"] != MintState.REFUSED else " (not counted)"
        out.append(f"  {mint['at']}  {mint['client_id']:<34} {mint['who']}  {mint['result']}{counts}")
    return out


def _time(at: float) -> str:
    return f"{moment(at):%Y-%m-%d %H:%M:%S}Z"
