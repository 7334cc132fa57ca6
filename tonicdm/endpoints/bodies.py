"""Bodies of writes: fields by attribute name as checked JSON."""

from __future__ import annotations

import types
import uuid
from collections.abc import Mapping
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from tonicdm.codec import wire_names
from tonicdm.codec.records import hyphenated_names
from tonicdm.codec.scalars import write_id
from tonicdm.errors import DecodeError, InvalidOptionError
from tonicdm.ids import record_id
from tonicdm.models import CODEC, Record, Reference
from tonicdm.types import RecordID, normalise_id

_FORMS: Final[dict[type[Record], Mapping[str, Any]]] = {}


def body_of(model: type[Record], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON body that sets *fields* of a record of *model*, checked against its types.

    IDs may stand where the body holds an object with an ID.

    Raises:
        InvalidIDError: A field of an ID, at any depth, holds something else. Fields that the models do not know are
            left as they are.
        InvalidOptionError: A field is unknown or its value has another type.
    """
    forms = _forms(model)
    ready = {name: _ready(value, forms.get(name), name) for name, value in fields.items() if name != "extra"}
    if fields.get("extra"):
        ready["extra"] = _ready_json(fields["extra"], model, "extra")
    body = CODEC.write_fields(model, ready)
    known = {name: body[name] for name in wire_names(model).values() if name in body}
    try:
        # Answers may have another type where a field is assumed; what is sent may not.
        wrong = [f"$.{name}: another type than the model's" for name in CODEC.read(known, model).extra]
    except DecodeError as error:
        wrong = list(error.paths)
    if wrong:
        raise InvalidOptionError(f"the body is not a {model.__name__}: {'; '.join(wrong)}. Nothing was sent.")
    return body


def changes_of(model: type[Record], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON body that changes *fields*, as `body_of` does.

    Raises:
        InvalidOptionError: It would change nothing, or `body_of` refuses a field.
    """
    body = body_of(model, fields)
    if not body:
        raise InvalidOptionError("an update needs at least one field. Nothing was sent.")
    return body


def _ready(value: Any, form: Any, name: str) -> Any:
    """Check the IDs in *value*, and make objects of IDs where the body has objects."""
    if isinstance(value, Record):
        _check_ids(value)
    elif isinstance(value, Reference):
        _check_reference(value, name)
    elif isinstance(value, Mapping):
        return _ready_json(value, _record_of(form), name)
    elif isinstance(value, (list, tuple, set, frozenset)):
        inner = get_args(form)[0] if get_origin(form) is tuple else None
        return [_ready(item, inner, f"{name}[{place}]") for place, item in enumerate(value)]
    elif isinstance(value, (str, uuid.UUID)):
        if form is RecordID:
            return record_id(value, name)
        if get_origin(form) is Reference:
            return {"id": record_id(value, name)}
    return value


def _ready_json(value: Mapping[str, Any], model: type[Record] | None, name: str) -> dict[str, Any]:
    """Check the IDs of an object that is given as JSON, by the fields of the model that it is one of."""
    names = {} if model is None else {wire_name: own for own, wire_name in wire_names(model).items()}
    forms = {} if model is None else _forms(model)
    hyphenated = frozenset() if model is None else hyphenated_names(model)
    ready: dict[str, Any] = {}
    for wire_name, item in value.items():
        own, place = names.get(wire_name), f"{name}.{wire_name}"
        if own in hyphenated and isinstance(item, str):
            # The wire has this one with hyphens, so that it may be given as it stands there.
            ready[wire_name] = write_id(record_id(normalise_id(item), place))
        else:
            ready[wire_name] = item if own is None else _ready(item, forms[own], place)
    return ready


def _record_of(form: Any) -> type[Record] | None:
    """Return the model of what a field holds: a record, or the record that a reference may be given as."""
    model = get_args(form)[0] if get_origin(form) is Reference else form
    return model if isinstance(model, type) and issubclass(model, Record) else None


def _check_ids(record: Record) -> None:
    for name, form in _forms(type(record)).items():
        value = getattr(record, name)
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Record):
                _check_ids(item)
            elif isinstance(item, Reference):
                _check_reference(item, name)
            elif form is RecordID and item is not None:
                record_id(item, name)


def _check_reference(reference: Reference[Any], name: str) -> None:
    if reference.record is not None:
        _check_ids(reference.record)
    elif reference.id is not None:
        record_id(reference.id, name)


def _forms(model: type[Record]) -> Mapping[str, Any]:
    """Return the type of every field, without ``None``."""
    if model not in _FORMS:
        hints = get_type_hints(model)
        _FORMS[model] = {name: _without_none(hints[name]) for name in wire_names(model)}
    return _FORMS[model]


def _without_none(hint: Any) -> Any:
    if get_origin(hint) not in {Union, types.UnionType}:
        return hint
    members = [member for member in get_args(hint) if member is not types.NoneType]
    return members[0] if len(members) == 1 else None
