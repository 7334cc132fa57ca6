"""The argument FILE of the commands that use a store, and the option that goes with it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from tonicdm.databases import is_url, refuse_other_url
from tonicdm.store.opening import DEFAULT_SCHEMA, locate

Command = Callable[..., Any]


class _Target(click.Path):
    """The path of a file, or the URL of a database."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if is_url(value):
            return value
        # Click's error of a file that is not there shows what was written.
        refuse_other_url(str(value), "FILE is a file or in PostgreSQL (postgresql://…)")
        return super().convert(value, param, ctx)


def store_argument(*, exists: bool = False, required: bool = True) -> Callable[[Command], Command]:
    """Give a command the argument FILE, as ``file``: a `Location`.

    Args:
        exists: Whether the store has to be there.
        required: Whether the command can't do without; ``file`` may be None then.
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def located(*args: Any, file: str | None, schema: str | None, **options: Any) -> Any:
            location = None if file is None else locate(file, schema)
            if exists and location is not None and location.schema is not None:
                with location.errors():
                    location.open_to_read().close()
            return command(*args, file=location, **options)

        schema_option = click.option(
            "--schema", metavar="NAME", help=f"Where FILE is postgresql://...: its schema. [default: {DEFAULT_SCHEMA}]"
        )
        argument = click.argument("file", required=required, type=_Target(dir_okay=False, exists=exists))
        return argument(schema_option(located))

    return decorate
