"""``tonicdm webhooks send``: one signed event to a receiver, to see whether it arrives."""

from __future__ import annotations

import asyncio
import pathlib

import attrs
import click

from tonicdm.cli.output import Facts, Output, output_options
from tonicdm.cli.verifying import read_secrets, verifier_of, verifying
from tonicdm.errors import ConfigError
from tonicdm.webhooks.event import TEST_TYPE
from tonicdm.webhooks.send import Sent, send

HINTS = {
    400: "The receiver can't read the body.",
    401: "The receiver has another secret, or another time: compare both.",
    404: "Nothing is received at this path; serve prints the one it has.",
    405: "Something else than a receiver listens there.",
    503: "The receiver can't store events now; its log says why.",
}
"""What to do about an answer that is no success."""


@click.command("send")
@click.argument("url")
@verifying
@click.option("--type", "event_type", default=TEST_TYPE, show_default=True, help="Such as persons.updated.")
@click.option("--id", "ids", multiple=True, metavar="ID", help="ID of a record that it names; may be repeated.")
@click.option("--event-id", help="The event's own ID; the same one again is a duplicate.")
@output_options
def send_command(
    *,
    url: str,
    secret_file: pathlib.Path | None,
    secret_env: str | None,
    shared_secret_header: str | None,
    unverified: bool,
    event_type: str,
    ids: tuple[str, ...],
    event_id: str | None,
    output: Output,
) -> None:
    """Send one signed event to the receiver at URL, as TonicDM would send it.

    Takes the secret that the receiver has. Sends no token and costs no units. Exit code 1 where it was refused.
    """
    if ids and event_type == TEST_TYPE:
        raise ConfigError("--id needs --type, such as --type persons.updated")
    verifier = verifier_of(read_secrets(secret_file, secret_env), shared_secret_header, unverified=unverified)
    for remark in verifier.remarks:
        click.echo(f"Warning: {remark}", err=True)
    sent = asyncio.run(send(url, verifier, event_type=event_type, ids=ids, event_id=event_id))
    output.show(attrs.asdict(sent) | {"taken": sent.taken}, _facts(sent, event_type))
    if not sent.taken:
        click.get_current_context().exit(1)


def _facts(sent: Sent, event_type: str) -> Facts:
    result = "taken, it is on the receiver's disk" if sent.taken else f"refused: {sent.answer}"
    pairs = [
        ("Event", f"{sent.event_id}, {event_type}"),
        ("Answer", f"{sent.status} in {sent.seconds * 1000:,.0f} ms, {result}"),
    ]
    if not sent.taken and sent.status in HINTS:
        pairs.append(("Hint", HINTS[sent.status]))
    return Facts(pairs)
