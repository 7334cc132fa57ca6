"""Strict readers of single values: nothing is coerced, and no error repeats a value."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

from tonicdm.codec.enums import OpenEnum
from tonicdm.ids import record_id
from tonicdm.types import RecordID, Secret, normalise_id


class Refused(Exception):  # noqa: N818 - a signal inside the codec, never seen outside
    """A value has not the expected form; the text names both without the value."""

    def __init__(self, expected: str, value: object) -> None:
        super().__init__(f"expected {expected}, found {json_type(value)}")


def json_type(value: object) -> str:
    """Name the JSON type of *value*."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def read_str(value: Any, enumeration: Any = str) -> str:
    """Read a JSON string, or a member of the open *enumeration*: cattrs takes those for strings too."""
    if enumeration is not str:
        return read_enum(value, enumeration)
    if type(value) is str:
        return value
    raise Refused("string", value)


def read_int(value: Any, _type: Any = None) -> int:
    """Read a JSON number without a fraction."""
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    raise Refused("integer", value)


def read_float(value: Any, _type: Any = None) -> float:
    """Read a JSON number; whole ones stay ints, so that they are written as they came."""
    if type(value) is int or type(value) is float:
        return value
    raise Refused("number", value)


def read_bool(value: Any, _type: Any = None) -> bool:
    """Read a JSON boolean."""
    if type(value) is bool:
        return value
    raise Refused("boolean", value)


def read_number_or_str(value: Any, _type: Any = None) -> float | str | None:
    """Read a JSON number, string or null: where the reference infers which of the first two it is."""
    if value is None or type(value) in {int, float, str}:
        return value  # type: ignore[no-any-return]
    raise Refused("number or string", value)


def read_secret(value: Any, _type: Any = None) -> Secret:
    """Read a string that must not show itself."""
    return Secret(read_str(value))


def write_id(value: RecordID) -> str:
    """Write an ID with hyphens, as the reference does in some places; a text that is no ID stays as it is."""
    try:
        return str(uuid.UUID(record_id(value)))
    except ValueError:
        return value


def read_id(value: Any, _type: Any = None) -> RecordID:
    """Read an ID; hyphenated UUIDs become compact, other texts stay as they are."""
    if type(value) is str:
        return RecordID(normalise_id(value))
    raise Refused("ID string", value)


def read_datetime(value: Any, _type: Any = None) -> datetime.datetime:
    """Read an ISO 8601 date-time; its offset is kept, and without one it is UTC."""
    if type(value) is not str:
        raise Refused("date-time string", value)
    try:
        moment = datetime.datetime.fromisoformat(value.upper())
    except ValueError:
        raise Refused("date-time", value) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=datetime.UTC)


def read_date(value: Any, _type: Any = None) -> datetime.date:
    """Read an ISO 8601 date, or the date of a date-time."""
    if type(value) is not str:
        raise Refused("date string", value)
    try:
        return read_datetime(value).date() if len(value) > 10 else datetime.date.fromisoformat(value)
    except ValueError:
        raise Refused("date", value) from None


def read_enum(value: Any, enumeration: type[OpenEnum]) -> OpenEnum:
    """Read a member of an open enumeration."""
    try:
        return enumeration(value)
    except ValueError:
        raise Refused("string", value) from None


def is_aware(value: object) -> bool:
    """Tell whether a value is a datetime that names one moment: a zone that knows no offset leaves it naive."""
    return isinstance(value, datetime.datetime) and value.utcoffset() is not None


def write_datetime(value: datetime.datetime) -> str:
    """Write an aware datetime in ISO 8601; UTC as ``Z``.

    Raises:
        ValueError: The datetime is naive: whose midnight it means can't be guessed.
    """
    if not is_aware(value):
        raise ValueError("a datetime needs a time zone, such as datetime.UTC")
    text = value.isoformat()
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text
