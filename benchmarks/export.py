"""An export of about 1e5 records, whole and after changes, beside a plain dump of the same rows."""

from __future__ import annotations

import asyncio
import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile
import time

from tonicdm.clock import VirtualClock
from tonicdm.sandbox import Sandbox
from tonicdm.store import Store
from tonicdm.types import DataQuantity

RECORD_TYPE = "persons"
RECORDS = 846_000
CHANGED = 1_000

OURS = """
import asyncio, sys
from tonicdm.export import export
from tonicdm.store import Store
async def main(file, to):
    async with Store(file) as store:
        await export(store, to)
asyncio.run(main(sys.argv[1], sys.argv[2]))
"""

PLAIN_DUCKDB = """
import sqlite3, sys
import duckdb
store, out = sqlite3.connect(sys.argv[1]), duckdb.connect(sys.argv[2].partition(":")[2])
out.execute("CREATE OR REPLACE TABLE persons (id VARCHAR, updated VARCHAR, raw VARCHAR)")
with open(sys.argv[1] + ".csv", "w") as file:
    for row in store.execute("SELECT id, updated, raw FROM record WHERE type = 'persons'"):
        file.write("\\x1f".join(row) + "\\n")
out.execute("INSERT INTO persons FROM read_csv(?, delim='\\x1f', quote='', escape='', header=false, all_varchar=true)",
            [sys.argv[1] + ".csv"])
out.close()
"""

PLAIN_CSV = """
import csv, json, sqlite3, sys
store = sqlite3.connect(sys.argv[1])
with open(sys.argv[2].partition(":")[2], "w", newline="") as file:
    names = [name for (name,) in store.execute("SELECT name FROM field WHERE type = 'persons' ORDER BY name")]
    writer = csv.writer(file)
    writer.writerow(names)
    for (raw,) in store.execute("SELECT raw FROM record WHERE type = 'persons' AND deleted_at IS NULL"):
        record = json.loads(raw)
        writer.writerow([record.get(name) for name in names])
"""

DLT = """
import os, sys
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
import dlt
from tonicdm.export import dlt_source
file = sys.argv[2].partition(":")[2]
pipeline = dlt.pipeline("firm", destination=dlt.destinations.duckdb(file), pipelines_dir=file + ".pipelines")
pipeline.run(dlt_source(sys.argv[1]), loader_file_format="parquet")
"""

CASES = {
    "duckdb": (OURS, "duckdb:{0}/a.duckdb"),
    "parquet": (OURS, "parquet:{0}/parquet"),
    "csv": (OURS, "csv:{0}/csv"),
    "dlt, its duckdb destination, by Parquet": (DLT, "dlt:{0}/dlt.duckdb"),
    "plain: raw JSON into DuckDB, no columns": (PLAIN_DUCKDB, "plain:{0}/plain.duckdb"),
    "plain: csv module, no types": (PLAIN_CSV, "plain:{0}/plain.csv"),
}


async def fill(file: pathlib.Path) -> int:
    """Make a store of persons, as a sync would."""
    async with Sandbox(records=RECORDS, seed=1, clock=VirtualClock()) as box, Store(file) as store:
        records = list(box.world.records(RECORD_TYPE))
        for start in range(0, len(records), 1000):
            await store.write_page(
                RECORD_TYPE, records[start : start + 1000], DataQuantity.BASIC, None, stamp=await store.draw(0.0)
            )
    return len(records)


def change(file: pathlib.Path) -> None:
    """Give some records a new place in the change feed."""
    db = sqlite3.connect(file)
    (last,) = db.execute("SELECT max(change_seq) FROM record").fetchone()
    ids = [record_id for (record_id,) in db.execute("SELECT id FROM record ORDER BY random() LIMIT ?", (CHANGED,))]
    with db:
        db.executemany(
            "UPDATE record SET change_seq = ?, raw = json_set(raw, '$.title', 'Partner') WHERE type = ? AND id = ?",
            [(last + number, RECORD_TYPE, record_id) for number, record_id in enumerate(ids, 1)],
        )
    db.close()


def measure(program: str, file: pathlib.Path, to: str) -> tuple[float, float, float]:
    """Return wall seconds, CPU seconds and peak MB of a process."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", program, str(file), to], stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, to
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "firm.db")
        count = asyncio.run(fill(file))
        print(f"\n{count:,} {RECORD_TYPE}, whole, and after {CHANGED:,} of them changed; each a process of its own")
        print(f"{'destination':<42}{'wall s':>8}{'CPU s':>8}{'peak MB':>9}{'changes: wall s':>17}{'CPU s':>8}")
        first = {name: measure(program, file, to.format(folder)) for name, (program, to) in CASES.items()}
        change(file)
        for name, (program, to) in CASES.items():
            wall, cpu, memory = first[name]
            line = f"{name:<42}{wall:>8.1f}{cpu:>8.1f}{memory:>9.0f}"
            if not name.startswith("plain"):
                again, cpu_again, _ = measure(program, file, to.format(folder))
                line += f"{again:>17.1f}{cpu_again:>8.1f}"
            print(line, flush=True)


if __name__ == "__main__":
    main()
