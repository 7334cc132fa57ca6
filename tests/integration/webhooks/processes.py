"""``tonicdm webhooks serve`` as users run it: a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys

COMMAND = [sys.executable, "-m", "tonicdm.cli", "webhooks", "serve"]


@contextlib.contextmanager
def serving(file, *options, key=b"a-key-of-the-tests-of-webhooks", port=0):
    """Start the command and yield its process and URL; stop it with SIGTERM."""
    environment = {**os.environ, "WEBHOOK_SECRET": key.decode()}
    with subprocess.Popen(
        [*COMMAND, str(file), "--port", str(port), "--secret-env", "WEBHOOK_SECRET", *options],
        env={name: value for name, value in environment.items() if not name.startswith("TONICDM_")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("Receiving on "), process.stderr.read() if process.stderr else line
            yield process, line.split()[2]
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(60)
