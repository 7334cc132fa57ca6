"""Operations as values: the parts of a call before anything is sent."""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import attrs
from multidict import istr

from tonicdm.errors import InvalidOptionError
from tonicdm.ids import record_id
from tonicdm.values import Value

NOTHING_SENT: Final = "Nothing was sent."
READ_FAILED: Final = "Nothing was changed by it."


@attrs.frozen(eq=False, repr=False)
class Parameter(Value):
    """One option of a call: its spellings, and how a value becomes text."""

    name: str
    """The header's name, as the concepts page spells it, else as the reference does."""
    encode: Callable[[str, Any], str]
    """Turns the argument's name and value into the text of the header."""
    query: str = attrs.field(default="")
    """The name in the query string, where it differs."""
    key: str = attrs.field(
        default=attrs.Factory(lambda self: self.name.lower(), takes_self=True), init=False, repr=False, eq=False
    )
    """The header's name in lower case: headers are told apart by it."""
    line: istr = attrs.field(
        default=attrs.Factory(lambda self: istr(self.name), takes_self=True), init=False, repr=False, eq=False
    )
    """The header's name as aiohttp keeps it: so it need not be read for each request."""

    @property
    def query_name(self) -> str:
        """The name in the query string."""
        return self.query or self.name


class Encoded(str):
    """The text of an option, encoded before: what is asked for in each call need not be encoded in each."""

    __slots__ = ()


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Operation(Value):
    """One method on one path."""

    method: str
    path: str
    options: Mapping[str, Parameter] = attrs.field(factory=dict)
    """The options by their Python names."""
    required: frozenset[str] = frozenset()
    """Python names of the options without which the server refuses the call."""
    is_known: bool = True
    """Whether it is the reference's, so that its path holds names and no IDs."""
    has_data_quantity: bool = False
    """Whether the reference lists data_quantity here; it is sent on every call all the same."""

    @property
    def label(self) -> str:
        """Method and path, for people."""
        return f"{self.method} {self.path}"

    def check(self, options: Mapping[str, Any]) -> None:
        """Refuse *options* that this operation does not have, or that lack one which it needs.

        Raises:
            InvalidOptionError: An option is unknown or missing.
        """
        for name in options.keys() - self.options.keys():
            raise InvalidOptionError(
                f"{self.label} has no option {name!r}; it has {', '.join(sorted(self.options)) or 'none'}. "
                f"{NOTHING_SENT}"
            )
        for name in sorted(self.required):
            if options.get(name) is None:
                raise InvalidOptionError(f"{self.label} needs the option {name}. {NOTHING_SENT}")

    def encode(self, options: Mapping[str, Any]) -> list[tuple[Parameter, str]]:
        """Turn *options*, which `check` has let pass, into texts; those that are None are left out.

        Raises:
            InvalidOptionError: An option has a value that can't be sent.
        """
        pairs: list[tuple[Parameter, str]] = []
        for name, value in options.items():
            if value is not None:
                option = self.options[name]
                pairs.append((option, value if type(value) is Encoded else option.encode(name, value)))
        return pairs


# --- how values become text -----------------------------------------------------------------------------------------


def text(name: str, value: Any) -> str:
    """Encode a text or an enumeration's word; an empty one would be dropped on the way."""
    word = str(getattr(value, "value", value)) if isinstance(value, str) else None
    if word is None:
        raise InvalidOptionError(f"{name} must be a text, not a {type(value).__name__}. {NOTHING_SENT}")
    if not word.strip():
        raise InvalidOptionError(f"{name} must not be empty; leave it out instead. {NOTHING_SENT}")
    return word


def plain(name: str, value: Any) -> str:
    """Encode a value of an option whose type is not documented, by the type that it has."""
    if isinstance(value, bool):
        return boolean(name, value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime.date):  # a datetime is one, too
        return moment(name, value)
    if isinstance(value, uuid.UUID):
        return value.hex
    return text(name, value) if isinstance(value, str) else array(plain)(name, value)


def identity(name: str, value: Any) -> str:
    """Encode one ID."""
    return record_id(value, name)


def identities(name: str, value: Any) -> str:
    """Encode an array of IDs, as `array` does; none of them can hold a comma."""
    if type(value) is list and len(value) == 1:
        return record_id(value[0], name)
    return ",".join(_words(name, value, identity))


def boolean(name: str, value: Any) -> str:
    """Encode a boolean as ``true`` or ``false``."""
    if not isinstance(value, bool):
        raise InvalidOptionError(f"{name} must be True or False, not a {type(value).__name__}. {NOTHING_SENT}")
    return "true" if value else "false"


def integer(minimum: int, maximum: int | None = None) -> Callable[[str, Any], str]:
    """Make an encoder for whole numbers from *least* to *most*."""

    def encode(name: str, value: Any) -> str:
        if not isinstance(value, int) or isinstance(value, bool):
            raise InvalidOptionError(f"{name} must be a whole number, not a {type(value).__name__}. {NOTHING_SENT}")
        if value < minimum or (maximum is not None and value > maximum):
            upto = f"from {minimum} to {maximum}" if maximum is not None else f"{minimum} or more"
            raise InvalidOptionError(f"{name} must be {upto}, not {value}. {NOTHING_SENT}")
        return str(value)

    return encode


def array(item: Callable[[str, Any], str]) -> Callable[[str, Any], str]:
    """Make an encoder for arrays: comma-separated, without spaces (reference: x-array-encoding)."""

    def encode(name: str, value: Any) -> str:
        words = _words(name, value, item)
        if any("," in word for word in words):
            raise InvalidOptionError(f"{name} must not hold commas: they separate its values. {NOTHING_SENT}")
        return ",".join(words)

    return encode


def _words(name: str, value: Any, item: Callable[[str, Any], str]) -> list[str]:
    """Encode each value of an array.

    Raises:
        InvalidOptionError: *value* is a single value, or holds none.
    """
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise InvalidOptionError(
            f"{name} must be a list, not a {type(value).__name__}; put a single value into a list. {NOTHING_SENT}"
        )
    words = [item(name, element) for element in value]
    if not words:
        raise InvalidOptionError(f"{name} must not be empty; leave it out instead. {NOTHING_SENT}")
    return words


def moment(name: str, value: Any) -> str:
    """Encode an aware datetime in ISO 8601, or a date as it is."""
    if isinstance(value, datetime.datetime):
        from tonicdm.codec.scalars import write_datetime  # loaded with the first record

        try:
            return write_datetime(value)
        except ValueError as error:
            raise InvalidOptionError(f"{name}: {error}. {NOTHING_SENT}") from None
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise InvalidOptionError(f"{name} must be a datetime or a date, not a {type(value).__name__}. {NOTHING_SENT}")


def json_text(name: str, value: Any) -> str:
    """Encode a JSON value, or a text that is JSON already; ASCII only, as a header needs it."""
    if isinstance(value, str):
        return text(name, value)
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidOptionError(f"{name} has no JSON form: {error}. {NOTHING_SENT}") from None
