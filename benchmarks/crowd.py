"""Fifty thousand gathered calls beside a thousand: CPU of each, and bytes of one that waits."""

from __future__ import annotations

import asyncio
import gc
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Final

from benchmarks.client import BASE, CASES, server
from benchmarks.table import keep

FEW, MANY, ROUNDS = 1_000, 50_000, 3
CLIENTS: Final = (BASE, "tonicdm, memory ledger")


async def gathered(name: str, url: str, office: str, count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        async with CASES[name][1](url, office, folder) as call:
            slots = asyncio.Semaphore(8)

            async def bounded() -> None:
                async with slots:
                    await call()

            make = bounded if name == BASE else call  # ours bound themselves
            await asyncio.gather(*(make() for _ in range(50)))
            gc.collect()
            before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
            await asyncio.gather(*(make() for _ in range(count)))
            cpu = (time.process_time() - began) / count * 1e6
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / count
            return {"us": cpu, "bytes": grown}


def run(name: str, url: str, office: str, count: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.crowd", name, url, office, str(count)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=pathlib.Path.cwd())
    result: dict[str, float] = json.loads(done.stdout)
    return result


def main() -> None:
    title = f"{MANY:,} gathered calls of one record beside {FEW:,}: CPU of a call, bytes of one that waits"
    print(f"\n{title}\n{'case':<44}{'few us':>10}{'many us':>10}{'ratio':>8}{'bytes':>10}")
    with server() as (url, office):
        for name in CLIENTS:
            few, many = [], []
            for _ in range(ROUNDS):
                few.append(run(name, url, office, FEW))
                many.append(run(name, url, office, MANY))
            ratio = min(more["us"] / less["us"] for more, less in zip(many, few, strict=True))
            values = {
                "few us": statistics.median(each["us"] for each in few),
                "many us": statistics.median(each["us"] for each in many),
                "least ratio": ratio,
                "bytes": min(each["bytes"] for each in many),
            }
            for what, value in values.items():
                keep(title, name, what, value)
            print(
                f"{name:<44}{values['few us']:>10.1f}{values['many us']:>10.1f}{ratio:>8.2f}{values['bytes']:>10,.0f}"
            )
    print("Targets: 1.15 times, 5,120 bytes.")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(asyncio.run(gathered(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))))
    else:
        main()
