"""Options that all commands which call Rhythm share, and the client that they make."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import attrs
import click

from tonicdm.rhythm import RhythmClient


@attrs.frozen(kw_only=True)
class RhythmConnection:
    """Where and how to call; what is None comes from the RHYTHM_* variables."""

    tenant: str | None
    token: str | None = attrs.field(repr=False)
    client_id: str | None
    auth_domain: str | None
    base_url: str | None
    max_wait: float | None
    database: str | None = attrs.field(repr=False)

    def client(self) -> RhythmClient:
        """Make the client."""
        return RhythmClient(
            self.tenant,
            token=self.token,
            client_id=self.client_id,
            auth_domain=self.auth_domain,
            base_url_template=self.base_url,
            max_wait=self.max_wait,
            database=self.database,
        )


_OPTIONS = (
    click.option("--tenant", help="The tenant; else RHYTHM_TENANT_ID."),
    click.option("--token", help="A token instead of a client; better kept in RHYTHM_TOKEN."),
    click.option("--client-id", help="The application; else RHYTHM_CLIENT_ID. Its secret is RHYTHM_CLIENT_SECRET."),
    click.option("--auth-domain", help="The tenant's Auth0 domain; else RHYTHM_AUTH_DOMAIN."),
    click.option("--base-url", help="Where the services are, with {service} in it; else RHYTHM_BASE_URL."),
    click.option(
        "--database", help="postgresql://... that all hosts share, for pace, notes and tokens; else RHYTHM_DATABASE."
    ),
    click.option("--max-wait", type=click.FloatRange(min=0), help="Most seconds to be silent after a 429."),
)


def rhythm_connected(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give *command* the options of a connection, and a `RhythmConnection` as its first argument."""

    @functools.wraps(command)
    def run(**given: Any) -> Any:
        taken = {field.name: given.pop(field.name) for field in attrs.fields(RhythmConnection)}
        return command(RhythmConnection(**taken), **given)

    for option in reversed(_OPTIONS):
        run = option(run)
    return run
