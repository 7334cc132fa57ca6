"""Small values that every layer speaks: IDs, data quantities, rate limits, secrets, and "not given"."""

from __future__ import annotations

import enum
import functools
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, AnyStr, Final, Literal, NewType, NoReturn, Protocol, TypeAlias, TypeVar
from urllib.parse import quote

import attrs

from tonicdm.values import Value

RecordID = NewType("RecordID", str)
"""A record's ID: 32 lower-case hex characters (concepts page, "Naming Conventions")."""

IDLike: TypeAlias = str | uuid.UUID
"""What users may pass where an ID is asked for: 32 hex characters or a `uuid.UUID`."""

T_co = TypeVar("T_co", covariant=True)


class CollectionOf(Protocol[T_co]):
    """A collection that is no text: a list, a tuple, a set, the keys of a dictionary.

    A text is a collection of texts to Python, and so it would be to type checkers. What tells the two apart is that a
    text can only be asked whether it contains a text.
    """

    def __contains__(self, item: object, /) -> bool:
        """Tell whether it holds *item*."""
        ...

    def __iter__(self) -> Iterator[T_co]:
        """Iterate over the values."""
        ...

    def __len__(self) -> int:
        """Return how many there are."""
        ...


class ListOf(CollectionOf[T_co], Protocol[T_co]):
    """A list, a tuple or another sequence, but no text, for an option that takes several values."""

    def index(self, item: Any, /) -> int:
        """Return the place of *item*."""
        ...


Zone: TypeAlias = Literal["us", "de", "ie"]
"""A zone, where an organization's data are kept (concepts page, "Data Residency")."""

Priority: TypeAlias = Literal["interactive", "normal", "bulk"]
"""The lane in which a call waits for units."""

OptionPlacement: TypeAlias = Literal["header", "query"]
"""Where a call's options travel."""

COMPACT_ID: Final = re.compile(r"[0-9a-fA-F]{32}")
"""An ID as the API's pattern has it (concepts page, "Naming Conventions")."""
LOWER_ID: Final = re.compile(r"[0-9a-f]{32}")
"""The same as this package writes it."""
_HYPHENATED_ID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


_HEX: Final = b"0123456789abcdef"


def normalise_id(value: str) -> str:
    """Return an ID of a response in compact lower case; any other text comes back as it is.

    Some responses hold hyphenated UUIDs (reference: notes, filesets, conversations) where others are compact.
    """
    if LOWER_ID.fullmatch(value):
        return value
    if COMPACT_ID.fullmatch(value):
        return value.lower()
    if _HYPHENATED_ID.fullmatch(value):
        return value.replace("-", "").lower()
    return value


def are_lower_ids(values: Sequence[Any]) -> bool:
    """Tell whether all values are IDs in compact lower case, as nearly all of a response are."""
    if not set(map(type, values)) <= {str}:
        return False
    joined = "".join(values)
    return set(map(len, values)) <= {32} and joined.isascii() and not joined.encode().translate(None, _HEX)


def id_of(item: Mapping[str, Any]) -> RecordID | None:
    """Return the ID of a plain JSON record in compact lower case; None where it has none that could be asked for."""
    value = item.get("id")
    if not isinstance(value, str):
        return None
    if LOWER_ID.fullmatch(value):
        return RecordID(value)
    text = normalise_id(value)
    return RecordID(text) if COMPACT_ID.fullmatch(text) else None


@attrs.frozen(eq=False, repr=False)
class InvalidRecord(Value):
    """An element of an answer that can't be read as a record."""

    index: int
    """Its place in the answer, from 0."""
    reason: str
    """What is wrong with it, without values."""
    raw: bytes = attrs.field(repr=False)
    """Its text as it came; may hold personal data."""
    readable: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    """Those of its fields that can be read, as plain JSON."""

    @property
    def id(self) -> RecordID | None:
        """The record's ID, None where it can't be read."""
        return id_of(self.readable)


OnInvalid: TypeAlias = Literal["raise", "skip"]
"""What becomes of an element of a list that is no record: an error that carries the others, or it is left out."""


class DataQuantity(enum.StrEnum):
    """How much of each record a call returns, and thereby its price (concepts page, "Rate Limiting")."""

    ID_ONLY = "id_only"
    """IDs and last-updated timestamps; 1 unit a call."""
    BASIC = "basic"
    """The record's own fields, references as stubs; 5 units a call."""
    COMPLETE = "complete"
    """Also the fields of records included by reference; 20 units a call."""

    # Found in a dictionary as its word is; that of enumerations is a function of Python's.
    __hash__ = str.__hash__

    @property
    def units(self) -> int:
        """The request units that one call of this data_quantity costs.

        The price is taken to be per call, whatever the number of records (concepts page, "Rate Limiting").
        """
        return _UNITS[self]


