"""The structure of the package: layers, import circles, what comments cite, public names."""

from __future__ import annotations

import ast
import functools
import graphlib
import io
import pathlib
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator

import pytest

import tonicdm
from tests.cases import for_each

ROOT = pathlib.Path(tonicdm.__file__).parent
MODULES = sorted(path for path in ROOT.rglob("*.py"))
REPOSITORY = pathlib.Path(__file__).parents[2]

LAYERS = [
    {
        "_version",
        "types",
        "errors",
        "ids",
        "config",
        "databases",
        "checks",
        "clock",
        "closing",
        "disk",
        "display",
        "lockfile",
        "late",
        "lazy",
        "singleflight",
        "tokens",
        "values",
    },
    {"codec", "models", "budget", "plan"},
    {"http"},
    {"endpoints", "paging", "bulk", "raw", "transfer"},
    {"store"},
    {"client"},
    {"sync", "webhooks", "rhythm", "jobs", "conformance", "export", "report", "monitoring"},
    {"cli", "testing", "web"},
]
"""From the ground up; a package imports from its own layer and those below (docs/explanation/architecture)."""

GROUND = {"clock"}
"""All that the sandbox may know, so that one mistake can't hide in the client and its stand-in."""


def package(parts: tuple[str, ...]) -> str:
    return parts[0].removesuffix(".py")


def layer(name: str) -> int:
    return next(number for number, packages in enumerate(LAYERS) if name in packages)


@functools.cache
def parsed(path: pathlib.Path) -> ast.Module:
    """Return a module's tree, which several tests read."""
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def imports(path: pathlib.Path) -> frozenset[str]:
    """Return the parts of this package that a module imports, wherever the statement stands."""
    names: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom) and node.module == "tonicdm":
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tonicdm."):
            names.add(str(node.module).split(".")[1])
        elif isinstance(node, ast.Import):
            names |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("tonicdm.")}
    return frozenset(names)


