"""The command group."""

from __future__ import annotations

import click

from tonicdm._version import __version__
from tonicdm.cli.budget import budget
from tonicdm.cli.conformance import conformance
from tonicdm.cli.export import export_command
from tonicdm.cli.failures import Guarded
from tonicdm.cli.inbox import webhooks
from tonicdm.cli.records import get, list_records
from tonicdm.cli.rhythm import rhythm
from tonicdm.cli.sandbox import sandbox
from tonicdm.cli.sync import plan, sync
from tonicdm.cli.whoami import whoami


@click.group(cls=Guarded, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tonicdm")
def tonicdm() -> None:
    r"""Work with a TonicDM tenant within its budget.

    The token comes from TONICDM_TOKEN or --token, the server from TONICDM_ZONE, TONICDM_BASE_URL, --zone or
    --base-url.

    \b
    Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 token or rights refused, 4 no units within --max-wait,
    5 network, 6 local file, 130 interrupted.
    """


for _command in (sandbox, conformance, whoami, get, list_records, budget, plan, sync, export_command, webhooks, rhythm):
    tonicdm.add_command(_command)
