"""Parts of the reference that are made from the code, so that they can't say anything else than it does."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any, get_args

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import tonicdm.store
from tonicdm import models
from tonicdm.cli.app import tonicdm as cli
from tonicdm.codec import OpenEnum, Record
from tonicdm.endpoints import options as known
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.registry import RECORD_TYPES, endpoint_class
from tonicdm.errors import TonicDMError
from tonicdm.http.operation import Operation, Parameter
from tonicdm.sandbox import control, faults
from tonicdm.sandbox.rhythm import rhythm_sandbox

METHODS = ("list", "get", "get_many", "me", "staff", "create", "update", "add", "soft_delete", "delete")
NOTHING = "\u200b"
"""A line without a colon that shows nothing."""
FENCE = re.compile(r"(\s*)```(\w*)$")


class FromCode(SphinxDirective):
    """A directive whose text is Markdown."""

    def run(self) -> list[nodes.Node]:
        text = "\n".join(self.lines())
        return self.parse_text_to_nodes(text, allow_section_headings=True)

    def lines(self) -> Iterable[str]:
        raise NotImplementedError


class Commands(FromCode):
    """Every command with its arguments and options."""

    def lines(self) -> Iterator[str]:
        yield from commands(cli, click.Context(cli, info_name="tonicdm"))


def commands(group: click.Group, context: click.Context) -> Iterator[str]:
    """Return a section for each command of *group*, and for those of the groups in it."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context)
        yield from (f"### {inner.command_path}", "", "```text", inner.get_usage().removeprefix("Usage: "), "```", "")
        yield from (inspect.cleandoc(command.help or "").replace("\b\n", ""), "")
        rows = [
            (f"`{one[0]}`", one[1])
            for one in (parameter.get_help_record(inner) for parameter in command.get_params(inner))
            if one is not None
        ]
        yield from table(("option", "what it does"), rows)
        if isinstance(command, click.Group):
            yield from commands(command, inner)


class WireNames(FromCode):
    """Every option: its Python name, its names on the wire, and the lists and calls that take it."""

    def lines(self) -> Iterator[str]:
        users: dict[tuple[str, Parameter], list[str]] = {}
        for record_type, operation in operations():
            for name, option in operation.options.items():
                users.setdefault((name, option), []).append(f"{record_type} ({operation.method})")
        rows = [("`data_quantity`", "`data_quantity`", "`dataQuantity`", "every call")]
        for (name, option), takers in sorted(users.items(), key=lambda item: item[0][0]):
            by = ", ".join(dict.fromkeys(takers))
            rows.append((f"`{name}`", f"`{option.name}`", f"`{option.query_name}`", by))
        yield from table(("Python", "header", "query string", "taken by"), rows)


class Attributes(FromCode):
    """Every attribute of a client with its path and methods."""

    def lines(self) -> Iterator[str]:
        rows = []
        for record_type, endpoint in resources():
            methods = [name for name in METHODS if callable(getattr(endpoint, name, None))]
            others = [
                name
                for name, member in vars(endpoint).items()
                if not name.startswith("_") and inspect.isfunction(member) and name not in methods
            ]
            path = importlib.import_module(endpoint.__module__).PATH
            rows.append((f"`tonic.{record_type}`", f"`{path}`", ", ".join(f"`{name}`" for name in methods + others)))
        yield from table(("attribute", "path", "methods"), rows)


class Endpoints(FromCode):
    """Every endpoint class with the dictionaries of its options and fields."""

    def lines(self) -> Iterator[str]:
        for record_type, endpoint in resources():
            yield from (f"## {record_type}", "", "```{eval-rst}")
            yield from (f".. autoclass:: {endpoint.__module__}.{endpoint.__qualname__}()", "   :members:")
            yield from ("   :inherited-members:", "   :exclude-members: __init__", "")
            module = importlib.import_module(endpoint.__module__)
            for item in vars(module).values():
                if isinstance(item, type) and item.__module__ == module.__name__ and hasattr(item, "__total__"):
                    yield from (f".. autoclass:: {item.__module__}.{item.__qualname__}()", "   :members:")
                    yield ""
            yield from ("```", "")