@for_each("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_imports_from_a_layer_above_its_own(path: pathlib.Path) -> None:
    own = package(path.relative_to(ROOT).parts)
    if own == "__init__":
        return
    if own == "sandbox":
        assert imports(path) - {"sandbox"} <= GROUND
        return
    above = {name for name in imports(path) - {"sandbox", own} if layer(name) > layer(own)}
    assert not above
    assert "sandbox" not in imports(path) or own in {"cli", "testing"}


@pytest.mark.parametrize("name", ["http", "budget", "codec"])
def test_the_core_knows_no_resource(name: str) -> None:
    """Rhythm stands on the same packages, so they must not know TonicDM's models or endpoints."""
    for path in (ROOT / name).rglob("*.py"):
        assert not imports(path) & {"models", "endpoints", "client"}


def test_only_the_modules_that_send_import_aiohttp_in_the_client() -> None:
    users = {
        path.relative_to(ROOT).as_posix()
        for path in MODULES
        if re.search(r"^\s*(import|from) aiohttp\b", path.read_text(encoding="utf-8"), re.MULTILINE)
        and "sandbox" not in path.parts
    }
    sending = {f"http/{name}.py" for name in ("transport", "exchange", "middleware", "plain", "session", "exceptions")}
    servers = {
        "webhooks/web.py",
        "webhooks/serve.py",
        "webhooks/send.py",
        "web.py",
        "jobs/serving.py",
        "monitoring/web.py",
    }
    assert users <= sending | servers | {"client.py"}, "client.py names types of aiohttp only"


IMPURE = frozenset(
    {
        *("asyncio", "threading", "time", "random", "secrets", "os", "pathlib", "shutil", "tempfile", "subprocess"),
        *("sqlite3", "psycopg", "aiohttp", "socket", "ssl", "tonicdm.clock"),
    }
)
"""Modules that ask a clock, do I/O or wait."""
GIVEN_A_CLOCK = {"budget/rules.py", "rhythm/dateclock.py"}
"""They read the clock that they are handed, which is a value for a test."""


def pure_cores() -> list[pathlib.Path]:
    patterns = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["tonicdm"][
        "pure-cores"
    ]
    found = {pattern: sorted(ROOT.parent.glob(pattern)) for pattern in patterns}
    assert all(found.values()), [pattern for pattern, paths in found.items() if not paths]
    return [path for paths in found.values() for path in paths]


def impurities(path: pathlib.Path) -> set[str]:
    """Return what a module has of clocks, I/O and waiting."""
    found: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & IMPURE
        elif isinstance(node, ast.ImportFrom):
            found |= {str(node.module)} & IMPURE
        elif isinstance(node, ast.AsyncFunctionDef | ast.Await):
            found.add("await")
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            found |= {name} & {"open", "now", "utcnow", "today", "execute"}
    return found


@for_each("path", pure_cores(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_pure_core_has_no_clock_does_no_io_and_waits_for_nothing(path: pathlib.Path) -> None:
    """What waits or sends asks it, so that all that it decides can be tested by values."""
    clock = {"tonicdm.clock", "now"} if path.relative_to(ROOT).as_posix() in GIVEN_A_CLOCK else set()
    assert impurities(path) == clock


def trees_by_name() -> dict[str, ast.Module]:
    """Return every module of the package by its dotted name, without the package's own."""
    return {
        path.relative_to(ROOT.parent).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__"): parsed(
            path
        )
        for path in MODULES
    }


def only_exports(tree: ast.Module) -> bool:
    """Tell whether a module defines nothing, such as a package's __init__ that names what others define."""
    return not any(isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) for node in tree.body)


def origin(module: str, name: str, trees: dict[str, ast.Module], packages: set[str]) -> str:
    """Return the module that an import of *name* from *module* needs: the one that defines it."""
    if f"{module}.{name}" in trees:
        return f"{module}.{name}"
    if module in packages and only_exports(trees[module]):
        for node in ast.walk(trees[module]):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return origin(node.module, alias.name, trees, packages)
    return module


def module_graph() -> dict[str, set[str]]:
    """Return the modules that each module imports, wherever the statement stands, for types alone included.

    The __init__ of a package counts as a module only where it defines something.
    """
    trees = trees_by_name()
    packages = {name for name in trees if (ROOT.parent / name.replace(".", "/")).is_dir()}
    graph: dict[str, set[str]] = {}
    for name, tree in trees.items():
        if name in packages and only_exports(tree):
            continue
        needs: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{name}: imports are absolute"
                needs |= {origin(str(node.module), alias.name, trees, packages) for alias in node.names}
            elif isinstance(node, ast.Import):
                needs |= {alias.name for alias in node.names}
        graph[name] = {need for need in needs & trees.keys() if need != name}
    return graph


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Return the modules of one import circle, the first of them again at the end; empty where there is none."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_no_modules_import_each_other() -> None:
    """Neither for types alone: what can't be named without the other is one with it."""
    graph = module_graph()
    assert circle(graph) == []


def test_a_circle_is_noticed() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


OUTSIDE = re.compile(r"\bdesign(\.md\b|\s+\d|:)|\.\./|\bissue #?\d", re.IGNORECASE)


def remarks(path: pathlib.Path) -> Iterator[str]:
    """Yield the comments and the docstrings of a module, those of attributes included."""
    text = path.read_text(encoding="utf-8")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.string
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


def astray(remark: str) -> list[str]:
    """Return what a remark cites that a reader of the repository can't open."""
    pages = [page.rstrip(".") for page in re.findall(r"\bdocs/[\w./-]+", remark)]
    lost = [page for page in pages if not any((REPOSITORY / f"{page}{end}").exists() for end in ("", ".md"))]
    return [*lost, *(match.group() for match in OUTSIDE.finditer(remark))]


def test_comments_cite_only_what_the_repository_has() -> None:
    files = {path.relative_to(ROOT).as_posix(): path for path in MODULES}
    files["pytest_tonicdm.py"] = REPOSITORY / "pytest_tonicdm.py"
    cited = {name: [what for remark in remarks(path) for what in astray(remark)] for name, path in files.items()}
    assert {name: what for name, what in cited.items() if what} == {}


@for_each("remark", ["design.md", "(design 6)", "(design: paging)", "docs/none.md", "see issue 12", "../x"])
def test_a_citation_of_what_is_not_there_is_noticed(remark: str) -> None:
    assert astray(remark)


def test_pages_of_the_documentation_may_be_cited() -> None:
    assert astray("docs/explanation/architecture and docs/explanation/architecture.md. By design, it waits.") == []


MAX_BODY_LINES = 60
"""Lines of a function's body that fit a screen; its signature and its docstring are read apart."""

QUESTION = re.compile(r"(What|Where|Which|Whether|How|When|Who|Why|From)\b")


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function's body without its docstring."""
    statements = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return statements[-1].end_lineno - statements[0].lineno + 1 if statements else 0


def test_every_function_fits_a_screen() -> None:
    functions = {
        f"{name}.{node.name}": body_lines(node)
        for name, tree in trees_by_name().items()
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert {name: lines for name, lines in functions.items() if lines > MAX_BODY_LINES} == {}


def test_the_head_of_a_module_names_its_subject() -> None:
    """It is a noun phrase or an imperative, no question that the module answers."""
    heads = {name: (ast.get_docstring(tree) or "").partition("\n")[0] for name, tree in trees_by_name().items()}
    assert {name: head for name, head in heads.items() if QUESTION.match(head)} == {}
    assert [name for name, head in heads.items() if not head and not name.endswith("._version")] == []


def test_every_public_name_is_there() -> None:
    assert [name for name in tonicdm.__all__ if not hasattr(tonicdm, name)] == []
    assert sorted(set(tonicdm.__all__), key=str.lower) == sorted(tonicdm.__all__, key=str.lower)


def test_importing_the_package_loads_no_extra_and_opens_no_file() -> None:
    """click, rich and the sandbox are loaded when they are used."""
    code = "import sys, tonicdm; print([m for m in ('click', 'rich', 'tonicdm.sandbox') if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert loaded == "[]"
