"""``tonicdm report``: one page about a copy and its budget."""

from __future__ import annotations

import asyncio
import datetime
import pathlib

import click

from tonicdm._version import __version__
from tonicdm.budget import WindowRecord
from tonicdm.cli.connection import Connection, connected
from tonicdm.cli.output import Output, output_options
from tonicdm.cli.store_argument import store_argument
from tonicdm.errors import BudgetError, ConfigError, StoreError, TonicDMError
from tonicdm.report import BudgetFacts, CopyFacts, MintFacts, read_copy, read_mints, render
from tonicdm.rhythm.tokens.minting import MintRules
from tonicdm.rhythm.tokens.opening import token_store
from tonicdm.store import Store
from tonicdm.store.database import Location
from tonicdm.store.sqlite import SqliteFile


@click.command()
@store_argument(exists=True)
@click.option(
    "-o",
    "--output",
    "to",
    type=click.Path(dir_okay=False, path_type=pathlib.Path),
    default=pathlib.Path("report.html"),
    show_default=True,
    help="The page; replaced if it is there.",
)
@output_options
@connected
def report(connection: Connection, *, file: Location, to: pathlib.Path, output: Output) -> None:
    """Write one HTML page about FILE, its webhooks, its budget and the machine tokens of the month.

    The page loads nothing and can be sent by mail. The windows of the budget are those of the token, as the shared
    ledger has them; without a token the page says so. Sends nothing.
    """
    copy, budget, mints = asyncio.run(_read(connection, file, output))
    now = datetime.datetime.now(datetime.UTC)
    page = render(copy, now=now, budget=budget, mints=mints, version=__version__)
    try:
        to.write_text(page, encoding="utf-8")
    except OSError as error:
        raise StoreError(str(to), f"can't be written: {error.strerror}") from None
    windows = None if budget is None else len(budget.windows)
    document = {"file": file.name, "report": str(to), "bytes": len(page.encode()), "windows": windows}
    output.show(document, _summary(to, windows))


def _summary(to: pathlib.Path, windows: int | None) -> str:
    known = "no windows, as no token was given" if windows is None else f"{windows:,} windows of the budget"
    return f"The page, with {known}, is in {to}"


async def _read(
    connection: Connection, file: Location, output: Output
) -> tuple[CopyFacts, BudgetFacts | None, list[MintFacts]]:
    name = file.path.name if isinstance(file, SqliteFile) else file.name
    async with Store(file) as store:
        copy = await store.read(lambda db: read_copy(db, name=name, size=db.size()))
    tokens = token_store(opens_tokens=False)
    try:
        keys = await asyncio.to_thread(tokens.keys)
        mints = read_mints([await tokens.read(key) for key in keys], tokens.clock.now(), MintRules())
    except TonicDMError as error:
        output.remark(f"The machine tokens are left out: {error}")
        mints = []
    return copy, await _budget(connection, output), mints


async def _budget(connection: Connection, output: Output) -> BudgetFacts | None:
    """Return the windows of the token's budget; None where there is no token, or no ledger that can be read."""
    try:
        async with connection.client() as tonic:
            snapshot = tonic.budget.snapshot()
            windows: list[WindowRecord] = tonic.budget.history()
            return BudgetFacts(tuple(windows), snapshot.limit, max(0, snapshot.limit - snapshot.remaining))
    except ConfigError:
        return None
    except BudgetError as error:
        output.remark(f"The windows of the budget are left out: {error}")
        return None
