"""The receiver alone, behind a server of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from aiohttp import web

from tonicdm.errors import ConfigError
from tonicdm.webhooks.receiver import Receiver
from tonicdm.webhooks.web import add_monitoring, add_to

HEAD_SECONDS: Final = 30.0
"""Seconds for the head of a request, from the connection or the answer before it; then the connection is closed."""

LINGERING: Final = 2.0
"""Seconds for which the rest of a refused body is read and dropped, so that its sender sees the answer."""

BACKLOG: Final = 1024
"""Connections that the system may hold until they are accepted."""

LEAVE: Final = 5.0
"""Seconds for answers on their way when the server stops."""


async def serve(
    receiver: Receiver,
    stop: asyncio.Event,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    path: str = "/webhooks",
    head_seconds: float = HEAD_SECONDS,
    monitored: bool = True,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Receive webhooks until *stop* is set, then finish the commits in hand.

    Args:
        receiver: What takes the requests; opened and closed here.
        stop: Set to end.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        path: Where webhooks arrive.
        head_seconds: Time for the head of a request, from the connection or from the answer before it.
        monitored: Whether ``/healthz`` and ``/metrics`` are there as well.
        ready: Called with the URL once it listens.

    Raises:
        ConfigError: The port can't be had, or the path is none, or that of monitoring.
        StoreError: The file can't be written.
    """
    app = web.Application()
    if monitored:
        if path.rstrip("/") in {"/healthz", "/metrics"}:
            raise ConfigError(f"{path} is where monitoring looks; receive webhooks on another path")
        add_monitoring(app, receiver)
    add_to(app, path, receiver)
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=_quiet_logger(),
        keepalive_timeout=head_seconds,
        lingering_time=LINGERING,
        shutdown_timeout=LEAVE,
    )
    try:
        await runner.setup()
        site = web.TCPSite(runner, host, port, backlog=BACKLOG, reuse_address=True)
        try:
            await site.start()
        except OSError as error:
            raise ConfigError(f"can't listen on {host}:{port}: {error.strerror}") from None
        if ready is not None:
            ready(f"http://{host}:{runner.addresses[0][1]}{path}")
        await stop.wait()
    finally:
        await runner.cleanup()


def _quiet_logger() -> logging.Logger:
    """Return a logger for the server's own messages, which name the error and never what was sent."""
    logger = logging.getLogger("tonicdm.webhooks.server")
    if not any(isinstance(log_filter, _NoTraces) for log_filter in logger.filters):
        logger.addFilter(_NoTraces())
    return logger


class _NoTraces(logging.Filter):
    """Leaves out exceptions, whose texts repeat bytes of a request that could not be parsed, and addresses."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite *record* in place."""
        error_name = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        record.msg, record.args = f"a connection failed{f' ({error_name})' if error_name else ''}", ()
        record.exc_info = record.exc_text = None
        return True
