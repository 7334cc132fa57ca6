"""The sandbox in a process of its own, so that its work is not counted."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator

from benchmarks._raw import LIMIT


@contextlib.contextmanager
def sandbox(records: int = 1000) -> Iterator[str]:
    """Run a sandbox of so many records; yield its address."""
    command = [sys.executable, "-m", "tonicdm.sandbox", "--port", "0", "--records", str(records), "--limit", str(LIMIT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = re.search(r"http://\S+", process.stdout.readline())
            assert address is not None
            yield address.group()
        finally:
            process.terminate()
