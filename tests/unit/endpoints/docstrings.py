"""The meaning of each option and field in the docstrings of methods, from the dictionaries that describe them.

Editors show the meaning of an argument out of the docstring of its method, and so does ``help()``; neither looks into a
TypedDict. ``python -m tests.unit.endpoints.docstrings`` writes the docstrings, and a test compares them.
"""

from __future__ import annotations

import ast
import pathlib
import re
import textwrap
from collections.abc import Iterator

import attrs

import tonicdm.endpoints

FOLDER = pathlib.Path(tonicdm.endpoints.__file__).parent
MODULES = sorted(FOLDER.glob("*.py"))
WIDTH = 120
INDENT = " " * 12
LINE = re.compile(rf"^{INDENT}(?P<name>(?:\*\*)?\w+): See `(?P<dictionary>\w+)`")


@attrs.frozen
class Dictionary:
    """A TypedDict: what its keys mean, and which others it takes keys from."""

    keys: dict[str, str]
    bases: list[str]


def first_sentence(text: str) -> str:
    """Return the first sentence of an attribute's description."""
    sentence = " ".join(text.split()).partition(". ")[0]
    return sentence if sentence.endswith(".") else f"{sentence}."


def dictionaries() -> dict[str, Dictionary]:
    """Return the classes of all modules that describe options or fields, by name."""
    found: dict[str, Dictionary] = {}
    for path in MODULES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and any(keyword.arg == "total" for keyword in node.keywords):
                keys: dict[str, str] = {}
                for item, after in zip(node.body, [*node.body[1:], None], strict=True):
                    if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                        assert isinstance(after, ast.Expr), f"{node.name}.{item.target.id} is not described"
                        assert isinstance(after.value, ast.Constant)
                        keys[item.target.id] = first_sentence(str(after.value.value))
                found[node.name] = Dictionary(keys, [base.id for base in node.bases if isinstance(base, ast.Name)])
    return found


def keys_of(name: str, known: dict[str, Dictionary]) -> dict[str, str]:
    """Return all keys of a dictionary with their meaning, its own first."""
    if name not in known:
        return {}
    keys = dict(known[name].keys)
    for base in reversed(known[name].bases):
        keys |= {key: meaning for key, meaning in keys_of(base, known).items() if key not in keys}
    return keys


def entry(name: str, meaning: str) -> list[str]:
    """Return the lines of an argument's description."""
    text = f"{name}: {meaning}"
    return textwrap.wrap(text, WIDTH, initial_indent=INDENT, subsequent_indent=f"{INDENT}    ", break_on_hyphens=False)


def _arguments(lines: list[str], start: int) -> int:
    """Return where the descriptions of arguments end that begin at *start*."""
    end = start
    while end < len(lines) and lines[end].startswith(INDENT):
        end += 1
    return end


def rewritten(text: str, known: dict[str, Dictionary]) -> str:
    """Return the source of a module with every key described after the line that names its dictionary."""
    lines = text.splitlines()
    out: list[str] = []
    number = 0
    while number < len(lines):
        out.append(lines[number])
        match = LINE.match(lines[number])
        number += 1
        if match is not None:
            while number < len(lines) and lines[number].startswith(f"{INDENT} "):
                out.append(lines[number])
                number += 1
            for name, meaning in keys_of(match["dictionary"], known).items():
                out += entry(name, meaning)
            number = _arguments(lines, number)
    return "\n".join(out) + "\n"


def differing() -> Iterator[tuple[pathlib.Path, str]]:
    """Return the modules whose docstrings are not up to date, with the source that would be."""
    known = dictionaries()
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        if (new := rewritten(text, known)) != text:
            yield path, new


if __name__ == "__main__":
    for path, new in differing():
        path.write_text(new, encoding="utf-8")
