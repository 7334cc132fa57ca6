"""A sandbox and a client on one virtual clock, as async context managers."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from typing import Any, Final

import attrs

from tonicdm.budget import UnitBudget
from tonicdm.client import TonicDM
from tonicdm.clock import Clock
from tonicdm.sandbox import Sandbox, SandboxSettings

RECORDS: Final = 2_000
"""Records of a sandbox unless a test says otherwise: every type has some, and it starts in some milliseconds."""

_OWN: Final = frozenset({"records", "seed", "zones", "settings"})


@contextlib.asynccontextmanager
async def sandbox_from(clock: Clock, **choices: Any) -> AsyncGenerator[Sandbox]:
    """Run a sandbox on *clock*.

    Args:
        clock: Its time.
        choices: ``records``, ``seed``, ``zones`` and ``settings`` as for `Sandbox`; everything else is a field of
            `SandboxSettings`.

    Raises:
        ValueError: A choice is unknown, or its value is none of its choices.
    """
    own: dict[str, Any] = {name: value for name, value in choices.items() if name in _OWN}
    # A copy: what one test sets must not reach the next through a shared marker.
    settings = attrs.evolve(own.pop("settings", None) or SandboxSettings())
    settings.update({name: value for name, value in choices.items() if name not in _OWN})
    own.setdefault("records", RECORDS)
    async with Sandbox(**own, settings=settings, clock=clock) as box:
        yield box


@contextlib.asynccontextmanager
async def client_of(box: Sandbox, clock: Clock, **settings: Any) -> AsyncGenerator[TonicDM]:
    """Open a client of a sandbox, on the same clock and with a budget that nobody shares.

    Args:
        box: The server.
        clock: Time of the client.
        settings: As for `TonicDM`.
    """
    budget = settings.pop("budget", None)
    # A pace would be waited for in real time by tests that don't drive the clock.
    own = None if budget is not None else UnitBudget.memory(clock=clock, max_calls_per_second=None)
    made: dict[str, Any] = {
        "token": box.token,
        "base_url": box.url.removesuffix(box.settings.path_prefix),
        "path_prefix": box.settings.path_prefix,
        "option_placement": "query" if box.settings.option_source == "query" else "header",
        "clock": clock,
        **settings,
    }
    try:
        async with TonicDM(budget=budget or own, **made) as tonic:
            yield tonic
    finally:
        if own is not None:
            await own.close()


def environment(box: Sandbox) -> dict[str, str]:
    """Return the TONICDM_* variables with which ``TonicDM()`` finds a sandbox; its budget is kept in memory."""
    return {
        "TONICDM_TOKEN": box.token,
        "TONICDM_BASE_URL": box.url.removesuffix(box.settings.path_prefix),
        "TONICDM_BUDGET": "memory",
    }
