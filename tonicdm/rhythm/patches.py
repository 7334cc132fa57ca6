"""Changes as JSON Patch (RFC 6902), and the merging of custom field values.

``custom_field_values`` is replaced as a whole: who sends a list drops every value that is not in it, those included
that somebody else has set meanwhile. `merged` makes the whole list out of the current one and what is to change.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from tonicdm.codec import Record
from tonicdm.errors import DecodeError, InvalidOptionError
from tonicdm.http.operation import NOTHING_SENT
from tonicdm.rhythm.models import CODEC
from tonicdm.rhythm.models.parts import CustomFieldValue

PatchForm: TypeAlias = Literal["add", "replace"]
"""How a step sets a field: ``add`` whether it had a value or not, ``replace`` only where it had one."""
Steps: TypeAlias = Sequence[Mapping[str, Any]] | str | bytes
"""A JSON Patch: its steps, or their JSON text."""


def body_of(model: type[Record], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON that sets *fields*, by attribute name, of a record of *model*, checked against its types.

    Raises:
        InvalidOptionError: A field is unknown, has another type, or is the id, which the service makes.
    """
    if "id" in fields or "id" in (fields.get("extra") or {}):
        raise InvalidOptionError(
            f"the id of a {model.__name__} is made by the service, which refuses one. {NOTHING_SENT}"
        )
    body = CODEC.write_fields(model, fields)
    try:
        CODEC.read(body, model)
    except DecodeError as error:
        raise InvalidOptionError(f"the body is no {model.__name__}: {'; '.join(error.paths)}. {NOTHING_SENT}") from None
    return body


def steps_of(model: type[Record], changes: Mapping[str, Any], operation: str = "add") -> list[dict[str, Any]]:
    """Return *changes*, by attribute name, as JSON Patch; None is sent as null, ``UNSET`` left out.

    Args:
        model: The record's class.
        changes: New values.
        operation: The word that sets a field.

    Raises:
        InvalidOptionError: Nothing would change, or `body_of` refuses a field.
    """
    body = body_of(model, changes)
    if not body:
        raise InvalidOptionError(f"an update needs at least one field. {NOTHING_SENT}")
    return [{"op": operation, "path": pointer(name), "value": value} for name, value in body.items()]


def checked_steps(steps: Steps) -> list[dict[str, Any]]:
    """Return a JSON Patch as it is sent (RFC 6902, section 4).

    Args:
        steps: The operations, or their JSON text.

    Raises:
        InvalidOptionError: The text is no JSON, or what it holds is no patch.
    """
    parsed: Any = steps
    if isinstance(steps, (str, bytes)):
        try:
            parsed = json.loads(steps)
        except (ValueError, RecursionError):
            raise InvalidOptionError(f"the text of the patch is no JSON. {NOTHING_SENT}") from None
    if not isinstance(parsed, Sequence) or isinstance(parsed, (str, bytes)) or not parsed:
        raise InvalidOptionError(f"a patch is a list of at least one step (RFC 6902). {NOTHING_SENT}")
    for number, step in enumerate(parsed):
        if not (isinstance(step, Mapping) and isinstance(step.get("op"), str) and isinstance(step.get("path"), str)):
            raise InvalidOptionError(f"step {number} of the patch needs an op and a path (RFC 6902). {NOTHING_SENT}")
    return [dict(step) for step in parsed]


def pointer(*names: str) -> str:
    """Return the JSON Pointer (RFC 6901) of a field."""
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)


def merged(current: Iterable[CustomFieldValue], changes: Mapping[str, Any]) -> list[CustomFieldValue]:
    """Return the whole list of custom values with *changes* in it; None takes a value out.

    Args:
        current: The values that the record has now.
        changes: New values by ``custom_field_id``.
    """
    kept = [value for value in current if value.custom_field_id not in changes]
    return kept + [custom_value(name, value) for name, value in changes.items() if value is not None]


def custom_value(name: str, value: Any) -> CustomFieldValue:
    """Return *value* in the member that its type belongs into.

    Raises:
        InvalidOptionError: It has a type that no member takes.
    """
    if isinstance(value, CustomFieldValue):
        return value
    if isinstance(value, bool):
        return CustomFieldValue(custom_field_id=name, boolean_value=value)
    if isinstance(value, (int, float)):
        return CustomFieldValue(custom_field_id=name, numeric_value=value)
    if isinstance(value, Mapping):
        # What integrators keep of their own in a text field.
        value = json.dumps(CODEC.write(value), ensure_ascii=False)
    if isinstance(value, (str, datetime.date)):
        return CustomFieldValue(custom_field_id=name, string_value=CODEC.write(value))
    if isinstance(value, Sequence) and all(isinstance(item, str) for item in value):
        return CustomFieldValue(custom_field_id=name, list_value=tuple(value))
    if isinstance(value, Sequence) and all(isinstance(item, Mapping) for item in value):
        return CustomFieldValue(custom_field_id=name, table_value=list(value))
    raise InvalidOptionError(
        f"{name}: a custom field takes a text, number, boolean, date, mapping (sent as JSON text), list of texts or "
        f"list of rows, "
        f"not a {type(value).__name__}. {NOTHING_SENT}"
    )
