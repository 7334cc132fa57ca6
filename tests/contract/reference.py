"""The reference file, as far as the tests ask it."""

from __future__ import annotations

import copy
import functools
import pathlib
from collections.abc import Iterator
from typing import Any

import attrs
import yaml
from openapi_core import Config, OpenAPI

FILE = pathlib.Path(__file__).with_name("tonicdm.openapi.yaml")


@functools.cache
def document() -> dict[str, Any]:
    """Return the reference."""
    return yaml.load(FILE.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    """Follow ``$ref``."""
    while "$ref" in node:
        found: Any = document()
        for key in node["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        node = found
    return node


def flat(schema: dict[str, Any]) -> dict[str, Any]:
    """Merge the parts of an allOf into one schema."""
    schema = resolve(schema)
    merged = {key: value for key, value in schema.items() if key != "allOf"}
    for part in schema.get("allOf", []):
        other = flat(part)
        properties = {**other.get("properties", {}), **merged.get("properties", {})}
        required = [*other.get("required", []), *merged.get("required", [])]
        merged = {**other, **merged}
        if properties or "properties" in merged:
            merged["properties"] = properties
        if required:
            merged["required"] = required
    return merged


def schemas() -> dict[str, dict[str, Any]]:
    """Return the component schemas by name."""
    return document()["components"]["schemas"]


@attrs.frozen
class Described:
    """One operation of the reference."""

    id: str
    method: str
    path: str
    node: dict[str, Any] = attrs.field(repr=False, eq=False)

    @property
    def parameters(self) -> list[dict[str, Any]]:
        """Its options."""
        return [resolve(one) for one in self.node.get("parameters", [])]

    @property
    def body(self) -> dict[str, Any] | None:
        """The schema of its body."""
        content = self.node.get("requestBody", {}).get("content", {})
        return content["application/json"]["schema"] if content else None

    @property
    def answer(self) -> tuple[int, dict[str, Any] | None]:
        """Status and schema of its answer."""
        status, response = next((code, one) for code, one in self.node["responses"].items() if code.startswith("2"))
        content = resolve(response).get("content", {})
        return int(status), content["application/json"]["schema"] if content else None

    @property
    def is_list(self) -> bool:
        """Whether it answers with an array."""
        return (self.answer[1] or {}).get("type") == "array"

    @property
    def record(self) -> str | None:
        """The name of the schema of the records it answers with."""
        schema = self.answer[1]
        if schema is None:
            return None
        item = schema.get("items", schema)
        item = item["anyOf"][0] if "anyOf" in item else item
        return item["$ref"].rpartition("/")[2]


def _operations() -> Iterator[Described]:
    for path, methods in document()["paths"].items():
        for method, node in methods.items():
            yield Described(node["operationId"], method.upper(), path, node)


OPERATIONS = {one.id: one for one in _operations()}
BY_LINE = {(one.method, one.path): one for one in OPERATIONS.values()}


def in_query() -> dict[str, Any]:
    """Return the reference with its options in the query string, by the names given there."""
    other = copy.deepcopy(document())
    places = [*other["components"]["parameters"].values()]
    for methods in other["paths"].values():
        for node in methods.values():
            places += [one for one in node.get("parameters", []) if "$ref" not in one]
    for one in places:
        one["name"] = one.get("x-query-name", one["name"])
        one["in"] = "query"
        if one.get("style") == "simple":
            one["style"] = "form"
    return other


def opened(described: dict[str, Any]) -> OpenAPI:
    """Return a reference as openapi-core asks it; whether it is a valid one is a test of its own."""
    return OpenAPI.from_dict(described, config=Config(spec_validator_cls=None))
