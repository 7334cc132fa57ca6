"""The command group `tonicdm`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Final

import click

from tonicdm._version import __version__
from tonicdm.cli.failures import Guarded

COMMANDS: Final[Mapping[str, str]] = {
    "budget": "budget:budget",
    "conformance": "conformance:conformance",
    "download": "download:download",
    "export": "export:export_command",
    "get": "records:get",
    "list": "records:list_records",
    "plan": "sync:plan",
    "quarantine": "quarantine:quarantine",
    "rhythm": "rhythm:rhythm",
    "sandbox": "sandbox:sandbox",
    "sync": "sync:sync",
    "webhooks": "inbox:webhooks",
    "whoami": "whoami:whoami",
}
"""Where each command is: a module of this package, and a name in it. Only the one that runs is loaded."""


class Commands(Guarded):
    """The commands, each loaded when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return the command of that name; None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(f"tonicdm.cli.{module}"), name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tonicdm")
def tonicdm() -> None:
    r"""Work with a TonicDM tenant within its budget.

    The token comes from TONICDM_TOKEN or --token, the server from TONICDM_ZONE, TONICDM_BASE_URL, --zone or
    --base-url.

    \b
    Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 token or rights refused, 4 no units within --max-wait,
    5 network, 6 local file, 130 interrupted.
    """
