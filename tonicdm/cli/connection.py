"""Options that all commands which call a server share, and the client that they make."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import attrs
import click

from tonicdm.budget import UnitBudget
from tonicdm.client import TonicDM
from tonicdm.types import Priority, Zone


@attrs.frozen(kw_only=True)
class Connection:
    """Where and how to call."""

    token: str | None
    zone: Zone | None
    base_url: str | None
    path_prefix: str
    option_placement: Any
    max_wait: float | None
    budget_key: str | None

    def client(self, *, priority: Priority = "normal", budget: UnitBudget | None = None, **settings: Any) -> TonicDM:
        """Make the client."""
        return TonicDM(
            self.token,
            zone=self.zone,
            base_url=self.base_url,
            path_prefix=self.path_prefix,
            option_placement=self.option_placement,
            max_wait=self.max_wait,
            priority=priority,
            budget=budget,
            budget_key=None if budget is not None else self.budget_key,
            **settings,
        )


_OPTIONS = (
    click.option("--token", help="Bearer token; better kept in TONICDM_TOKEN, where no process list shows it."),
    click.option("--zone", type=click.Choice(["us", "de", "ie"]), help="Zone of the server."),
    click.option("--base-url", help="A server instead of a zone."),
    click.option("--path-prefix", default="", help="Put before every path, such as /v1.0."),
    click.option("--option-placement", type=click.Choice(["header", "query"]), help="Where options travel."),
    click.option("--budget-key", help="Which budget of the shared file; by default that of the token and server."),
    click.option("--max-wait", type=click.FloatRange(min=0), help="Most seconds to wait for units; else without end."),
)


def connected(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give *command* the options of a connection, and a `Connection` as its first argument."""

    @functools.wraps(command)
    def run(**given: Any) -> Any:
        taken = {field.name: given.pop(field.name) for field in attrs.fields(Connection)}
        return command(Connection(**taken), **given)

    for option in reversed(_OPTIONS):
        run = option(run)
    return run
