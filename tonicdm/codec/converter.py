"""JSON to records and back, by cattrs."""

from __future__ import annotations

import datetime
import functools
import types
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

import attrs

from tonicdm.codec import scalars
from tonicdm.codec.records import (
    MARKS,
    NOTHING,
    Record,
    assumed_names,
    hyphenated_names,
    to_json_value,
    wire_names,
    with_hyphens,
)
from tonicdm.errors import DecodeError, InvalidOptionError
from tonicdm.late import LateModule
from tonicdm.types import RecordID, Secret, Unset

if TYPE_CHECKING:
    import cattrs  # loaded when the first record is read: a program may wait for its first answer, not for its start
else:
    cattrs = LateModule("cattrs")

R = TypeVar("R", bound=Record)
Reader: TypeAlias = Callable[[Any, Any], R]
Setup: TypeAlias = "Callable[[cattrs.Converter], None]"
Factory: TypeAlias = "Callable[[type[Record], cattrs.Converter], Callable[..., Record]]"

_SCALARS: Final[Mapping[type, Callable[..., Any]]] = {
    str: scalars.read_str,
    int: scalars.read_int,
    float: scalars.read_float,
    bool: scalars.read_bool,
    datetime.datetime: scalars.read_datetime,
    datetime.date: scalars.read_date,
    Secret: scalars.read_secret,
}


