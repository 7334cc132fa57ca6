"""A storm of 10,000 webhooks in 60 s against the commands in processes of their own, killed and started again."""

from __future__ import annotations

import asyncio
import pathlib
import tempfile
import time

from tests.integration.webhooks.storming import Storm, storm

EVENTS, SECONDS, RECORDS, POOL = 10_000, 60.0, 30_000, 450
"""12 types, in each at most 450 records that change: some 20 changes for each of them."""


def main() -> None:
    results = {}
    for updated_after in (True, False):
        began = time.monotonic()
        print(f"\nA storm {'with' if updated_after else 'without'} updated_after")

        def tell(line: str, began: float = began) -> None:
            print(f"{time.monotonic() - began:8.1f} s  {line}", flush=True)

        with tempfile.TemporaryDirectory() as folder:
            results[updated_after] = asyncio.run(
                storm(
                    pathlib.Path(folder),
                    events=EVENTS,
                    seconds=SECONDS,
                    records=RECORDS,
                    pool=POOL,
                    updated_after=updated_after,
                    tell=tell,
                )
            )
    print(f"\n{'':<52}{'with':>12}{'without':>12}  updated_after; target")
    for name, figure, target in _lines():
        values = "".join(f"{figure(storm):>12,}" for storm in (results[True], results[False]))
        print(f"{name:<52}{values}  {target}")


def _lines():
    def lost(storm: Storm) -> int:
        return len(storm.kept - storm.stored)

    def twice(storm: Storm) -> int:
        return sum(count > 1 for count in storm.effects.values())

    def none(storm: Storm) -> int:
        return len(storm.kept - {event for event, _ in storm.effects})

    return (
        ("events", lambda storm: storm.events, ""),
        ("requests of the sender", lambda storm: storm.attempts, "about 30 % twice, more after each kill"),
        ("without an answer, while the receiver was dead", lambda storm: storm.unanswered, ""),
        ("duplicates told", lambda storm: storm.duplicates, ""),
        ("receiver killed with -9", lambda storm: storm.killed["receiver"], "2"),
        ("worker killed with -9", lambda storm: storm.killed["worker"], "1"),
        ("accepted", lambda storm: storm.accepted, "all"),
        ("accepted and lost", lost, "0"),
        ("accepted and without effect", none, "0"),
        ("with more than one effect", twice, "0"),
        ("records that differ from the server's", lambda storm: storm.wrong, "0"),
        ("ack p50, ms", lambda storm: round(storm.ack(0.5), 1), ""),
        ("ack p99, ms", lambda storm: round(storm.ack(0.99), 1), "under 100"),
        ("units", lambda storm: storm.units, "at most 100, without: the bound"),
        ("5 * sum of ceil(m/240)", lambda storm: storm.bound, ""),
        ("calls", lambda storm: storm.calls, ""),
        ("429s met", lambda storm: storm.refused, ""),
        ("seconds from the kill to the end", lambda storm: round(storm.seconds, 1), ""),
    )


if __name__ == "__main__":
    main()
