"""``/healthz`` and ``/metrics`` in an application of aiohttp's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from aiohttp import web

from tonicdm.monitoring.exposition import CONTENT_TYPE, exposition
from tonicdm.monitoring.readings import Reading

PATHS: Final = ("/healthz", "/metrics")


def add_endpoints(
    app: web.Application,
    trouble: Callable[[], Awaitable[str | None]],
    read: Callable[[], Awaitable[Iterable[Reading]]],
) -> None:
    """Add both paths to *app*, before it has started. Whoever can reach it can read them.

    Args:
        app: The application.
        trouble: Returns what is wrong, which is answered with 503; None where all is well.
        read: Returns the values of the metrics at this moment.
    """

    async def health(_request: web.Request) -> web.Response:
        wrong = await trouble()
        return web.Response(status=503 if wrong else 200, text=f"{wrong or 'ok'}\n")

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=exposition(await read()).encode(), headers={"Content-Type": CONTENT_TYPE})

    app.router.add_get(PATHS[0], health)
    app.router.add_get(PATHS[1], metrics)
