"""Turn cattrs' nested errors into wire paths without values."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
from cattrs import AttributeValidationNote, ClassValidationError, IterableValidationError, IterableValidationNote

from tonicdm.codec.records import Record, wire_names
from tonicdm.codec.scalars import Refused


def explain(error: BaseException, model: type, at: str = "$") -> list[str]:
    """Return where and how *error* says a value failed to be a *model*: ``$.emailAddresses[0].isPrime: expected …``.

    Args:
        error: What a converter with detailed validation raised.
        model: The record class that was read.
        at: The path of the value itself.
    """
    return [f"{path}: {fault}" for path, fault in _walk(error, model, at)]


def _walk(error: BaseException, model: type, at: str) -> Iterator[tuple[str, str]]:
    if isinstance(error, ClassValidationError):
        grouped, others = error.group_exceptions()
        owner = error.cl if isinstance(error.cl, type) else model
        names = wire_names(owner) if attrs.has(owner) and issubclass(owner, Record) else {}
        for inner, note in grouped:
            yield from _walk(inner, _class_of(note), f"{at}.{names.get(note.name, note.name)}")
        for inner in others:
            yield from _walk(inner, model, at)
    elif isinstance(error, IterableValidationError):
        grouped_items, others = error.group_exceptions()
        for inner, item in grouped_items:
            yield from _walk(inner, _class_of(item), f"{at}[{item.index}]")
        for inner in others:
            yield from _walk(inner, model, at)
    elif isinstance(error, Refused):
        yield at, str(error)
    elif isinstance(error, KeyError):
        yield at, f"the field {error.args[0]!r} is missing"
    else:
        # The text of a foreign error may repeat the value.
        yield at, f"unreadable ({type(error).__name__})"


def _class_of(note: AttributeValidationNote | IterableValidationNote) -> type:
    return note.type if isinstance(note.type, type) else object
