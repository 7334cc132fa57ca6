"""A program that runs one query into a file, to be killed at any moment.

Its arguments: URL template, tenant, token, output, how many downloads to begin too late, and how many seconds to dawdle
over each piece of one. It prints its peak memory.
"""

from __future__ import annotations

import asyncio
import json
import pathlib
import re
import sys
import time
from typing import Any

from tonicdm.rhythm import PollRules, QuerySpec, RhythmClient, ThrottleRules
from tonicdm.rhythm.query import download, running

SPEC = QuerySpec(type="rolodex:contacts", fields=("id", "name", "email_address", "sys_last_modified_at"), sort=("id",))
LATE = 1.3
"""Seconds before a late download; longer than the URI lives."""


def hinder(late: int, dawdle: float) -> None:
    """Make downloads late, and slow."""
    whole, take = running.download, download._take
    begun = 0

    async def late_download(*args: Any, **kwargs: Any) -> Any:
        nonlocal begun
        begun += 1
        if begun <= late:
            await asyncio.sleep(LATE)
        return await whole(*args, **kwargs)

    def slow_take(*args: Any) -> None:
        take(*args)
        time.sleep(dawdle)

    running.download, download._take = late_download, slow_take


def peak() -> float:
    """Return the peak of this program's memory in MB; getrusage would count the parent's at the moment of the fork."""
    status = pathlib.Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8")) if status.exists() else None
    return 0.0 if found is None else int(found[1]) / 1024


async def main(template: str, tenant: str, token: str, output: str) -> None:
    pace = ThrottleRules(calls_per_second=None)
    async with RhythmClient(tenant, token=token, base_url_template=template, throttle=pace) as rhythm:
        result = await rhythm.queries.run(SPEC, output, rules=PollRules(first=0.05, cap=0.2))
    print(json.dumps({"query": result.query, "rows": result.rows, "peak": peak()}))  # noqa: T201


if __name__ == "__main__":
    hinder(int(sys.argv[5]), float(sys.argv[6]))
    asyncio.run(main(*sys.argv[1:5]))
