"""``python -m benchmarks [NAME ...]``: run the benchmarks named, or all."""

from __future__ import annotations

import importlib
import pathlib
import sys

NAMES = sorted(
    path.stem for path in pathlib.Path(__file__).parent.glob("*.py") if path.stem[0] != "_" and path.stem != "table"
)

for name in sys.argv[1:] or NAMES:
    importlib.import_module(f"benchmarks.{name}").main()
