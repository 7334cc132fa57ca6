"""A query of 200,000 rows through kill -9 and expired URIs: how often it runs, what arrives, what memory it takes."""

from __future__ import annotations

import asyncio
import json
import logging
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from tonicdm.rhythm import MemoryTokenStore, TokenBroker
from tonicdm.sandbox.rhythm import RhythmSandbox, RhythmSettings

WORKER = pathlib.Path(__file__).parents[1] / "tests" / "integration" / "rhythm" / "client" / "worker.py"
SIZES = (20_000, 100_000, 200_000)


logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # what a killed client leaves in a server's log


async def run(rows: int) -> None:
    """Kill the worker while it waits and while it downloads, then let two URIs expire before they are used."""
    settings = RhythmSettings(query_queued_seconds=0.5, query_seconds=1.0, uri_seconds=1)
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder, "rows.json")
        async with RhythmSandbox(records=rows, settings=settings) as box:
            broker = TokenBroker(box.auth_url, box.client_id, box.client_secret, store=MemoryTokenStore())
            token = (await broker.token()).reveal()
            await broker.close()

            def start(late: int, dawdle: float) -> subprocess.Popen[str]:
                place = [box.service_url, box.tenant_id, token, str(output)]
                command = [sys.executable, str(WORKER), *place, str(late), str(dawdle)]
                return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

            note, part = pathlib.Path(folder, "rows.json.job"), pathlib.Path(folder, "rows.json.part")
            for seen in (note.exists, lambda: part.exists() and part.stat().st_size > 0):
                with start(0, 1.0) as process:
                    while not seen():
                        assert process.poll() is None
                        await asyncio.sleep(0.0005)
                    process.send_signal(signal.SIGKILL)
            began = time.perf_counter()
            with start(2, 0.0) as process:
                assert process.stdout is not None
                said = json.loads(await asyncio.to_thread(process.stdout.read))
            wall = time.perf_counter() - began
            statuses = [entry.status for entry in box.downloads()]
            content = await asyncio.to_thread(output.read_text)
            ids = {row["id"] for row in json.loads(content)}
            right = ids == {box.world.tables["contacts"].id(rank) for rank in range(rows)}
            print(
                f"{rows:>10,}{len(box.queries()):>9}{said['rows']:>10,}{'yes' if right else 'NO':>7}"
                f"{len(content) / 1e6:>9.1f}{wall:>9.1f}{said['peak']:>10.1f}  {statuses}"
            )
            assert right
            assert said["rows"] == rows
            assert len(box.queries()) == 1


def main() -> None:
    """Print the table."""
    print(
        "\nOne query through kill -9 while it waits, kill -9 while it downloads, and two expired URIs (JSON to a file)"
    )
    print(f"{'rows':>10}{'queries':>9}{'counted':>10}{'exact':>7}{'MB':>9}{'last s':>9}{'peak MB':>10}  downloads")
    for rows in SIZES:
        asyncio.run(run(rows))
