"""The command group `tonicdm`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import click

from tonicdm._version import __version__
from tonicdm.cli.groups import Entry, Root

COMMANDS: Final[Mapping[str, Entry]] = {
    "budget": Entry("budget:budget", "Show the units that are left, as this machine knows them."),
    "completion": Entry("completion:completion", "Print what makes a shell complete this command."),
    "conformance": Entry("conformance:conformance", "Find out how a server answers where documents are silent."),
    "db": Entry("db:db", "Make the tables of a store, or bring them up to date."),
    "doctor": Entry("doctor:doctor", "Look at token, zone, clock, ledger, copy and extras."),
    "download": Entry("download:download", "Bring the files of a project into a folder."),
    "export": Entry("export:export_command", "Bring DuckDB, Parquet or CSV up to date with a copy."),
    "forget": Entry("forget:forget", "Erase what a copy holds of a person."),
    "get": Entry("records:get", "Fetch records by their IDs."),
    "jobs": Entry("jobs:jobs", "Submit jobs to workers, and look after them."),
    "list": Entry("records:list_records", "List records of a type."),
    "plan": Entry("sync:plan", "Show what a sync would do and cost; send nothing."),
    "quarantine": Entry("quarantine:quarantine", "Show what a sync got that is no record."),
    "rhythm": Entry("rhythm:rhythm", "Work with a Rhythm tenant."),
    "report": Entry("report:report", "Write a page about a copy and its budget."),
    "sandbox": Entry("sandbox:sandbox", "Run a local server with made-up data."),
    "schema": Entry("schema:schema", "Show the views of a copy, their columns and meanings."),
    "store": Entry("store:store", "Take care of the file of a copy."),
    "sync": Entry("sync:sync", "Bring a copy of a tenant in a file up to date."),
    "tenants": Entry("jobs:tenants", "Keep the tenants whose copies workers bring up to date."),
    "webhooks": Entry("webhooks:webhooks", "Receive webhooks and work them off."),
    "whoami": Entry("whoami:whoami", "Show whose token this is."),
    "worker": Entry("jobs:worker", "Work jobs off until told to end."),
}
"""Where each command is, and what the list of commands says of it. Only the one that runs is loaded."""

EPILOG: Final = """Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 token or rights refused, 4 no units within
--max-wait, 5 network, 6 local file or output, 130 interrupted, 141 the reader of the output has gone."""


@click.group(cls=Root, entries=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EPILOG)
@click.version_option(__version__, prog_name="tonicdm")
def tonicdm() -> None:
    """Work with a TonicDM tenant within its budget.

    The token comes from TONICDM_TOKEN or --token, the server from TONICDM_ZONE, TONICDM_BASE_URL, --zone or
    --base-url.
    """
