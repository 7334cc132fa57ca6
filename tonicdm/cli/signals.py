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
from typing import Final, Self

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


class LastEnd:
    """Ends the process some time behind the signal that told it to end, whatever it still waits for.

    A database that takes connections and answers nothing holds up a thread, and that the end of the program. Entered
    around the event loop. Behind the block only a program that is at its end is still ended: another one goes on.

    Args:
        seconds: What an end in order may take.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._is_left = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_left = True

    def watch(self, stop: asyncio.Event) -> asyncio.Task[None]:
        """Begin to count when *stop* is set.

        Returns:
            A task, to be held for as long as the event loop runs.
        """

        async def begin() -> None:
            await stop.wait()
            timer = threading.Timer(self._seconds, self._end)
            timer.daemon = True
            timer.start()

        return asyncio.create_task(begin(), name="tonicdm-end")

    def _end(self) -> None:
        if self._is_left and threading.main_thread().is_alive():
            return
        logger.error("what is waited for has not answered for %g s: the program is ended as it is", self._seconds)
        os._exit(NETWORK)


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
