"""CPU and instructions of a start: imports, a program that makes its first call and ends, and the command's help."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from typing import Final

from benchmarks.client import PATH, TOKEN, server
from benchmarks.instructions import count
from benchmarks.table import interleaved, keep, show

ROUNDS: Final = 20
AIOHTTP: Final = "import aiohttp"
TONICDM: Final = "from tonicdm import TonicDM"
BARE_CALL: Final = f"""
import asyncio, json, sys, aiohttp
async def main(url, office):
    lines = {{"Authorization": "Bearer another-{TOKEN}", "filterIDs": office, "data_quantity": "basic"}}
    async with aiohttp.ClientSession() as session, session.get(url + "{PATH}", headers=lines) as response:
        assert json.loads(await response.read())[0]["id"] == office
asyncio.run(main(*sys.argv[1:]))
"""
CALL: Final = f"""
import asyncio, sys
from tonicdm import TonicDM
async def main(url, office):
    async with TonicDM("{TOKEN}", base_url=url) as tonic:
        assert (await tonic.offices.get(office)).id == office
asyncio.run(main(*sys.argv[1:]))
"""
HELP: Final = "tonicdm --help"
CASES: Final = {
    "python": "pass",
    AIOHTTP: AIOHTTP,
    TONICDM: TONICDM,
    "aiohttp, a first call": BARE_CALL,
    "tonicdm, a first call": CALL,
    HELP: "import sys; from tonicdm.cli import main; sys.argv[1:] = ['--help']; main()",
}


def environment(folder: str) -> dict[str, str]:
    """Return an environment in which modules are kept compiled, as an installed package's are."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONHASHSEED": "0", "XDG_STATE_HOME": folder, "XDG_DATA_HOME": folder}


def spent(code: str, arguments: tuple[str, ...], folder: str) -> float:
    """Return the milliseconds of CPU of a process that runs *code*."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", code, *arguments]
    subprocess.run(command, check=True, env=environment(folder), stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3


def main() -> None:
    with server() as arguments, tempfile.TemporaryDirectory() as folder:
        cases = {name: lambda code=code: spent(code, arguments, folder) for name, code in CASES.items()}
        results = interleaved(cases, ROUNDS)
        title = f"Start of a process, CPU, {ROUNDS} rounds"
        own = min(results[TONICDM]) - min(results[AIOHTTP])
        show(
            title,
            "ms",
            results,
            AIOHTTP,
            f"tonicdm beyond aiohttp, least less least: {own:.1f} ms; targets: 30, help 200.",
        )
        keep(title, TONICDM, "beyond aiohttp, ms", own)
        title = "Start of a process, instructions"
        print(f"\n{title}")
        for name, code in CASES.items():
            millions = count([sys.executable, "-c", code, *arguments], environment(folder))
            if millions is None:
                print("valgrind is not installed")
                return
            keep(title, name, "millions", millions / 1e6)
            print(f"{name:<44}{millions / 1e6:>14,.0f}", flush=True)


if __name__ == "__main__":
    main()
