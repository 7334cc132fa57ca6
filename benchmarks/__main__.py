"""``python -m benchmarks [--json FILE] [NAME ...]``: run the benchmarks named, or all."""

from __future__ import annotations

import argparse
import importlib
import pathlib

from benchmarks.table import begin, write

NAMES = sorted(
    path.stem for path in pathlib.Path(__file__).parent.glob("*.py") if path.stem[0] != "_" and path.stem != "table"
)

parser = argparse.ArgumentParser(prog="benchmarks", description="Run benchmarks: those named, or all.")
parser.add_argument(
    "--json", type=pathlib.Path, metavar="FILE", help="where to write the figures; those of other benchmarks stay there"
)
parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
chosen = parser.parse_args()

for name in chosen.names or NAMES:
    begin(name)
    importlib.import_module(f"benchmarks.{name}").main()
    if chosen.json is not None:
        write(chosen.json)
