"""Servers that run until a signal ends them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
from collections.abc import Generator
from types import FrameType
from typing import Final

import click

from tonicdm.cli.failures import NETWORK, USAGE, CommandError

logger: Final = logging.getLogger("tonicdm")

PORT = click.IntRange(0, 65_535)


def stop_event() -> asyncio.Event:
    """Return an event that Ctrl-C and SIGTERM set; on Windows Ctrl-Break does, too."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def handle(_number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(stop.set)

    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if (number := getattr(signal, name, None)) is None:
            continue
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # event loops of Windows take no signals, but are woken by them
            signal.signal(number, handle)
    return stop


def end_after(stop: asyncio.Event, seconds: float) -> asyncio.Task[None]:
    """End the process so many seconds behind *stop*, whatever it still waits for.

    A database that takes connections and answers nothing holds up a thread, and that the end of the program.

    Args:
        stop: Begins the end.
        seconds: What an end in order may take.

    Returns:
        A task, to be held for as long as the program runs.
    """

    def end() -> None:
        logger.error("what is waited for has not answered for %g s: the program is ended as it is", seconds)
        os._exit(NETWORK)

    async def watch() -> None:
        await stop.wait()
        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()

    return asyncio.create_task(watch(), name="tonicdm-end")


@contextlib.contextmanager
def listening_on(host: str, port: int) -> Generator[None]:
    """Say in one line that a server can't listen there; for the start of a server.

    Args:
        host: The option ``--host``.
        port: The option ``--port``.

    Raises:
        CommandError: The address can't be had.
    """
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).rpartition("): ")[2] or str(error)
        raise CommandError(
            f"can't listen on {host}:{port}: {reason}. Nothing was started. --port takes another port, 0 any free one.",
            USAGE,
        ) from None


@contextlib.contextmanager
def settings_from_options() -> Generator[None]:
    """Say of a setting that is out of range that it is a matter of the options.

    Raises:
        CommandError: It is out of range.
    """
    try:
        yield
    except ValueError as error:
        raise CommandError(f"{error}. Nothing was started.", USAGE) from None
