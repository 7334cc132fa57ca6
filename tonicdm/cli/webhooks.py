"""``tonicdm webhooks``: the group, and ``serve``."""

from __future__ import annotations

import asyncio
import pathlib
import re
from collections.abc import Callable, Mapping
from typing import Final

import click

from tonicdm.cli import logs
from tonicdm.cli.groups import Entry, LazyGroup
from tonicdm.cli.signals import PORT, stop_event
from tonicdm.cli.store_argument import store_argument
from tonicdm.cli.text import echo
from tonicdm.cli.verifying import options_again, read_secrets, verifier_of, verifying
from tonicdm.errors import ConfigError
from tonicdm.store.database import Location
from tonicdm.webhooks.receiver import Limits, Receiver

BYTES_PER_UNIT: Final = {"": 1, "B": 1, "KiB": 1024, "MiB": 1024**2}


COMMANDS: Final[Mapping[str, Entry]] = {
    "list": Entry("inbox:list_jobs", "List what is in the inbox of a file."),
    "purge": Entry("inbox:purge", "Forget what is done."),
    "replay": Entry("inbox:replay", "Try dead letters again."),
    "send": Entry("send:send_command", "Send a signed test event to a receiver."),
    "serve": Entry("webhooks:serve", "Receive webhooks and store them in a file."),
    "show": Entry("inbox:show", "Show one event with its jobs."),
    "stats": Entry("inbox:stats", "Show how many events wait, are done or dead."),
    "work": Entry("inbox:work", "Work off the events in a file."),
}


@click.group(cls=LazyGroup, entries=COMMANDS)
def webhooks() -> None:
    """Receive webhooks and work them off."""


@click.command()
@store_argument()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=PORT, default=8080, show_default=True, help="Port; 0 for any free one.")
@click.option("--path", default="/webhooks", show_default=True, help="Where webhooks arrive.")
@verifying
@click.option("--tolerance", default=300.0, show_default=True, help="Seconds that a signature's time may differ.")
@click.option("--max-body", default="1MiB", show_default=True, help="Largest body: bytes, or such as 64KiB or 1MiB.")
@click.option(
    "--monitoring/--no-monitoring", default=True, show_default=True, help="Serve /healthz and /metrics as well."
)
@click.option("--body-seconds", default=10.0, show_default=True, help="Time for a whole body to come.")
@click.option("--public-url", metavar="URL", help="Where senders reach it, such as https://hooks.example.com.")
def serve(
    *,
    file: Location,
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
    public_url: str | None,
) -> None:
    """Receive webhooks and store them in FILE until SIGTERM or Ctrl-C.

    FILE may be that of a sync. An event is answered with 200 once it is on the disk. How senders are checked must be
    said: by a secret, or with --unverified.
    """
    secrets = read_secrets(secret_file, secret_env)
    verifier = verifier_of(secrets, shared_secret_header, tolerance=tolerance, unverified=unverified)
    limits = Limits(max_body=_bytes(max_body), body_seconds=body_seconds)
    receiver = Receiver.for_file(file, verifier, limits=limits)
    registered = _public(public_url, path) if public_url else None
    again = options_again(secret_file, secret_env, shared_secret_header)

    def announce(url: str) -> None:
        public = f"the public https address that leads to {url}; --public-url says which."
        lines = (
            f"Receiving on {url} into {file}; stop it with Ctrl-C.",
            f"Register this URL with the sender: {registered}" if registered else f"Register with the sender: {public}",
            f"Send a test event from another terminal: tonicdm webhooks send {registered or url} {again}",
        )
        echo("\n".join(lines))  # at once: whoever reads the first line may then go away

    asyncio.run(_serve(receiver, host, port, path, monitored=monitoring, announce=announce))


def _public(url: str, path: str) -> str:
    """Return the address that senders are told: the path of the receiver, unless one is given with it."""
    if not re.match(r"https?://[^/\s]+", url):
        raise ConfigError(f"--public-url takes an address such as https://hooks.example.com, not {url!r}")
    _, _, location = url.partition("://")
    return url if "/" in location.rstrip("/") else url.rstrip("/") + path


async def _serve(
    receiver: Receiver, host: str, port: int, path: str, *, monitored: bool, announce: Callable[[str], None]
) -> None:
    from tonicdm.webhooks.serve import serve as run

    logs.configure(logs.level_of_option(), default="info")

    await run(receiver, stop_event(), host=host, port=port, path=path, monitored=monitored, ready=announce)
    refused = sum(receiver.refused.values())
    echo(
        f"Stopped: {receiver.stored['new']:,} events stored, {receiver.stored['duplicate']:,} were there already, "
        f"{refused:,} requests refused."
    )


def _bytes(text: str) -> int:
    match = re.fullmatch(r"(\d+)(|B|KiB|MiB)", text.strip())
    if match is None:
        raise ConfigError(f"--max-body takes bytes, such as 65536, 64KiB or 1MiB, not {text!r}")
    return int(match[1]) * BYTES_PER_UNIT[match[2]]
