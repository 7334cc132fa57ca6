"""Options that say how senders of webhooks are checked, and the verifier that they describe."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable
from typing import Any, Final

import click

from tonicdm.errors import ConfigError
from tonicdm.webhooks.receiver import NO_VERIFIER
from tonicdm.webhooks.secrets import split_secrets
from tonicdm.webhooks.verify import TOLERANCE_SECONDS, SharedSecret, StandardWebhooks, Unverified

_OPTIONS: Final = (
    click.option(
        "--secret-file",
        type=click.Path(exists=True, dir_okay=False, path_type=pathlib.Path),
        help="File with the secret, or with one in each line while they are rotated.",
    ),
    click.option("--secret-env", metavar="NAME", help="Variable with the secret, or with several and blanks between."),
    click.option(
        "--shared-secret-header",
        metavar="HEADER",
        help="The secret is the value of this header; without this option it is the key of Standard Webhooks "
        "signatures.",
    ),
    click.option("--unverified", is_flag=True, help="No secret: events of anybody are hints, never data."),
)


def verifying(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give *command* the options that say how a sender is checked."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read_secrets(file: pathlib.Path | None, variable: str | None) -> list[str]:
    """Return the secrets in a file or a variable; none where neither is given.

    Raises:
        ConfigError: Both are given, or what is given holds none.
    """
    if file is not None and variable is not None:
        raise ConfigError("give --secret-file or --secret-env, not both")
    if file is not None:
        try:
            secrets = split_secrets(file.read_bytes())
        except (OSError, ConfigError) as error:
            raise ConfigError(f"{file} can't be read: {getattr(error, 'strerror', None) or error}") from None
        if not secrets:
            raise ConfigError(f"{file} holds no secret")
        return secrets
    if variable is not None:
        secrets = split_secrets(os.environ.get(variable, ""))
        if not secrets:
            raise ConfigError(f"the variable {variable} holds no secret")
        return secrets
    return []


def verifier_of(
    secrets: list[str], header: str | None, *, unverified: bool, tolerance: float = TOLERANCE_SECONDS
) -> StandardWebhooks | SharedSecret | Unverified:
    """Return the verifier that the options describe.

    Args:
        secrets: As they were read.
        header: The header that holds them; None where they are keys of signatures.
        unverified: Whether nothing is checked.
        tolerance: Seconds that a signature's time may differ.

    Raises:
        ConfigError: Nothing says how, or two things do.
    """
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


def options_again(file: pathlib.Path | None, variable: str | None, header: str | None) -> str:
    """Return the options of this module as they were given, for another command; they hold no secret."""
    pairs = (("--secret-file", file), ("--secret-env", variable), ("--shared-secret-header", header))
    given = [f"{name} {value}" for name, value in pairs if value is not None]
    return " ".join(given) or "--unverified"
