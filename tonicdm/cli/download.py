"""``tonicdm download``: save the files of a project in a folder."""

from __future__ import annotations

import asyncio

import attrs
import click

from tonicdm.cli.connection import Connection, connected
from tonicdm.cli.output import Line, Output, output_options
from tonicdm.cli.text import echo, printable
from tonicdm.errors import ConfigError
from tonicdm.transfer.project import NO_LINK, FileLinks, ProjectDownload


@attrs.frozen(kw_only=True)
class Wanted:
    """What a run of the command is to do."""

    project: str
    to: str
    links: FileLinks
    allow_private: bool


@click.command()
@click.argument("project")
@click.option("--to", required=True, type=click.Path(file_okay=False), help="The folder; made if it is not there.")
@click.option(
    "--link-field",
    envvar="TONICDM_LINK_FIELD",
    help="The field that holds the link to a file: of the file's record, or in the answers of --link-path. "
    "Else TONICDM_LINK_FIELD.",
)
@click.option(
    "--link-path",
    envvar="TONICDM_LINK_PATH",
    help="An operation that gives links for the IDs of files. Else TONICDM_LINK_PATH.",
)
@click.option(
    "--link-option", default="filterIDs", show_default=True, help="Its option that takes the IDs, as it is on the wire."
)
@click.option("--link-id-field", default="id", show_default=True, help="The field in its answers that names the file.")
@click.option("--allow-private", is_flag=True, help="Follow links to private and loopback addresses, too.")
@output_options
@connected
def download(
    connection: Connection,
    *,
    project: str,
    to: str,
    link_field: str | None,
    link_path: str | None,
    link_option: str,
    link_id_field: str,
    allow_private: bool,
    output: Output,
) -> None:
    """Bring the files of PROJECT's RFIs, submittals and change orders into a folder.

    The reference shows no link to a file: --link-field, and perhaps --link-path, say where your server has it. A
    manifest in the folder says what is there, so that the next run skips it. Exit code 1 where a file did not come.
    """
    if not link_field:
        raise ConfigError(f"{NO_LINK}: --link-field, and --link-path for an operation. Nothing was sent.")
    links = FileLinks(field=link_field, path=link_path, option=link_option, id_field=link_id_field)
    wanted = Wanted(project=project, to=to, links=links, allow_private=allow_private)
    done = asyncio.run(_run(connection, wanted))
    for identity, error in done.failed.items():
        echo(printable(f"{identity}: {error}"), err=True)
    document = {
        "to": to,
        "downloaded": len(done.downloaded),
        "skipped": len(done.skipped),
        "failed": {str(identity): str(error) for identity, error in done.failed.items()},
    }
    counts = f"{len(done.skipped):,} were there, {len(done.failed):,} failed"
    output.show(document, Line(f"{len(done.downloaded):,} files downloaded to {to}, {counts}."))
    if done.failed:
        click.get_current_context().exit(1)


async def _run(connection: Connection, wanted: Wanted) -> ProjectDownload:
    async with connection.client() as tonic:
        return await tonic.download_project(wanted.project, wanted.to, wanted.links, allow_private=wanted.allow_private)