_UNITS: Final[Mapping[str, int]] = {"id_only": 1, "basic": 5, "complete": 20}

MAX_UNITS_PER_CALL: Final = DataQuantity.COMPLETE.units
"""The highest price of a call, which is reserved where no document tells its price."""

DataQuantityLike: TypeAlias = DataQuantity | Literal["id_only", "basic", "complete"]
"""A `DataQuantity` or its wire word."""


StubDataQuantity: TypeAlias = Literal["id_only", DataQuantity.ID_ONLY]
"""The data_quantity that yields stubs."""

RecordDataQuantity: TypeAlias = Literal["basic", "complete", DataQuantity.BASIC, DataQuantity.COMPLETE]
"""The data quantities that yield records."""


class Unset(enum.Enum):
    """The type of `UNSET`."""

    UNSET = "UNSET"

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
"""Stands for "not given" where ``None`` is a value of its own: PATCH sends ``None`` and leaves this out."""


MASK: Final = "***"
"""Stands where a secret was struck out."""
_MASK_BYTES: Final = MASK.encode()

MIN_MASKED_CHARACTERS: Final = 6
"""Characters from which on a secret is struck out of texts."""


@functools.lru_cache(maxsize=8)
def _spellings(secret: str) -> tuple[str, ...]:
    """Return the ways to write *secret*, longest first: as it is, in a URL, in JSON, in HTML."""
    import html  # its table of names takes a millisecond

    spellings = {secret, quote(secret, safe=""), quote(secret), secret.replace("/", "\\/"), html.escape(secret)}
    return tuple(sorted(spellings, key=len, reverse=True))


@functools.lru_cache(maxsize=8)
def _spelled_bytes(secret: str) -> tuple[bytes, ...]:
    return tuple(word.encode() for word in _spellings(secret))


class Secret:
    """A text that shows itself only when asked by name.

    Its repr and str are masked; it can't be iterated, formatted into a message, compared by content, copied or pickled.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    @classmethod
    def of(cls, value: str | Secret | None) -> Secret | None:
        """Return *value* as a secret, or None."""
        return cls(value) if isinstance(value, str) else value

    def reveal(self) -> str:
        """Return the text itself."""
        return self._value

    @property
    def fits_header(self) -> bool:
        """Whether a header line can carry it: printable ASCII without blanks."""
        return self._value.isascii() and self._value.isprintable() and " " not in self._value

    def mask(self, text: AnyStr) -> AnyStr:
        """Return *text* with the secret struck out, however a server that repeats it may have written it.

        A secret of less than six characters is left: words would be struck out that have nothing to do with it.
        """
        if len(self._value) < MIN_MASKED_CHARACTERS:
            return text
        if isinstance(text, str):
            for word in _spellings(self._value):
                text = text.replace(word, MASK)
        else:
            for spelled in _spelled_bytes(self._value):
                text = text.replace(spelled, _MASK_BYTES)
        return text

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __iter__(self) -> NoReturn:
        raise TypeError("a Secret can't be iterated; reveal() gives its text")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret can't be pickled or copied; pass it by reference or read it anew")


@attrs.frozen(eq=False, repr=False)
class RateLimit(Value):
    """The budget as one response reported it (concepts page, "Managing Rate Limits")."""

    limit: int
    """Units allowed in a window."""
    remaining: int
    """Units left when the server had served this call."""
    reset: float
    """Unix time, in seconds by the server's clock, at which the next window begins."""

    @property
    def used(self) -> int:
        """Units spent in the window so far: inside one window the server's own logical clock."""
        return self.limit - self.remaining

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> RateLimit | None:
        """Read the three X-Rate-Limit headers.

        Args:
            headers: A mapping that finds names whatever their case, or holds them as the API writes them.

        Returns:
            None unless all three are there and make sense together: a Reset that is no Unix time in seconds
            (milliseconds, a delta) or more units left than allowed come from somebody else than the API.
        """
        try:
            limit = int(headers["X-Rate-Limit-Limit"])
            remaining = int(headers["X-Rate-Limit-Remaining"])
            reset = float(headers["X-Rate-Limit-Reset"])
        except (KeyError, ValueError):
            return None
        if limit <= 0 or not 0 <= remaining <= limit or not plausible_unix_seconds(reset):
            return None
        return cls(limit, remaining, reset)


def plausible_unix_seconds(value: float) -> bool:
    """Tell whether *value* can be a Unix time in seconds of this or the coming centuries."""
    return 1e9 <= value < 1e10