class Models(FromCode):
    """Every record class, then every enumeration."""

    def lines(self) -> Iterator[str]:
        named = [(name, getattr(models, name)) for name in models.__all__]
        enums = [name for name, item in named if isinstance(item, type) and issubclass(item, OpenEnum)]
        records = [name for name, item in named if isinstance(item, type) and issubclass(item, Record)]
        for title, chosen, more in (
            ("Records", records, ()),
            ("Enumerations", enums, ("   :undoc-members:",)),
        ):
            yield from (f"## {title}", "", "```{eval-rst}")
            for name in chosen:
                if name not in {"OpenEnum", "Record", "RecordStub"}:
                    item = getattr(models, name)
                    yield from (f".. autoclass:: {item.__module__}.{name}()", "   :members:", *more)
                    yield from ("   :exclude-members: __init__, __new__", "")
            yield from ("```", "")


class ErrorTree(FromCode):
    """The errors as a tree, and then each of them."""

    def lines(self) -> Iterator[str]:
        tree = list(errors_below(TonicDMError))
        yield from ("```text", *(f"{'  ' * depth}{title(kind)}" for kind, depth in tree), "```", "", "```{eval-rst}")
        for kind in dict.fromkeys(kind for kind, _ in tree):
            yield from (f".. autoexception:: {kind.__module__}.{kind.__qualname__}()", "   :show-inheritance:", "")
        yield from ("```", "")


class FaultNames(FromCode):
    """Every fault of the sandbox."""

    def lines(self) -> Iterator[str]:
        rows = [(f"`{name}`", faults.SUMMARY[name], _details(name), _side(name)) for name in get_args(faults.FaultName)]
        yield from table(("fault", "what it does", "details", "on the side of"), rows)


def _side(name: str) -> str:
    sides = {"TonicDM": name in faults.TONICDM, "Rhythm": name in faults.RHYTHM}
    return "both" if all(sides.values()) else next(side for side, there in sides.items() if there)


def _details(name: str) -> str:
    return ", ".join(f"`{key}={value!r}`" for key, value in faults.DETAILS.get(name, {}).items())


CONTROLS = {
    "GET /__health": "whether it runs; its URL, seed and zone, and the variables for a client",
    "GET /__clock": "its time",
    "POST /__clock": '`{"advance": 3600}` moves its time forward',
    "GET /__journal": "the calls so far; `?since=` skips so many, `?token=` takes those of one token",
    "DELETE /__journal": "forgets them",
    "GET /__faults": "the faults that are switched on or scripted",
    "POST /__faults": '`{"on": [...], "next": [...], "off": [...]}`: names, or objects with details; `"off": "all"`',
    "GET /__settings": "the fields of `SandboxSettings`",
    "POST /__settings": "sets some of them",
    "GET /__window": "the window of the first token, or of `?token=`",
    "POST /__spend": '`{"units": 100}` uses units as another user of the token would',
    "POST /__reset": "puts the seeded firm back, with fresh windows, an empty journal and no faults",
    "POST /__snapshot": "keeps everything as it is, and returns a number",
    "POST /__restore": '`{"snapshot": 0}` puts it back',
    "GET /__webhooks": "the deliveries so far",
    "POST /__webhooks": "subscribes a receiver, or sets how badly it is served",
    "GET /__world": "the number of records by type; `?type=rfis` gives them as JSON lines, soft deleted ones too",
    "POST /__world": "creates, updates, touches and deletes records without a charge",
}


class ControlPaths(FromCode):
    """Every path by which a sandbox is steered."""

    def lines(self) -> Iterator[str]:
        assert {f"{method} {path}" for method, path in control.ACTIONS} == CONTROLS.keys()
        yield from table(("call", "what it does"), [(f"`{call}`", words) for call, words in CONTROLS.items()])


RHYTHM_CONTROLS = {
    "GET /__health": "whether it runs; its URLs, tenant, client ID and audience, and the variables for a client",
    "GET /__clock": "its time",
    "POST /__clock": '`{"advance": 3600}` moves its time forward',
    "GET /__faults": "the faults that are switched on or scripted",
    "POST /__faults": '`{"on": [...], "next": [...], "off": [...]}`, as above',
    "GET /__settings": "the fields of `RhythmSettings`",
    "POST /__settings": "sets some of them",
    "POST /__reset": "puts everything back as it was at the start",
    "GET /__journal": "the calls so far; `?since=` skips so many; `?operation=`, `?service=`, `?client=` select",
    "DELETE /__journal": "forgets them",
    "GET /__mints": "the machine tokens issued; `?client=`, `?month=2027-01`",
    "GET /__queries": "the queries that were run, with their number and that of the downloads; `?tenant=`",
    "POST /__clients": '`{"add": [{"id", "secret"}], "revoke": [{"id", "secret"}]}`; the secret is the new one',
    "POST /__tenants": '`{"id": "other.example.org", "records": 100}` adds a customer',
    "POST /__executions": "starts a step function with the arguments of `start_execution`, and returns its ARN",
    "GET /__world": "the number of records by type; `?type=contacts` gives them as JSON lines",
    "POST /__world": "creates, updates and deletes records",
}


