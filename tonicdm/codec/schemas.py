"""Schemas of records for pydantic, which alone loads this module."""

from __future__ import annotations

import datetime
import types
from collections.abc import Mapping
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from pydantic_core import core_schema as pydantic

from tonicdm.codec.enums import OpenEnum
from tonicdm.types import Secret

_SCALARS: Final[tuple[tuple[type, dict[str, Any]], ...]] = (
    (bool, {"type": "boolean"}),
    (int, {"type": "integer"}),
    (float, {"type": "number"}),
    (OpenEnum, {"type": "string"}),
    (str, {"type": "string"}),
    (Secret, {"type": "string"}),
    (datetime.datetime, {"type": "string", "format": "date-time"}),
    (datetime.date, {"type": "string", "format": "date"}),
)


def core_schema(model: type) -> Any:
    """Return the schema by which pydantic takes records of *model* as they are, and writes them by their wire names."""

    def check(value: Any) -> Any:
        if isinstance(value, model):
            return value
        raise ValueError(f"a {model.__name__} as this package returns it is expected")

    return pydantic.no_info_plain_validator_function(
        check,
        serialization=pydantic.plain_serializer_function_ser_schema(lambda record: record.to_dict(), when_used="json"),
    )


def json_schema(model: type, names: Mapping[str, str]) -> dict[str, Any]:
    """Return the JSON schema of what ``to_dict()`` makes of a record.

    Args:
        model: The record's class.
        names: The wire names of its fields, by attribute name.
    """
    hints = get_type_hints(model)
    return {
        "title": model.__name__,
        "description": (model.__doc__ or "").partition("\n")[0],
        "type": "object",
        "properties": {wire_name: _of_type(hints[name]) for name, wire_name in names.items()},
        "additionalProperties": True,
    }


def _of_type(hint: Any) -> dict[str, Any]:
    origin = get_origin(hint)
    if origin in {Union, types.UnionType}:
        choices = [_of_type(option) for option in get_args(hint) if option is not type(None)]
        return choices[0] if len(choices) == 1 else {"anyOf": choices}
    if origin is tuple:
        return {"type": "array", "items": _of_type(get_args(hint)[0])}
    hint = getattr(hint, "__supertype__", hint)
    if origin is not None and hasattr(origin, "wire_value"):
        # A reference: its stub, or under "complete" the record that it points to.
        return {"type": "object", "properties": {"id": {"type": "string"}}, "additionalProperties": True}
    if isinstance(hint, type):
        if hasattr(hint, "__get_pydantic_json_schema__"):
            described: dict[str, Any] = hint.__get_pydantic_json_schema__(None, None)
            return described
        for scalar, schema in _SCALARS:
            if issubclass(hint, scalar):
                return dict(schema)
    return {}
