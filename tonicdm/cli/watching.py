"""Show something again and again, until Ctrl-C."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from tonicdm.cli.output import Output, Part, readable_lines

MIN_INTERVAL_SECONDS: Final = 0.1


async def watch_parts(
    output: Output, read: Callable[[], Awaitable[tuple[Any, Sequence[Part]]]], interval: float
) -> None:
    """Show what *read* returns until the process is interrupted.

    On a terminal it stays in its place; elsewhere, or as JSON or CSV, each look follows the one before.

    Args:
        output: Where and how to print.
        read: Returns the document for JSON, and what is shown else.
        interval: Seconds between two looks.
    """
    pause = max(MIN_INTERVAL_SECONDS, interval)
    if not (output.is_text and sys.stdout.isatty()):
        while True:
            document, parts = await read()
            output.show(document, *parts)
            sys.stdout.flush()
            await asyncio.sleep(pause)
    from rich.live import Live
    from rich.text import Text

    # Text, not markup: a record's "[b]" is shown as it is.
    _, parts = await read()
    with Live(Text("\n".join(readable_lines(parts))), refresh_per_second=4) as live:
        while True:
            await asyncio.sleep(pause)
            _, parts = await read()
            live.update(Text("\n".join(readable_lines(parts))))
