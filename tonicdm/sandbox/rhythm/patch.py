"""JSON Patch (RFC 6902)."""

from __future__ import annotations

import copy
from typing import Any

from tonicdm.sandbox.messages import Refusal


def patched(document: Any, steps: list[Any]) -> Any:
    """Return a document after all steps of a patch, or none of them.

    Args:
        document: JSON value; it stays as it is.
        steps: Operations as they arrived.

    Raises:
        Refusal: 400, a step is malformed, points nowhere, or its test fails.
    """
    changed = copy.deepcopy(document)
    for number, step in enumerate(steps):
        try:
            changed = _step(changed, step)
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
            raise Refusal(400, f"patch step {number} cannot be done: {type(error).__name__} {error}") from None
    return changed


def parts(pointer: str) -> list[str]:
    """Return the parts of a JSON Pointer (RFC 6901).

    Raises:
        ValueError: It does not begin with a slash.
    """
    if pointer and not pointer.startswith("/"):
        raise ValueError(f"{pointer!r} is no JSON Pointer")
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _step(document: Any, step: dict[str, Any]) -> Any:
    where = parts(step["path"])
    match step["op"]:
        case "add":
            return _with_added(document, where, step["value"])
        case "remove":
            _with_removed(document, where)
        case "replace":
            if where:
                _with_removed(document, where)
            return _with_added(document, where, step["value"])
        case "move":
            return _with_added(document, where, _with_removed(document, parts(step["from"])))
        case "copy":
            return _with_added(document, where, copy.deepcopy(_value_at(document, parts(step["from"]))))
        case "test":
            if _value_at(document, where) != step["value"]:
                raise ValueError(f"{step['path']} has another value")
        case other:
            raise ValueError(f"no operation {other!r}")
    return document


def _value_at(document: Any, where: list[str]) -> Any:
    for part in where:
        document = document[_index(document, part)] if isinstance(document, list) else document[part]
    return document


def _with_added(document: Any, where: list[str], value: Any) -> Any:
    if not where:
        return value
    parent = _value_at(document, where[:-1])
    if isinstance(parent, list):
        parent.insert(len(parent) if where[-1] == "-" else _index(parent, where[-1], beyond=1), value)
    else:
        parent[where[-1]] = value
    return document


def _with_removed(document: Any, where: list[str]) -> Any:
    parent = _value_at(document, where[:-1])
    return parent.pop(_index(parent, where[-1]) if isinstance(parent, list) else where[-1])


def _index(items: list[Any], part: str, beyond: int = 0) -> int:
    index = int(part) if part.isdecimal() else -1
    if not 0 <= index < len(items) + beyond:
        raise IndexError(part)
    return index
