"""Every method of the client through Prism, which was not written here: no request violates the reference file."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import importlib.util
import json
import os
import pathlib
import shutil
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from tests.contract.calls import arguments, methods
from tests.contract.reference import OPERATIONS, document
from tests.processes import free_port
from tonicdm import Paginator, RetryPolicy, TonicDM, TonicDMError, UnitBudget
from tonicdm.sandbox import Sandbox, SandboxSettings

PRISM = "@stoplight/prism-cli@5.14"

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("schemathesis") is None, reason="Prism runs in nox -s conformance only"
    ),
    pytest.mark.skipif(shutil.which("npx") is None, reason="npm is not there, so Prism can't be had"),
]


def derived() -> dict[str, Any]:
    """Return a copy of the reference in which header parameters of type array are strings with commas.

    Prism 5.14 crashes on an absent header parameter of type array.
    """
    made = copy.deepcopy(document())
    for parameter in _parameters(made):
        schema = parameter.get("schema", {})
        if parameter.get("in") == "header" and schema.get("type") == "array":
            parameter["schema"] = {"type": "string", "pattern": "^[^, ]+(,[^, ]+)*$"}
            for name in ("style", "explode", "example", "examples"):
                parameter.pop(name, None)
    return made


def _parameters(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "in" in node and "schema" in node:
            yield node
        for value in node.values():
            yield from _parameters(value)
    elif isinstance(node, list):
        for value in node:
            yield from _parameters(value)


@contextlib.asynccontextmanager
async def prism(upstream: str, folder: pathlib.Path):
    """Run Prism as a proxy in front of the sandbox; yields its URL."""
    file, port = folder / "derived.json", free_port()
    file.write_text(json.dumps(derived()), encoding="utf-8")
    command = ["npx", "--yes", PRISM, "proxy", str(file), upstream, "--port", str(port), "--host", "127.0.0.1"]
    home = os.environ.get("TONICDM_PRISM_DIR", folder)
    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True, cwd=home
    )
    assert process.stdout is not None
    lines: list[str] = []
    try:
        async with asyncio.timeout(180):
            while not lines or "is listening" not in lines[-1]:
                line = await process.stdout.readline()
                if not line:
                    pytest.skip(f"Prism did not start: {''.join(lines)[-500:]}")
                lines.append(line.decode(errors="replace"))
        reader = asyncio.create_task(_drain(process.stdout))
        yield f"http://127.0.0.1:{port}"
        reader.cancel()
    finally:
        with contextlib.suppress(ProcessLookupError):
            # npx would leave its child behind, and the child our pipe.
            os.killpg(process.pid, signal.SIGTERM)
        await process.wait()


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.readline():
        pass


async def test_no_request_of_any_method_violates_the_reference(tmp_path: pathlib.Path) -> None:
    """Prism names violations in a header of its answer; those of requests are ours, those of answers the sandbox's."""
    requests: list[str] = []
    answers: list[str] = []
    seen: set[tuple[str, str]] = set()

    async def look(_session: Any, _context: Any, params: aiohttp.TraceRequestEndParams) -> None:
        seen.add((params.method, params.url.path))
        for violation in json.loads(params.response.headers.get("sl-violations", "[]")):
            line = f"{params.method} {params.url.path}: {json.dumps(violation)}"
            (requests if violation["location"][0] == "request" else answers).append(line)

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(look)
    settings, once = SandboxSettings(limit=1_000_000), RetryPolicy(attempts=1)
    budget = UnitBudget.memory(max_calls_per_second=None)
    async with (
        asyncio.timeout(300),
        Sandbox(settings=settings) as box,
        prism(box.url, tmp_path) as url,
        aiohttp.ClientSession(trace_configs=[trace]) as session,
        TonicDM(box.token, base_url=url, budget=budget, session=session, retry=once, max_wait=5, timeout=5) as tonic,
    ):
        async with session.get(f"{url}/core/offices", headers={"pageSize": "5000"}):
            assert requests, "a tool that finds nothing where something is would prove nothing"
        requests.clear()
        answers.clear()
        for name in methods():
            noun, _, method = name.partition(".")
            args, kwargs = arguments(name)
            result = getattr(getattr(tonic, noun), method)(*args, **kwargs)
            # What becomes of the call is not asked here: most of the IDs are nobody's.
            with contextlib.suppress(TonicDMError):
                await (result.first() if isinstance(result, Paginator) else result)
    await budget.close()
    print(f"Prism: {len(methods())} methods, {len(seen)} operations, {len(requests)} request violations")  # noqa: T201
    assert len(seen) == len(OPERATIONS)
    assert requests == []
    assert answers == []
