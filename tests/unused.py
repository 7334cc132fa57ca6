"""Find names of the package that nothing uses, by vulture; ``nox -s unused`` fails where there is one."""

from __future__ import annotations

import ast
import pathlib
import re
import sys

from vulture import Vulture

REPOSITORY = pathlib.Path(__file__).parents[1]
PLACES = ("tonicdm", "pytest_tonicdm.py", "tests", "docs/_ext", "benchmarks", "conftest.py")
"""What may use a name. Pages of the documentation and the README are read as text."""

ALLOWED = {
    "__call__": "protocols of functions: a user's object is called",
    "__contains__": "protocols of collections: only their form is asked for",
    "__dir__": "Python, for the names of a module",
    "__getattr__": "Python, for names that are not there yet",
    "_flush_all": "Python, at the end of the process",
    "context_class": "click, for the context of a group",
    "exc": "asyncio, of a process",
    "exc_text": "logging, for a record whose traceback was written",
    "fd": "asyncio, of a process",
    "format_commands": "click, for the help of a group",
    "get_missing_message": "click, for the help of a parameter",
    "handleError": "logging, where a handler fails",
    "isolation_level": "psycopg, of a connection",
    "pipe_connection_lost": "asyncio, of a process",
    "pipe_data_received": "asyncio, of a process",
    "process_exited": "asyncio, of a process",
    "pytest_configure": "pytest, of a plugin",
}
"""Names that others call, and who does."""


def data_lines(path: pathlib.Path) -> set[int]:
    """Return the lines of fields and of members of enumerations, which the documents name and users read."""
    return {
        statement.lineno
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        for statement in node.body
        if isinstance(statement, (ast.AnnAssign, ast.Assign))
    }


def is_command(path: pathlib.Path, name: str) -> bool:
    """Tell whether a name is a command, which the command line finds by its module and name."""
    return path.parent.name == "cli" and any(
        isinstance(node, ast.FunctionDef) and node.name == name and node.decorator_list
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )


def unused() -> list[str]:
    """Return a line for each name that nothing uses."""
    finder = Vulture()
    finder.scavenge([str(REPOSITORY / place) for place in PLACES])
    pages = [*(REPOSITORY / "docs").rglob("*.md"), REPOSITORY / "README.md"]
    documented = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    lines = []
    for item in finder.get_unused_code():
        path = pathlib.Path(item.filename)
        name = path.relative_to(REPOSITORY).as_posix()
        if not name.startswith(("tonicdm/", "pytest_tonicdm")) or item.name in ALLOWED:
            continue
        if item.typ == "import":  # ruff finds those, also in the quotes of a cast
            continue
        if item.typ == "variable" and item.first_lineno in data_lines(path):
            continue
        if is_command(path, item.name) or (len(item.name) > 3 and re.search(rf"\b{item.name}\b", documented)):
            continue
        lines.append(f"{name}:{item.first_lineno}: {item.typ} {item.name}")
    return lines


if __name__ == "__main__":
    sys.exit("\n".join(unused()) or None)
