"""The house stands as its plan says: arrows, sizes, public names."""

from __future__ import annotations

import ast
import pathlib
import re
import subprocess
import sys

import pytest

import tonicdm

ROOT = pathlib.Path(tonicdm.__file__).parent
MODULES = sorted(path for path in ROOT.rglob("*.py"))

LAYERS = [
    {"_version", "types", "errors", "config", "checks", "clock", "lockfile"},
    {"codec", "models", "budget", "plan"},
    {"http"},
    {"endpoints", "paging", "bulk", "raw", "transfer"},
    {"store"},
    {"client"},
    {"sync", "webhooks", "rhythm", "jobs", "conformance", "export"},
    {"cli", "testing"},
]
"""From the ground up; a room imports from its own layer and those below (docs/explanation/architecture)."""

GROUND = {"clock"}
"""All that the sandbox may know, so that one mistake can't hide in the client and its stand-in."""


def room(parts: tuple[str, ...]) -> str:
    return parts[0].removesuffix(".py")


def floor(name: str) -> int:
    return next(number for number, rooms in enumerate(LAYERS) if name in rooms)


def imports(path: pathlib.Path) -> set[str]:
    """Return the rooms of this package that a module imports, wherever the statement stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "tonicdm":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tonicdm."):
            found.add(str(node.module).split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("tonicdm.")}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_imports_from_a_room_above_its_own(path: pathlib.Path) -> None:
    own = room(path.relative_to(ROOT).parts)
    if own == "__init__":
        return
    if own == "sandbox":
        assert imports(path) - {"sandbox"} <= GROUND
        return
    above = {name for name in imports(path) - {"sandbox", own} if floor(name) > floor(own)}
    assert not above
    assert "sandbox" not in imports(path) or own in {"cli", "testing"}


@pytest.mark.parametrize("name", ["http", "budget", "codec"])
def test_the_core_knows_no_noun(name: str) -> None:
    """Rhythm stands on the same rooms, so they must not know TonicDM's models or endpoints."""
    for path in (ROOT / name).rglob("*.py"):
        assert not imports(path) & {"models", "endpoints", "client"}


def test_only_the_modules_that_send_import_aiohttp_in_the_client() -> None:
    users = {
        path.relative_to(ROOT).as_posix()
        for path in MODULES
        if re.search(r"^\s*(import|from) aiohttp\b", path.read_text(encoding="utf-8"), re.MULTILINE)
        and "sandbox" not in path.parts
    }
    sending = {f"http/{name}.py" for name in ("transport", "exchange", "plain", "session", "exceptions")}
    servers = {"webhooks/web.py", "webhooks/serve.py"}
    assert users <= sending | servers | {"client.py"}, "client.py names types of aiohttp only"


def test_the_budget_does_no_io_in_its_core() -> None:
    for name in ("window", "lanes", "rules", "entries", "serverclock"):
        text = (ROOT / "budget" / f"{name}.py").read_text(encoding="utf-8")
        assert not any(f"import {module}" in text for module in ("asyncio", "time", "random", "sqlite3", "os"))


def test_the_modules_of_the_budget_make_no_circle() -> None:
    """Neither for types alone: who can't be named without the other is one with it."""
    names = {
        "tonicdm." + path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__"): path
        for path in (ROOT / "budget").rglob("*.py")
    }
    graph: dict[str, set[str]] = {}
    for name, path in names.items():
        found: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        graph[name] = {one for one in found if one in names and one != name and not name.startswith(one + ".")}
    seen: list[str] = []
    while leaves := [name for name, needs in graph.items() if not needs - set(seen) and name not in seen]:
        seen += leaves
    assert set(graph) - set(seen) == set()


def test_every_public_name_is_there() -> None:
    assert [name for name in tonicdm.__all__ if not hasattr(tonicdm, name)] == []
    assert sorted(set(tonicdm.__all__), key=str.lower) == sorted(tonicdm.__all__, key=str.lower)


def test_importing_the_package_loads_no_extra_and_opens_no_file() -> None:
    """click, rich and the sandbox are loaded when they are used."""
    code = "import sys, tonicdm; print([m for m in ('click', 'rich', 'tonicdm.sandbox') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert found == "[]"
