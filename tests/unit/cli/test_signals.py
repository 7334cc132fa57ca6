"""A program that is told to end does so."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import asyncio, threading
from tonicdm.cli.signals import LastEnd, stop_event

async def main():
    stop = stop_event()
    watching = last_end.watch(stop)
    stop.set()
    await asyncio.sleep(0)
    {inside}

with LastEnd({seconds}) as last_end:
    asyncio.run(main())
{behind}
print("in order")
"""


def run(seconds: float, *, inside: str = "pass", behind: str = "pass") -> subprocess.CompletedProcess[str]:
    program = PROGRAM.format(seconds=seconds, inside=inside, behind=behind)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=240, check=False)


def test_a_program_that_waits_for_ever_is_ended_in_the_end() -> None:
    """A thread that waits for a server can't be cancelled, and Python waits for it."""
    ended = run(0.2, inside="await asyncio.to_thread(threading.Event().wait)")
    assert (ended.returncode, ended.stdout) == (5, "")
    assert "has not answered for 0.2 s" in ended.stderr


def test_so_is_one_whose_threads_hold_up_the_end_of_python_itself() -> None:
    """The event loop has ended by then."""
    ended = run(0.5, inside="threading.Thread(target=threading.Event().wait).start()")
    assert ended.returncode == 5


def test_a_program_that_ends_in_order_waits_for_nothing() -> None:
    ended = run(3600.0)
    assert (ended.returncode, ended.stdout) == (0, "in order\n")


def test_a_program_that_goes_on_behind_the_command_is_left_alone() -> None:
    """A worker that runs inside of another program has once ended that, minutes after it had ended itself."""
    its_time_is_over = """
(timer,) = (thread for thread in threading.enumerate() if isinstance(thread, threading.Timer))
timer.function()
"""
    ended = run(3600.0, behind=its_time_is_over)
    assert (ended.returncode, ended.stdout) == (0, "in order\n")
