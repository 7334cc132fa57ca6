"""The sandbox alone: pages of a thousand out of a million records, and single records, without sockets.

Requests per second over HTTP are measured with a foreign tool, see docs/explanation/sandbox.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks.table import interleaved, show
from tonicdm.sandbox.messages import Request
from tonicdm.sandbox.service import Service
from tonicdm.sandbox.settings import SandboxSettings
from tonicdm.sandbox.world import World

PATHS = (
    "/core/offices",
    "/workflow/tasks",
    "/core/notes",
    "/core/projects",
    "/core/brands",
    "/core/emailaddresses",
    "/workflow/rfis",
    "/core/persons",
)


def main() -> None:
    service = Service(World(1_000_000), SandboxSettings(limit=1_000_000_000))

    def page(path: str, size: int) -> Callable[[], float]:
        number = 0

        def run() -> float:
            nonlocal number
            number = number % 5 + 1
            options = {"data_quantity": "basic", "pageSize": str(size), "pageNumber": str(number)}
            headers = (("Authorization", "Bearer sandbox-token"), *options.items())
            began = time.perf_counter()
            answer = service.handle(Request(method="GET", path=path, headers=headers), 1.8e9)
            spent = time.perf_counter() - began
            assert answer.records == size
            return spent * 1000

        return run

    results = interleaved({path: page(path, 1000) for path in PATHS}, 20)
    show("Sandbox: a page of 1,000 basic records out of 1,000,000", "ms", results, PATHS[0])
    results = interleaved({path: page(path, 1) for path in PATHS}, 200)
    show("Sandbox: one basic record out of 1,000,000", "ms", results, PATHS[0])
