"""``tonicdm rhythm tokens``: the machine tokens of this month."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from tonicdm.cli.output import Facts, Output, Part, Table, output_options
from tonicdm.cli.text import Column, number
from tonicdm.errors import ConfigError
from tonicdm.rhythm.tokens import minting
from tonicdm.rhythm.tokens.issuer import Issuer
from tonicdm.rhythm.tokens.ledger import MintState, TokenLedger, digest
from tonicdm.rhythm.tokens.minting import MintRules, moment, month_of, next_month
from tonicdm.rhythm.tokens.opening import token_store


@click.command()
@click.option("--auth-domain", envvar="RHYTHM_AUTH_DOMAIN", help="The tenant's Auth0 domain; else all that are known.")
@click.option("--client-id", envvar="RHYTHM_CLIENT_ID", help="With --revoked: whose token; else all of the tenant.")
@click.option("--folder", help="Where the tokens are kept, a folder or postgresql://...; else RHYTHM_TOKENS.")
@click.option("--stop", default=MintRules().stop, show_default=True, help="The hard stop that the programs use.")
@click.option(
    "--retry",
    is_flag=True,
    help="Let minting go on after a lock-out, a refusal, a pause, too many mints or damage.",
)
@click.option("--revoked", is_flag=True, help="The tokens in force are no longer accepted: the next call mints one.")
@output_options
def tokens(
    *,
    auth_domain: str | None,
    client_id: str | None,
    folder: str | None,
    stop: int,
    retry: bool,
    revoked: bool,
    output: Output,
) -> None:
    """Show the machine tokens of this month, as this machine has counted them: who, when, what is left.

    Nothing is sent, no token is shown, and a database's key is not needed. --retry and --revoked are your word to all
    processes; each may cost one of the month's tokens.
    """
    store, rules = token_store(folder, opens_tokens=False), MintRules(stop=stop)
    keys = store.keys() if auth_domain is None else [digest(Issuer.parse(auth_domain).name)]
    if (retry or revoked) and len(keys) != 1:
        raise ConfigError(f"{len(keys)} tenants are known here: name one with --auth-domain")

    async def run() -> list[TokenLedger]:
        for key in keys:
            await store.update(key, lambda ledger: (_updated(ledger, client_id, retry=retry, revoked=revoked), None))
        return [await store.read(key) for key in keys]

    ledgers = asyncio.run(run())
    now = store.clock.now()
    summaries = [_summary(ledger, now, rules) for ledger in ledgers]
    if output.is_text and not any(summary["issuer"] for summary in summaries):
        output.remark(f"No machine token has been minted here; {store.where} has none.")
    else:
        output.show(summaries, *(part for summary in summaries for part in _parts(summary)))


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


def _parts(summary: dict[str, Any]) -> list[Part]:
    stop = f"{summary['left']} left before the stop at {summary['stop']}, which opens again at {summary['opens_at']}"
    pairs = [("Issuer   ", summary["issuer"]), ("Minted", f"{summary['minted']} in {summary['month']}; {stop}")]
    if summary["damaged_at"]:
        damaged = f"the count is not exact since {summary['damaged_at']}; it is taken too high, see --retry"
        pairs.append(("Damaged", damaged))
    for closure in summary["closed"]:
        status = f" ({closure['status']})" if closure["status"] else ""
        who = closure["application"] or "all applications"
        pairs.append(("Closed", f"{who} until {closure['until']}: {closure['cause']}{status}"))
    applications = [
        (application["client_id"], application["minted"], _token_state(application), _token_note(application))
        for application in summary["applications"]
    ]
    mints = [(mint["at"], mint["client_id"], mint["who"], _result(mint["result"])) for mint in summary["mints"]]
    return [
        Facts(pairs),
        Table(["application", number("minted"), Column("token until", whole=True), "note"], applications),
        Table([Column("minted at", whole=True), "application", "who", "result"], mints),
    ]


def _token_state(application: dict[str, Any]) -> str:
    return str(application["expires_at"] or "no token")


def _token_note(application: dict[str, Any]) -> str:
    above = f"more than {MintRules().line} a month" if application["above_line"] else ""
    return ", ".join(filter(None, ("revoked" if application["revoked"] else "", above)))


def _result(result: str) -> str:
    return result if result != MintState.REFUSED else f"{result} (not counted)"


def _time(at: float) -> str:
    return f"{moment(at):%Y-%m-%d %H:%M:%S}Z"
