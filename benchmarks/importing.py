"""Import time beyond aiohttp's own."""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.table import interleaved, show

ROUNDS = 11


def imported(statement: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return (time.perf_counter() - began) * 1e3


def main() -> None:
    results = interleaved(
        {
            "python": lambda: imported("pass"),
            "import aiohttp": lambda: imported("import aiohttp"),
            "import tonicdm": lambda: imported("import tonicdm"),
        },
        ROUNDS,
    )
    own = sorted(
        ours - theirs for ours, theirs in zip(results["import tonicdm"], results["import aiohttp"], strict=True)
    )
    show(
        f"Start of a process, {ROUNDS} rounds",
        "ms",
        results,
        "import aiohttp",
        f"tonicdm beyond aiohttp: median {own[len(own) // 2]:.0f} ms; target 60.",
    )


if __name__ == "__main__":
    main()
