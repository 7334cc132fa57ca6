"""What ``--json`` prints is what the schemas of the reference say."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from .conftest import Run
from .test_budget_commands import filled
from .test_every_command import COMMANDS, REFUSED, Ended, data_commands, drive, places, rhythm

__all__ = ["drive", "filled", "places", "rhythm"]

SCHEMAS = pathlib.Path(__file__).parents[3] / "docs" / "reference" / "schemas"
SHARED = {"get": "records", "list": "records"}


def schema(name: str) -> dict[str, Any]:
    text = (SCHEMAS / f"{SHARED.get(name, name.replace(' ', '-'))}.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(loaded)
    return loaded


def undocumented(value: Any, known: dict[str, Any], path: str = "$") -> list[str]:
    """Return the paths of what a document has and its schema does not name."""
    if isinstance(value, list):
        return [found for item in value for found in undocumented(item, known.get("items", {}), f"{path}[]")]
    if not isinstance(value, dict) or "properties" not in known:
        rest = known.get("additionalProperties")
        if isinstance(value, dict) and isinstance(rest, dict):
            return [found for key, item in value.items() for found in undocumented(item, rest, f"{path}.{key}")]
        return []
    paths = [f"{path}.{name}" for name in value if name not in known["properties"]]
    for name, item in value.items():
        paths += undocumented(item, known["properties"].get(name, {}), f"{path}.{name}")
    return paths


@pytest.mark.parametrize("name", data_commands())
def test_a_document_is_what_its_schema_says_and_nothing_more(name: str, drive: Callable[..., Ended]) -> None:
    document = json.loads(drive(name, "--json").out)
    known = schema("error" if REFUSED.get(name) == 2 else name)
    jsonschema.validate(document, known)
    assert not undocumented(document, known.get("oneOf", [known])[0])


def test_the_windows_of_a_history_have_a_schema(run: Run, filled: pathlib.Path) -> None:
    document = json.loads(run("budget", "--history", "--json").stdout)
    assert document
    jsonschema.validate(document, schema("budget-history"))
    assert not undocumented(document, schema("budget-history"))


@pytest.mark.parametrize("words", [("--colour", "red"), ("--base-url", "http://127.0.0.1:9"), ("--token", "wrong")])
def test_the_document_of_a_failure_has_a_schema_too(words: tuple[str, ...], drive: Callable[..., Ended]) -> None:
    for name in ("list", "sync"):
        document = json.loads(drive(name, "--json", *words).out)
        jsonschema.validate(document, schema("error"))
        assert not undocumented(document, schema("error"))


def test_every_schema_belongs_to_a_command_and_every_command_has_one() -> None:
    names = {SHARED.get(name, name.replace(" ", "-")) for name in data_commands()}
    assert {path.stem for path in SCHEMAS.iterdir()} == names | {"error", "budget-history"}
    assert COMMANDS.keys() >= set(data_commands())
