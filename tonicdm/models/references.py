"""Stubs, and references that are a stub or the full record."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, get_args, get_origin

import attrs

from tonicdm.codec import camel_case, wire
from tonicdm.codec.scalars import Refused, read_id
from tonicdm.models.records import UPDATED_NAMES, Record, updated_in
from tonicdm.types import DataQuantity, RecordID

if TYPE_CHECKING:
    import cattrs

R = TypeVar("R", bound=Record)


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class RecordStub(Record):
    """A record under ``id_only``: which one, and when it last changed (concepts page, "Rate Limiting")."""

    id: RecordID
    """The record."""
    # Nothing but reading is shared with the property, and a frozen field is read as one.
    updated: datetime.datetime | None = wire(UPDATED_NAMES[0])  # pyright: ignore[reportIncompatibleMethodOverride]
    """When it last changed; None where the endpoint does not say."""


@attrs.frozen(kw_only=True)
class Reference(Generic[R]):
    """A record that another one points to: a stub under ``basic``, the whole record under ``complete``.

    ``reference.record`` is None for a stub; ``reference.id`` and ``reference.updated`` are there for both.
    """

    id: RecordID | None = None
    """The record pointed to."""
    updated: datetime.datetime | None = None
    """When it last changed; None where the answer does not say."""
    record: R | None = None
    """The record itself, if the answer held more than a stub."""

    @property
    def is_stub(self) -> bool:
        """Whether the answer held only the ID and the timestamp."""
        return self.record is None

    def keys(self) -> list[str]:
        """Return the wire names of what the answer held in this place, so that ``dict(reference)`` holds it."""
        value = self.wire_value()
        return [] if value is None else value.keys()

    def __getitem__(self, wire_name: str) -> Any:
        """Return a value of what the answer held in this place.

        Raises:
            KeyError: The answer had no such field.
        """
        value = self.wire_value()
        if value is None:
            raise KeyError(wire_name)
        return value[wire_name]

    def wire_value(self) -> Record | None:
        """Return what stands on the wire for this reference: the record, or its stub."""
        if self.record is not None or self.id is None:
            return self.record
        return RecordStub(id=self.id, updated=self.updated)


def is_stub(value: Any) -> bool:
    """Tell whether a JSON value has the shape of a stub: an ID, perhaps a timestamp, nothing else."""
    return isinstance(value, dict) and "id" in value and value.keys() <= _STUB_NAMES


_STUB_NAMES: Final = frozenset({"id", *UPDATED_NAMES})


def stub_hooks(converter: cattrs.Converter) -> None:
    """Teach *converter* to read stubs and references."""
    converter.register_structure_hook(RecordStub, _read_stub)
    converter.register_structure_hook_factory(_is_reference, lambda target: _reference_reader(target, converter))


def _is_reference(target: Any) -> bool:
    return get_origin(target) is Reference


def _read_stub(value: Any, _target: Any = None) -> RecordStub:
    if type(value) is not dict:
        raise Refused("object", value)
    extra = {name: item for name, item in value.items() if name != "id" and name not in UPDATED_NAMES}
    return RecordStub(
        id=read_id(value.get("id")), updated=updated_in(value), extra=extra, data_quantity=DataQuantity.ID_ONLY
    )


def _reference_reader(target: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Reference[Any]]:
    model = get_args(target)[0]

    def read(value: Any, _target: Any = None) -> Reference[Any]:
        # A bare ID in place of an object is read too: workflow samples use both forms.
        if type(value) is str:
            return Reference(id=read_id(value))
        if type(value) is not dict:
            raise Refused("object", value)
        identity = value.get("id")
        return Reference(
            id=None if identity is None else read_id(identity),
            updated=updated_in(value),
            record=None if is_stub(value) else converter.structure(value, model),
        )

    return read
