"""Read the records of a response; what is no list is an error, what is no record is kept aside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from tonicdm.codec import parse_json, wire_names
from tonicdm.codec.elements import Elements, invalid_value, json_shape, read_elements
from tonicdm.errors import DecodeError
from tonicdm.http.messages import Response
from tonicdm.models import CODEC, Record, read_with
from tonicdm.types import DataQuantity, InvalidRecord

R = TypeVar("R", bound=Record)


def read_list(answer: Response, label: str, faults_of: Callable[[Sequence[Any]], Mapping[int, str]]) -> Elements:
    """Return the elements of a list, as plain JSON; those that are no records apart.

    Args:
        answer: What came.
        label: The call.
        faults_of: Says why elements are no records, by their places; nothing of those that are.

    Raises:
        DecodeError: The answer is no list: an object, a scalar, null, an HTML page, an array that ends in the middle.
    """
    if answer.status == 204:
        return Elements([])
    elements = read_elements(answer.body, what=label)
    faults = faults_of(elements.values)
    if not faults:
        return elements
    values = [item for place, item in enumerate(elements.values) if place not in faults]
    others = [invalid_value(place, fault, elements.values[place]) for place, fault in faults.items()]
    return Elements(values, (*elements.invalid, *others), elements.plain)


def read_one(answer: Response, model: type[R], label: str, data_quantity: DataQuantity) -> R:
    """Return the record of an answer that holds one: as an object, or as an array of one (sandbox: ``me_shape``).

    Args:
        answer: What came.
        model: The model.
        label: The call.
        data_quantity: The data_quantity that was sent.

    Raises:
        DecodeError: It holds none, or something else.
    """
    content = parse_json(answer.body) if answer.body.strip() else None
    if isinstance(content, list):
        if len(content) != 1:
            raise DecodeError([f"$: expected an object, found an array of {len(content):,}"], what=label)
        (content,) = content
    if content is None:
        raise DecodeError(["$: expected an object, found nothing"], what=label)
    if isinstance(content, dict) and not content.keys() & {"id", *wire_names(model).values()}:
        raise DecodeError([f"$: expected a {model.__name__}, found {json_shape(content)}"], what=label)
    with read_with(data_quantity):
        return CODEC.read(content, model)


def decoded(values: Sequence[Any], model: type[R], data_quantity: DataQuantity) -> tuple[list[R], list[InvalidRecord]]:
    """Return records as models, and apart those that have not the form of theirs.

    Args:
        values: As plain JSON.
        model: The model.
        data_quantity: The data_quantity that was sent.
    """
    records: list[R] = []
    invalid: list[InvalidRecord] = []
    with read_with(data_quantity):
        try:
            return CODEC.read_all(values if type(values) is list else list(values), model), []
        except DecodeError:
            pass
        for index, value in enumerate(values):
            try:
                records.append(CODEC.read(value, model, at=f"$[{index}]"))
            except DecodeError as error:
                invalid.append(invalid_value(index, "; ".join(error.paths), value))
    return records, invalid


def invalid_error(invalid: Sequence[InvalidRecord], records: Sequence[Any], label: str) -> DecodeError:
    """Return the error of an answer that holds elements that are no records; it carries the others.

    Args:
        invalid: What is no record.
        records: The others, decoded.
        label: The call.
    """
    paths = [
        element.reason if element.reason.startswith("$") else f"$[{element.index}]: {element.reason}"
        for element in invalid
    ]
    return DecodeError(paths, what=label, records=records, invalid=invalid)
