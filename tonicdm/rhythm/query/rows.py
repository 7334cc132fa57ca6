"""Read and count the rows of a result while it streams; a piece and one unfinished row are held in memory."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, Final, Protocol

_BLANK: Final = " \t\r\n"
_LONE_RETURN: Final = re.compile(rb"\r[^\n]")
_DECODER: Final = json.JSONDecoder()
_NUMBER_GOES_ON: Final = frozenset({"", ".", "e", "E"})
"""What may stand behind a number that is cut: the decoder takes the ``0`` of ``0.`` for a whole one."""


class MalformedError(ValueError):
    """A text is not what its format says; the text is not repeated."""


class BrokenOffError(MalformedError):
    """A text ends in the middle: the rest of it may come with another try."""


class ErrorPageError(MalformedError):
    """A text is no result at all, but what something says that could not give one."""


class RowCounter(Protocol):
    """Counts the rows of a text that comes in pieces."""

    def feed(self, piece: bytes) -> None:
        """Take the next piece."""
        ...

    def end(self) -> int:
        """Return the number of rows, once all pieces were taken."""
        ...


class JsonReader:
    """Reads the elements of one JSON array, or JSON values one after another, out of pieces of text."""

    def __init__(self) -> None:
        self._text = codecs.getincrementaldecoder("utf-8-sig")()
        self._unread = ""
        self._retry_at = 0
        self._in_array: bool | None = None
        self._comma_due = False
        self._ended = False
        self.count: int = 0
        """Elements read so far."""

    def read(self, piece: bytes, *, last: bool = False) -> Iterator[Any]:
        """Yield the elements that this piece completes.

        Args:
            piece: The next bytes.
            last: Whether there are no more.

        Raises:
            MalformedError: The text is no such JSON, or breaks off.
        """
        try:
            self._unread += self._text.decode(piece, last)
        except UnicodeDecodeError:
            raise MalformedError("is no UTF-8") from None
        # A row that is longer than many pieces is not tried again with each of them.
        if last or len(self._unread) >= self._retry_at:
            yield from self._elements(last=last)
            self._retry_at = 2 * len(self._unread)
        if last and not (self._ended or (self._in_array is False and not self._unread)):
            raise _end_of(self._unread)

    @property
    def in_array(self) -> bool:
        """Whether the elements stand in an array, and not one after another."""
        return bool(self._in_array)

    def _elements(self, *, last: bool) -> Iterator[Any]:
        text, place = self._unread, 0
        while (place := self._marks(text, place)) < len(text):
            try:
                value, behind = _DECODER.raw_decode(text, place)
            except ValueError:
                break
            if not last and not isinstance(value, (dict, list, str)) and text[behind : behind + 1] in _NUMBER_GOES_ON:
                break
            place, self._comma_due = behind, True
            self.count += 1
            yield value
        self._unread = text[place:]

    def _marks(self, text: str, place: int) -> int:
        """Return the place of the next element, behind blanks, commas and the array's brackets."""
        while place < len(text):
            mark = text[place]
            if mark in _BLANK:
                place += 1
            elif self._in_array is None:
                self._in_array = mark == "["
                place += self._in_array
            elif not self._in_array:
                break
            elif mark == "," and self._comma_due:
                self._comma_due = False
                place += 1
            elif mark == "]" and not self._ended and (self._comma_due or not self.count):
                self._ended, self._comma_due = True, False
                place += 1
            elif self._ended or self._comma_due or mark in ",]":
                raise MalformedError("is no JSON array")
            else:
                break
        return place


def _end_of(tail: str) -> MalformedError:
    """Return the error for a text whose *tail* is no element: it breaks off where its parser came to its end."""
    try:
        _DECODER.raw_decode(tail.lstrip())
    except json.JSONDecodeError as error:
        at_end = error.pos >= len(tail.strip()) or error.msg.startswith("Unterminated string")
        # A word such as true is refused at its first letter, however much of it is there.
        if not at_end and not any(word.startswith(tail.strip()[error.pos :]) for word in ("true", "false", "null")):
            return MalformedError("has a row that is no JSON")
    return BrokenOffError("breaks off")


_ERROR_NAMES: Final = frozenset({"error", "errors", "errormessage", "message", "code", "__type"})
_BESIDE_ERRORS: Final = _ERROR_NAMES | frozenset(
    {"status", "statuscode", "error_description", "requestid", "type", "title", "detail", "path", "timestamp"}
)


def is_error(value: Any) -> bool:
    """Return whether the only value of a JSON text is what a server says that could not give a result."""
    if not isinstance(value, dict):
        return not isinstance(value, list)
    names = {str(name).lower() for name in value}
    return bool(names & {"error", "errors"}) or bool(names & _ERROR_NAMES and names <= _BESIDE_ERRORS)


class JsonCounter:
    """Counts the elements of a JSON result; whatever counts was parsed."""

    def __init__(self) -> None:
        self._reader = JsonReader()
        self._only: Any = []

    def feed(self, piece: bytes) -> None:
        """Take the next piece."""
        self._take(piece, last=False)

    def end(self) -> int:
        """Return the number of elements."""
        self._take(b"", last=True)
        if not self._reader.in_array and self._reader.count == 1 and is_error(self._only):
            raise ErrorPageError("is an error of the server and no rows")
        return self._reader.count

    def _take(self, piece: bytes, *, last: bool) -> None:
        for value in self._reader.read(piece, last=last):
            self._only = value


class CsvCounter:
    """Counts the records of a CSV result (RFC 4180): line ends inside quotes end none.

    Args:
        header: Whether the first record names the columns.
    """

    def __init__(self, *, header: bool) -> None:
        self._header = header
        self._quoted = False
        self._records = 0
        self._open = False
        self._return = False
        self.has_lone_returns: bool = False
        """Whether a line outside quotes ended in a carriage return alone."""

    def feed(self, piece: bytes) -> None:
        """Take the next piece."""
        # A doubled quote switches twice, so it changes nothing.
        for number, part in enumerate(piece.split(b'"')):
            if number:
                self._quoted = not self._quoted
                self._open = True
            if not self._quoted and part:
                self._records += part.count(b"\n")
                self._open = not part.endswith(b"\n")
                # A return at the end of a piece may belong to the line feed that begins the next one.
                alone = self._return and not part.startswith(b"\n")
                self.has_lone_returns |= alone or _LONE_RETURN.search(part) is not None
                self._return = part.endswith(b"\r")
            elif part:
                self._open = True

    def end(self) -> int:
        """Return the number of records without the header."""
        if self._quoted:
            raise BrokenOffError("breaks off inside quotes")
        return max(0, self._records + self._open - self._header)


class NoCounter:
    """Stands where rows can't be told: excel, and formats that are not known."""

    def feed(self, piece: bytes) -> None:
        """Take the next piece."""

    def end(self) -> None:
        """Return that nothing is known."""


def counter_of(output_format: str, *, csv_header: bool) -> RowCounter | NoCounter:
    """Return what counts the rows of a format.

    Args:
        output_format: ``json``, ``csv`` or another.
        csv_header: Whether a csv result begins with the names of its columns.
    """
    if output_format == "json":
        return JsonCounter()
    return CsvCounter(header=csv_header) if output_format == "csv" else NoCounter()
