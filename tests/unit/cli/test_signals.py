"""A program that is told to end does so."""

from __future__ import annotations

import subprocess
import sys

HANGS = """
import asyncio, threading
from tonicdm.cli.signals import end_after, stop_event

async def main():
    stop = stop_event()
    last_end = end_after(stop, {seconds})
    stop.set()
    await asyncio.to_thread({wait})

asyncio.run(main())
print("in order")
"""


def run(seconds: float, wait: str) -> subprocess.CompletedProcess[str]:
    program = HANGS.format(seconds=seconds, wait=wait)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)


def test_a_program_that_waits_for_ever_is_ended_in_the_end() -> None:
    """A thread that waits for a server can't be cancelled, and Python waits for it."""
    ended = run(0.2, "threading.Event().wait")
    assert (ended.returncode, ended.stdout) == (5, "")
    assert "has not answered for 0.2 s" in ended.stderr


def test_a_program_that_ends_in_order_waits_for_nothing() -> None:
    ended = run(3600.0, "print")
    assert (ended.returncode, ended.stdout) == (0, "\nin order\n")
