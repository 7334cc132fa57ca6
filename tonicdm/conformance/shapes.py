"""What a JSON value looks like, without what it says. Pure.

A shape is JSON itself: the name of a kind, ``{"object": {field: shape}, "optional": [field]}``,
``{"array": how many, "items": shape}``, or ``{"any": [shape]}`` where values differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

Shape: TypeAlias = Any

_SCALARS: Final = {type(None): "null", bool: "boolean", int: "integer", float: "number"}
_KINDS: Final = (
    ("empty text", re.compile(r"\s*")),
    ("hex32", re.compile(r"[0-9a-fA-F]{32}")),
    ("uuid", re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")),
    ("date", re.compile(r"\d{4}-\d\d-\d\d")),
    ("datetime Z", re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z")),
    ("datetime offset", re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?[+-]\d\d:?\d\d")),
    ("datetime naive", re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?")),
    ("digits", re.compile(r"-?\d+")),
    ("decimal text", re.compile(r"-?\d+[.,]\d+")),
    ("email", re.compile(r"[^@\s]+@[^@\s]+")),
    ("url", re.compile(r"[a-z]+://\S+", re.IGNORECASE)),
)
_FIELD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,60}")
_MAX_FIELDS: Final = 120
"""Fields of an object above which it is taken for a map, whose keys are data."""


def shape_of(value: Any, words: frozenset[str] = frozenset()) -> Shape:
    """Return the shape of a JSON value.

    Args:
        value: As `json.loads` gives it.
        words: Texts that stand in the reference's enumerations, which are kept as they are.
    """
    if isinstance(value, str):
        return f"word {value}" if value in words else _kind_of(value)
    if isinstance(value, list):
        return {"array": len(value), "items": merged(shape_of(one, words) for one in value)}
    if isinstance(value, dict):
        return _object(value, words)
    return _SCALARS[type(value)]


def _kind_of(text: str) -> str:
    return next((name for name, pattern in _KINDS if pattern.fullmatch(text)), "text")


def _object(value: Mapping[str, Any], words: frozenset[str]) -> Shape:
    if len(value) > _MAX_FIELDS or any(not _is_field(key) for key in value):
        # Keys such as IDs or addresses are data themselves.
        keys = sorted({_kind_of(key) for key in value})
        return {"map": len(value), "keys": keys, "items": merged(shape_of(one, words) for one in value.values())}
    return {"object": {key: shape_of(one, words) for key, one in value.items()}, "optional": []}


def _is_field(key: str) -> bool:
    return _FIELD.fullmatch(key) is not None and _kind_of(key) == "text"


def merged(shapes: Iterable[Shape]) -> Shape:
    """Return one shape for many values; None for none."""
    found: list[Shape] = []
    for shape in shapes:
        for one in shape["any"] if isinstance(shape, dict) and "any" in shape else [shape]:
            _join(found, one)
    if not found:
        return None
    return found[0] if len(found) == 1 else {"any": sorted(found, key=lambda one: json.dumps(one, sort_keys=True))}


def _join(found: list[Shape], shape: Shape) -> None:
    if isinstance(shape, dict):
        form = next(iter(shape))
        for number, other in enumerate(found):
            if isinstance(other, dict) and form in other:
                found[number] = _joined(other, shape)
                return
    if shape not in found:
        found.append(shape)


def _joined(one: dict[str, Any], other: dict[str, Any]) -> Shape:
    if "object" not in one:
        items = merged(shape for shape in (one["items"], other["items"]) if shape is not None)
        return {**one, **other, next(iter(one)): max(one[next(iter(one))], other[next(iter(one))]), "items": items}
    mine, theirs = one["object"], other["object"]
    fields = {
        key: merged(shape[key] for shape in (mine, theirs) if key in shape) for key in dict.fromkeys((*mine, *theirs))
    }
    optional = {*one["optional"], *other["optional"], *(mine.keys() ^ theirs.keys())}
    return {"object": fields, "optional": sorted(optional)}


def records_of(shape: Shape) -> tuple[int, dict[str, Shape]]:
    """Return how many records an answer's body holds, and the shapes of their fields."""
    if not isinstance(shape, dict):
        return 0, {}
    count, items = (shape["array"], shape["items"]) if "array" in shape else (1, shape)
    return (count, items["object"]) if isinstance(items, dict) and "object" in items else (0, {})


def kinds_of(shape: Shape) -> set[str]:
    """Return the kinds that a shape allows, with ``object`` and ``array`` for those."""
    if isinstance(shape, str):
        return {"word"} if shape.startswith("word ") else {shape}
    if isinstance(shape, dict) and "any" in shape:
        return set().union(*(kinds_of(one) for one in shape["any"]))
    return set() if shape is None else {next(iter(shape))}
