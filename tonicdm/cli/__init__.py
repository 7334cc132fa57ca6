"""The `tonicdm` command; needs the extra `cli`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command, or say which extra it needs."""
    try:
        from tonicdm.cli.app import tonicdm
    except ModuleNotFoundError as error:
        if error.name not in {"click", "rich"}:
            raise
        sys.exit(f"tonicdm: the command needs {error.name}, from the extra cli: pip install click rich")
    tonicdm()