class RhythmControlPaths(FromCode):
    """Every path by which the Rhythm side is steered."""

    def lines(self) -> Iterator[str]:
        assert {f"{method} {path}" for method, path in rhythm_sandbox.ACTIONS} == RHYTHM_CONTROLS.keys()
        yield from table(("call", "what it does"), [(f"`{call}`", words) for call, words in RHYTHM_CONTROLS.items()])


class RecordTypes(FromCode):
    """Every record type that can be kept in a store."""

    def lines(self) -> Iterator[str]:
        rows = [
            (f"`{one.name}`", "yes" if one.default else f"when named: {one.why_not}")
            for one in tonicdm.store.TYPES.values()
        ]
        yield from table(("type", "taken"), rows)


def errors_below(kind: type[BaseException], depth: int = 0) -> Iterator[tuple[type[BaseException], int]]:
    """Return *kind* and what is derived from it, with the depth of each."""
    yield kind, depth
    for one in kind.__subclasses__():
        if one.__module__.startswith("tonicdm."):
            yield from errors_below(one, depth + 1)


def title(kind: type[BaseException]) -> str:
    """Return a name with the built-in errors that it is, too."""
    also = [base.__name__ for base in kind.__bases__ if base.__module__ == "builtins" and base is not Exception]
    return kind.__name__ + (f" (also {', '.join(also)})" if also else "")


def resources() -> Iterator[tuple[str, type]]:
    """Return the attributes of a client and their classes."""
    for name in RECORD_TYPES:
        yield name, endpoint_class(name)


def operations() -> Iterator[tuple[str, Operation]]:
    """Return all operations with the attribute they belong to."""
    for record_type, endpoint in resources():
        for item in vars(endpoint).values():
            if isinstance(item, ListOperation):
                yield record_type, item.operation
            elif isinstance(item, Operation):
                yield record_type, item


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Return a table in Markdown."""
    titles = list(head)
    yield f"| {' | '.join(titles)} |"
    yield f"|{'---|' * len(titles)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


def protect(_app: Sphinx, what: str, _name: str, _item: Any, _options: Any, lines: list[str]) -> None:
    """Keep napoleon from taking what stands before a colon for a type: types are in annotations only."""
    if what in {"attribute", "data", "property"}:
        lines.insert(0, NOTHING)
    for number, line in enumerate(lines[:-1]):
        if line.strip() == "Returns:":
            rest = lines[number + 1]
            lines.insert(number + 1, rest[: len(rest) - len(rest.lstrip())] + NOTHING)
            break


def complete(_app: Sphinx, what: str, _name: str, item: Any, _options: Any, lines: list[str]) -> None:
    """Say which keys a TypedDict takes from others, and turn fenced code into what docutils reads."""
    if what == "class" and hasattr(item, "__total__"):
        bases = [base for base in getattr(item, "__orig_bases__", ()) if isinstance(base, type)]
        if bases:
            linked = ", ".join(f":py:class:`~{base.__module__}.{base.__qualname__}`" for base in bases)
            lines += ["", f"With the keys of {linked}."]
    out: list[str] = []
    indent: str | None = None
    for line in lines:
        fence = FENCE.match(line)
        if fence is None:
            out.append(line if indent is None else f"   {line}")
        elif indent is None:
            indent = fence[1]
            out += ["", f"{indent}.. code-block:: {fence[2] or 'text'}", ""]
        else:
            indent = None
            out.append("")
    lines[:] = out


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx."""
    for name, directive in (
        ("commands", Commands),
        ("wire-names", WireNames),
        ("attributes", Attributes),
        ("endpoints", Endpoints),
        ("models", Models),
        ("error-tree", ErrorTree),
        ("fault-names", FaultNames),
        ("control-paths", ControlPaths),
        ("rhythm-control-paths", RhythmControlPaths),
        ("record-types", RecordTypes),
    ):
        app.add_directive(name, directive)
    app.connect("autodoc-process-docstring", protect, priority=400)
    app.connect("autodoc-process-docstring", complete)
    # The options known to `tonicdm.endpoints.options` without a taker would be missing from the table.
    taken = {name for _, operation in operations() for name in operation.options}
    assert known._KNOWN.keys() <= taken, known._KNOWN.keys() - taken
    return {"parallel_read_safe": True}
