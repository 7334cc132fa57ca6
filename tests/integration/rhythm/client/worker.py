"""A program that runs one query into a file, to be killed at any moment.

Its arguments: URL template, tenant, token, output, how many downloads to begin too late. It prints its peak memory.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from typing import Any

from tonicdm.rhythm import PollRules, QuerySpec, RhythmClient, ThrottleRules, running

SPEC = QuerySpec(type="rolodex:contacts", fields=("id", "name", "email_address", "sys_last_modified_at"), sort=("id",))
LATE = 1.3
"""Seconds before a late download; longer than the URI lives."""


async def main(template: str, tenant: str, token: str, output: str, late: int) -> None:
    whole = running.download
    begun = 0

    async def download(*args: Any, **kwargs: Any) -> Any:
        nonlocal begun
        begun += 1
        if begun <= late:
            await asyncio.sleep(LATE)
        return await whole(*args, **kwargs)

    running.download = download
    pace = ThrottleRules(calls_per_second=None)
    async with RhythmClient(tenant, token=token, base_url_template=template, throttle=pace) as rhythm:
        result = await rhythm.queries.run(SPEC, output, rules=PollRules(first=0.05, cap=0.2))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"query": result.query, "rows": result.rows, "peak": peak}))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5], late=int(sys.argv[5])))