class Codec:
    """Reads records out of JSON values and writes them back.

    Reading takes compiled readers, which tell no details (`tonicdm.codec.compiler`). Only where one fails, a second,
    slower reading by the definition finds out where.

    Args:
        setups: Functions that add hooks for further types to a converter.
    """

    def __init__(self, *setups: Setup) -> None:
        self._setups = setups
        self._readers: dict[type, Any] = {}

    @functools.cached_property
    def definition(self) -> cattrs.Converter:
        """The converter that says what a record is, and where a value fails to be one."""
        return self._converter(_defined, detailed=True)

    @functools.cached_property
    def _fast(self) -> cattrs.Converter:
        return self._converter(_compiled, detailed=False)

    def reader(self, model: type[R]) -> Reader[R]:
        """Return the function of a value and *model* that reads a record; where one fails to be read it does not say.

        Args:
            model: The record's class.
        """
        reader: Reader[R] | None = self._readers.get(model)
        if reader is None:
            reader = self._readers[model] = self._fast.get_structure_hook(model)
        return reader

    def _converter(self, factory: Factory, *, detailed: bool) -> cattrs.Converter:
        converter = cattrs.Converter(detailed_validation=detailed)
        for scalar, read in _SCALARS.items():
            converter.register_structure_hook(scalar, read)
        converter.register_structure_hook_func(lambda target: target is RecordID, scalars.read_id)
        for union in (float | str, float | str | None):
            converter.register_structure_hook(union, scalars.read_number_or_str)
        converter.register_structure_hook_factory(_is_record, lambda model: factory(model, converter))
        converter.register_structure_hook_factory(_is_tuple, lambda target: _list_reader(target, converter))
        for setup in self._setups:
            setup(converter)
        return converter

    def read(self, value: Any, model: type[R], *, at: str = "$") -> R:
        """Read one record out of a JSON value.

        Raises:
            DecodeError: The value has not the form of *model*.
        """
        try:
            return self.reader(model)(value, model)
        except Exception:  # noqa: BLE001, S110 - whatever it was, the definition decides, and names the place
            pass
        result = self._by_definition(value, model, at)
        if isinstance(result, DecodeError):
            del value  # what cannot be read may be a secret, and error trackers keep what stands in frames
            raise result
        return result

    def read_all(self, values: Any, model: type[R]) -> list[R]:
        """Read an array of records.

        Raises:
            DecodeError: It is no array, or one of its elements has not the form of *model*.
        """
        if not isinstance(values, list):
            raise DecodeError([f"$: expected array, found {scalars.json_type(values)}"])
        read = self.reader(model)
        try:
            return [read(value, model) for value in values]
        except Exception:  # noqa: BLE001, S110 - one of them; which one is found out below
            pass
        records: list[R] = []
        for index in range(len(values)):
            result = self._by_definition(values[index], model, f"$[{index}]")
            if isinstance(result, DecodeError):
                del values
                raise result
            records.append(result)
        return records

    def _by_definition(self, value: Any, model: type[R], at: str) -> R | DecodeError:
        try:
            return self.definition.structure(value, model)
        except Exception as error:  # noqa: BLE001 - turned into paths
            from tonicdm.codec.paths import explain

            return DecodeError(explain(error, model, at))

    def write(self, value: Any) -> Any:
        """Return *value* as JSON: records with their wire names, known nulls and unknown fields.

        Raises:
            InvalidOptionError: Something in it has no JSON form.
        """
        return to_json_value(value)

    def write_fields(self, model: type[Record], fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the JSON body that sets *fields*, given by attribute name, of a record of *model*.

        ``UNSET`` is left out and ``None`` is sent as null. Names that *model* does not know must be given by their
        wire name in ``extra``.

        Raises:
            InvalidOptionError: *model* has no such field, or a value has no JSON form.
        """
        names = wire_names(model)
        hyphenated = hyphenated_names(model)
        out: dict[str, Any] = {}
        for name, value in fields.items():
            if name == "extra":
                out.update(self.write(value or {}))
            elif name not in names:
                raise InvalidOptionError(
                    f"{model.__name__} has no field {name!r}; fields that this package does not know go into "
                    "extra={'wireName': value}. Nothing was sent."
                )
            elif not isinstance(value, Unset):
                out[names[name]] = with_hyphens(self.write(value)) if name in hyphenated else self.write(value)
        return out


def _is_record(model: Any) -> bool:
    return isinstance(model, type) and issubclass(model, Record)


def _is_tuple(target: Any) -> bool:
    return get_origin(target) is tuple


def _compiled(model: type[Record], converter: cattrs.Converter) -> Callable[..., Record]:
    from tonicdm.codec.compiler import can_compile, compile_reader

    return compile_reader(model, converter) if can_compile(model) else _defined(model, converter)


def _defined(model: type[Record], converter: cattrs.Converter) -> Callable[..., Record]:
    from cattrs.gen import make_dict_structure_fn, override

    names = wire_names(model)
    known = frozenset(names.values())
    renames: dict[str, Any] = {name: override(rename=wire_name) for name, wire_name in names.items()}
    assumed = {name: names[name] for name in assumed_names(model)}
    hints = get_type_hints(model) if assumed else {}
    for name in assumed:
        hook = _tolerant(converter.get_structure_hook(hints[name]), hints[name])
        renames[name] = override(rename=names[name], struct_hook=hook)
    omitted: dict[str, Any] = {
        field.name: override(omit=True) for field in attrs.fields(model) if field.name not in names
    }
    read = make_dict_structure_fn(
        model,
        converter,
        **omitted,
        **renames,
    )
    put = object.__setattr__

    def read_record(value: Any, _model: Any = None) -> Record:
        if type(value) is not dict:
            raise scalars.Refused("object", value)
        record = read(value, model)
        unknown = value.keys() - known
        for own, name in assumed.items():
            # What came under an assumed name and is of another type is kept as it came.
            if value.get(name) is not None and getattr(record, own) is None:
                unknown.add(name)
        if unknown:
            put(record, "extra", {name: value[name] for name in value if name in unknown})
        nulls = [name for name, item in value.items() if item is None and name in known]
        if nulls:
            put(record, "nulls", frozenset(nulls))
        if (marks := MARKS.get()) is not NOTHING:
            for name, mark in marks.items():
                put(record, name, mark)
        return record

    return read_record


def _tolerant(read: Callable[[Any, Any], Any], model: Any) -> Callable[[Any, Any], Any]:
    """Make a reader of an assumed field: None where the assumption does not hold."""

    def read_assumed(value: Any, _model: Any = None) -> Any:
        try:
            return read(value, model)
        except Exception:  # noqa: BLE001 - whatever the value is, it must not cost the record
            return None

    return read_assumed


def _list_reader(model: Any, converter: cattrs.Converter) -> Callable[[Any, Any], tuple[Any, ...]]:
    inner = get_args(model)[0]
    plain = types.GenericAlias(list, (inner,))
    read_list = converter.get_structure_hook(plain)

    def read(value: Any, _target: Any = None) -> tuple[Any, ...]:
        # A string would be taken apart into its letters.
        if type(value) is not list:
            raise scalars.Refused("array", value)
        return tuple(read_list(value, plain))

    return read
