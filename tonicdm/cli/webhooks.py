"""``tonicdm webhooks``: the group, and ``serve``."""

from __future__ import annotations

import asyncio
import os
import pathlib
import re
from collections.abc import Mapping
from typing import Final

import click

from tonicdm.cli import logs
from tonicdm.cli.groups import Entry, LazyGroup
from tonicdm.cli.signals import PORT, stop_event
from tonicdm.cli.text import echo
from tonicdm.errors import ConfigError
from tonicdm.webhooks.receiver import NO_VERIFIER, Limits, Receiver
from tonicdm.webhooks.verify import SharedSecret, StandardWebhooks, Unverified, Verifier

BYTES_PER_UNIT: Final = {"": 1, "B": 1, "KiB": 1024, "MiB": 1024**2}


COMMANDS: Final[Mapping[str, Entry]] = {
    "list": Entry("inbox:list_jobs", "List what is in the inbox of a file."),
    "purge": Entry("inbox:purge", "Forget what is done."),
    "replay": Entry("inbox:replay", "Try dead letters again."),
    "serve": Entry("webhooks:serve", "Receive webhooks and store them in a file."),
    "show": Entry("inbox:show", "Show one event with its jobs."),
    "stats": Entry("inbox:stats", "Show how many events wait, are done or dead."),
    "work": Entry("inbox:work", "Work off the events in a file."),
}


@click.group(cls=LazyGroup, entries=COMMANDS)
def webhooks() -> None:
    """Receive webhooks and work them off."""


@click.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=PORT, default=8080, show_default=True, help="Port; 0 for any free one.")
@click.option("--path", default="/webhooks", show_default=True, help="Where webhooks arrive.")
@click.option(
    "--secret-file",
    type=click.Path(exists=True, dir_okay=False, path_type=pathlib.Path),
    help="File with the secret, or with one in each line while they are rotated.",
)
@click.option("--secret-env", metavar="NAME", help="Variable with the secret, or with several and blanks between.")
@click.option(
    "--shared-secret-header",
    metavar="HEADER",
    help="The secret is the value of this header; without this option it is the key of Standard Webhooks signatures.",
)
@click.option("--unverified", is_flag=True, help="Take events of anybody; they are hints, never data.")
@click.option("--tolerance", default=300.0, show_default=True, help="Seconds that a signature's time may differ.")
@click.option("--max-body", default="1MiB", show_default=True, help="Largest body: bytes, or such as 64KiB or 1MiB.")
@click.option(
    "--monitoring/--no-monitoring", default=True, show_default=True, help="Serve /healthz and /metrics as well."
)
@click.option("--body-seconds", default=10.0, show_default=True, help="Time for a whole body to come.")
def serve(
    *,
    file: str,
    host: str,
    port: int,
    path: str,
    secret_file: pathlib.Path | None,
    secret_env: str | None,
    shared_secret_header: str | None,
    unverified: bool,
    tolerance: float,
    max_body: str,
    monitoring: bool,
    body_seconds: float,
) -> None:
    """Receive webhooks and store them in FILE until SIGTERM or Ctrl-C.

    FILE may be that of a sync. An event is answered with 200 once it is on the disk. How senders are checked must be
    said: by a secret, or with --unverified.
    """
    secrets = _secrets(secret_file, secret_env)
    verifier = _verifier(secrets, shared_secret_header, tolerance, unverified=unverified)
    limits = Limits(max_body=_bytes(max_body), body_seconds=body_seconds)
    asyncio.run(_serve(file, Receiver.for_file(file, verifier, limits=limits), host, port, path, monitored=monitoring))


async def _serve(file: str, receiver: Receiver, host: str, port: int, path: str, *, monitored: bool) -> None:
    from tonicdm.webhooks.serve import serve as run

    logs.configure(logs.level_of_option(), default="info")

    def ready(url: str) -> None:
        echo(f"Receiving on {url} into {file}; stop it with Ctrl-C.")

    await run(receiver, stop_event(), host=host, port=port, path=path, monitored=monitored, ready=ready)
    refused = sum(receiver.refused.values())
    echo(
        f"Stopped: {receiver.stored['new']:,} events stored, {receiver.stored['duplicate']:,} were there already, "
        f"{refused:,} requests refused."
    )


def _secrets(file: pathlib.Path | None, variable: str | None) -> list[str]:
    if file is not None and variable is not None:
        raise ConfigError("give --secret-file or --secret-env, not both")
    if file is not None:
        try:
            secrets = file.read_text(encoding="utf-8").split()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{file} can't be read: {type(error).__name__}") from None
        if not secrets:
            raise ConfigError(f"{file} holds no secret")
        return secrets
    if variable is not None:
        secrets = os.environ.get(variable, "").split()
        if not secrets:
            raise ConfigError(f"the variable {variable} holds no secret")
        return secrets
    return []


def _verifier(secrets: list[str], header: str | None, tolerance: float, *, unverified: bool) -> Verifier:
    if unverified:
        if secrets or header:
            raise ConfigError("--unverified checks nothing; leave it out, or the secret")
        return Unverified()
    if not secrets:
        raise ConfigError(
            f"{NO_VERIFIER}. Here: --secret-file or --secret-env, with --shared-secret-header for a header; "
            "or --unverified"
        )
    return SharedSecret(header, *secrets) if header else StandardWebhooks(*secrets, tolerance=tolerance)


def _bytes(text: str) -> int:
    match = re.fullmatch(r"(\d+)(|B|KiB|MiB)", text.strip())
    if match is None:
        raise ConfigError(f"--max-body takes bytes, such as 65536, 64KiB or 1MiB, not {text!r}")
    return int(match[1]) * BYTES_PER_UNIT[match[2]]
