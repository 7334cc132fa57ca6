"""Places of budgets as users write them: a file, with ``~`` and variables in it, a database, or memory."""

from __future__ import annotations

import os
import pathlib
from typing import Final

from tonicdm.databases import is_url, refuse_other_url
from tonicdm.errors import ConfigError

_MEMORY: Final = frozenset({"memory", ":memory:"})


def is_memory(where: str | os.PathLike[str]) -> bool:
    """Tell whether *where* asks for a budget in memory; SQLite's own word for it does too."""
    return os.fspath(where) in _MEMORY


def is_postgresql(where: str | os.PathLike[str]) -> bool:
    """Tell whether *where* is the URL of a PostgreSQL database."""
    return is_url(os.fspath(where))


def expanded(where: str | os.PathLike[str]) -> pathlib.Path:
    """Return the file that *where* names, absolute, with ``~`` and variables replaced.

    Args:
        where: As written, also in a file of variables that no shell reads.

    Raises:
        ConfigError: It is empty, a URL, or no path, or a variable or home directory in it is unknown.
    """
    text = os.fspath(where)
    refuse_other_url(text, "the budget is kept in a file, in PostgreSQL (postgresql://…) or in memory")
    if not text.strip() or "\0" in text or text.startswith("file:"):
        raise ConfigError(f"the budget is kept in a file, or in memory; {text!r} names neither")
    path = os.path.expandvars(os.path.expanduser(text))  # noqa: PTH111 - also says when there is no home directory
    if path.startswith("~") or "$" in path:
        unknown = "a home directory that can't be found" if path.startswith("~") else "a variable that is not set"
        raise ConfigError(f"the path of the budget, {text}, holds {unknown}; give the whole path")
    return pathlib.Path(path).absolute()
