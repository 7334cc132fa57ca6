"""Messages and exit codes of errors."""

from __future__ import annotations

import logging
from typing import Any, Final

import click

from tonicdm.errors import (
    AuthenticationError,
    BudgetError,
    ConfigError,
    ExportError,
    InvalidOptionError,
    PermissionDeniedError,
    StoreError,
    TonicDMError,
    TransportError,
)

CODES: Final[tuple[tuple[type[TonicDMError], int], ...]] = (
    (ConfigError, 2),
    (InvalidOptionError, 2),
    (AuthenticationError, 3),
    (PermissionDeniedError, 3),
    (BudgetError, 4),
    (TransportError, 5),
    (StoreError, 6),
    (ExportError, 6),
    (TonicDMError, 1),
)

INTERRUPTED: Final = 130

_SPELLED: Final = {'on_ignored="accept"': "--on-ignored accept"}
"""Arguments of Python in messages, as options of the command."""


def exit_code(error: TonicDMError) -> int:
    """Return the exit code for *error*."""
    return next(code for error_type, code in CODES if isinstance(error, error_type))


class Guarded(click.Group):
    """A group whose commands end with a message and a code, never with a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        logging.getLogger("tonicdm").addHandler(logging.NullHandler())
        try:
            return super().invoke(ctx)
        except TonicDMError as error:
            text = str(error)
            for argument, option in _SPELLED.items():
                text = text.replace(argument, option)
            click.echo(f"tonicdm: {text}", err=True)
            ctx.exit(exit_code(error))
        except KeyboardInterrupt:
            click.echo("tonicdm: interrupted", err=True)
            ctx.exit(INTERRUPTED)
