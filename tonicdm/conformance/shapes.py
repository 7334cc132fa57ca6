"""Shapes of JSON values: their form without their content. Pure.

A shape is JSON itself: the name of a text's or a scalar's form, ``{"object": {field: shape}, "optional": [field]}``,
``{"array": how many, "items": shape}``, or ``{"any": [shape]}`` where values differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

Shape: TypeAlias = Any

_SCALARS: Final = {type(None): "null", bool: "boolean", int: "integer", float: "number"}
_FORMS: Final = (
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
        return f"word {value}" if value in words else _form_of(value)
    if isinstance(value, list):
        return {"array": len(value), "items": merged(shape_of(item, words) for item in value)}
    if isinstance(value, dict):
        return _object(value, words)
    return _SCALARS[type(value)]


def _form_of(text: str) -> str:
    return next((name for name, pattern in _FORMS if pattern.fullmatch(text)), "text")


def _object(value: Mapping[str, Any], words: frozenset[str]) -> Shape:
    if len(value) > _MAX_FIELDS or any(not _is_field(key) for key in value):
        # Keys such as IDs or addresses are data themselves.
        keys = sorted({_form_of(key) for key in value})
        return {"map": len(value), "keys": keys, "items": merged(shape_of(item, words) for item in value.values())}
    return {"object": {key: shape_of(item, words) for key, item in value.items()}, "optional": []}


def _is_field(key: str) -> bool:
    return _FIELD.fullmatch(key) is not None and _form_of(key) == "text"


def merged(shapes: Iterable[Shape]) -> Shape:
    """Return one shape for many values; None for none."""
    options: list[Shape] = []
    for shape in shapes:
        for option in shape["any"] if isinstance(shape, dict) and "any" in shape else [shape]:
            _join(options, option)
    if not options:
        return None
    if len(options) == 1:
        return options[0]
    return {"any": sorted(options, key=lambda option: json.dumps(option, sort_keys=True))}


def _join(options: list[Shape], shape: Shape) -> None:
    if isinstance(shape, dict):
        form = next(iter(shape))
        for number, other in enumerate(options):
            if isinstance(other, dict) and form in other:
                options[number] = _joined(other, shape)
                return
    if shape not in options:
        options.append(shape)


def _joined(first: dict[str, Any], second: dict[str, Any]) -> Shape:
    if "object" not in first:
        items = merged(shape for shape in (first["items"], second["items"]) if shape is not None)
        form = next(iter(first))
        return {**first, **second, form: max(first[form], second[form]), "items": items}
    ours, theirs = first["object"], second["object"]
    fields = {
        key: merged(shape[key] for shape in (ours, theirs) if key in shape) for key in dict.fromkeys((*ours, *theirs))
    }
    optional = {*first["optional"], *second["optional"], *(ours.keys() ^ theirs.keys())}
    return {"object": fields, "optional": sorted(optional)}


def records_of(shape: Shape) -> tuple[int, dict[str, Shape]]:
    """Return how many records an answer's body holds, and the shapes of their fields."""
    if not isinstance(shape, dict):
        return 0, {}
    count, items = (shape["array"], shape["items"]) if "array" in shape else (1, shape)
    return (count, items["object"]) if isinstance(items, dict) and "object" in items else (0, {})


def forms_of(shape: Shape) -> set[str]:
    """Return the forms that a shape allows, with ``object`` and ``array`` for those."""
    if isinstance(shape, str):
        return {"word"} if shape.startswith("word ") else {shape}
    if isinstance(shape, dict) and "any" in shape:
        return set().union(*(forms_of(option) for option in shape["any"]))
    return set() if shape is None else {next(iter(shape))}
