"""Keys under which the parts of one command line leave something for each other in the context of click."""

from __future__ import annotations

from typing import Final

COMMAND: Final = "tonicdm.command"
"""Key in a context's `meta`: the context of the command that runs."""
OUTPUT: Final = "tonicdm.output"
"""Key in a context's `meta`: the output of the command that runs."""
LOG_LEVEL: Final = "tonicdm.log_level"
"""Key in a context's `meta`: what ``--log-level`` says."""

LEVELS: Final = ("debug", "info", "warning", "error")
"""Levels of the log."""
