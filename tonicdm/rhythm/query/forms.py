"""The check that a downloaded file is a result, by its beginning, its end and the number of its rows; and its rows.

A signed host answers its errors as pages, some with status 200. A file that is cut is fetched again; one that is whole
and written in an odd way would come the same way each time.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any, Final

import attrs

from tonicdm.rhythm.query.rows import (
    BrokenOffError,
    CsvCounter,
    ErrorPageError,
    JsonReader,
    MalformedError,
    NoCounter,
    RowCounter,
    counter_of,
    is_error,
)

PIECE_BYTES: Final = 1 << 18
"""Bytes that are read from a file at once."""
_HEAD_BYTES: Final = 4096
"""Bytes of the beginning that are looked at."""
_TAIL_BYTES: Final = 22 + 65_535
"""Bytes of the end: the last record of a ZIP file with the longest comment (APPNOTE 4.3.16)."""
_PAGE: Final = re.compile(rb"<[!?a-zA-Z]")
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MAX_FIELD_LENGTH: Final = 1 << 24
"""Characters of a field that is still one."""


class OddFormError(MalformedError):
    """A file is whole and written in an odd way; its rows can be counted all the same.

    Attributes:
        rows: How many there are.
    """

    def __init__(self, what: str, rows: int) -> None:
        super().__init__(what)
        self.rows = rows


@attrs.frozen(kw_only=True)
class Named:
    """What the server said of a result; None for what it did not say."""

    rows: int | None = None
    size: int | None = None
    """Bytes."""


class Form:
    """Looks at a result while it streams.

    Args:
        output_format: ``json``, ``csv``, ``excel`` or another.
        csv_header: Whether a csv result begins with the names of its columns.
    """

    def __init__(self, output_format: str, *, csv_header: bool) -> None:
        self._format, self._csv_header = output_format, csv_header
        self._counter: RowCounter | NoCounter = counter_of(output_format, csv_header=csv_header)
        self._broken: MalformedError | None = None
        self._head, self._tail, self._size = b"", b"", 0

    def feed(self, piece: bytes) -> None:
        """Take the next piece."""
        self._size += len(piece)
        self._head += piece[: _HEAD_BYTES - len(self._head)]
        self._tail = (self._tail + piece)[-_TAIL_BYTES:]
        if self._broken is None:
            try:
                self._counter.feed(piece)
            except MalformedError as error:
                self._broken = error

    def rows(self, file: pathlib.Path, named: Named) -> int | None:
        """Return the rows of the whole file; None where its format does not tell.

        Args:
            file: Where the bytes are.
            named: What the server said.

        Raises:
            ErrorPageError: It is no result.
            BrokenOffError: It is cut, or has not what the server named.
            OddFormError: It is whole and odd; it would come the same way again.
            MalformedError: It is not of its format.
        """
        self._refuse_pages()
        if self._is_excel:
            self._check_archive()
        try:
            if self._broken is not None:
                raise self._broken
            rows = self._counter.end()
            if self._is_odd:
                raise BrokenOffError(f"has {rows:,} rows in an odd form")
            _compare(rows, self._size, named)
        except MalformedError as error:
            if self._format != "csv" or isinstance(error, ErrorPageError):
                raise
            odd = self._odd(file, named)
            if odd is None:
                raise
            raise odd from None
        return rows

    @property
    def _is_excel(self) -> bool:
        return self._format.startswith("excel") or self._format == "xlsx"

    @property
    def _is_odd(self) -> bool:
        counter = self._counter
        return isinstance(counter, CsvCounter) and (self._head.startswith(_UTF_16) or counter.has_lone_returns)

    def _refuse_pages(self) -> None:
        head = self._head.removeprefix(codecs.BOM_UTF8).lstrip()
        if _PAGE.match(head) and not any(word in self._format.lower() for word in ("xml", "html")):
            raise ErrorPageError("is an HTML or XML page and no result")
        if self._format != "json" and not self._is_excel and self._size <= _HEAD_BYTES and _is_json_error(head):
            raise ErrorPageError("is an error of the server and no rows")

    def _check_archive(self) -> None:
        if not self._head:
            raise BrokenOffError("is empty")
        if not self._head.startswith(b"PK\x03\x04"):
            raise ErrorPageError("is no Excel file")
        place = self._tail.rfind(b"PK\x05\x06")
        if place < 0 or len(self._tail) - place < 22:
            raise BrokenOffError("breaks off: an Excel file has an end of its own")

    def _odd(self, file: pathlib.Path, named: Named) -> OddFormError | None:
        rows = count_loosely(file, header=self._csv_header)
        if rows is None or (rows != named.rows if named.rows is not None else named.size not in {None, self._size}):
            return None
        counter = self._counter
        why = "has quotes inside fields or blank lines that RFC 4180 does not know"
        if self._head.startswith(_UTF_16):
            why = "is UTF-16"
        elif isinstance(counter, CsvCounter) and counter.has_lone_returns:
            why = "has lines that end in a carriage return alone"
        return OddFormError(why, rows)


def read_rows(path: pathlib.Path) -> Iterator[Any]:
    """Yield the rows of a downloaded JSON result, one at a time.

    Raises:
        MalformedError: The file is no such JSON.
    """
    reader = JsonReader()
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield from reader.read(piece)
    yield from reader.read(b"", last=True)


def count_loosely(file: pathlib.Path, *, header: bool) -> int | None:
    """Return the records of a CSV file that is read as spreadsheets do; None where it breaks off or is none.

    Args:
        file: Where it is.
        header: Whether the first record names the columns.
    """
    with file.open("rb") as binary:
        encoding = "utf-16" if binary.read(2) in _UTF_16 else "utf-8-sig"
        binary.seek(0)
        before = csv.field_size_limit(_MAX_FIELD_LENGTH)
        try:
            text = io.TextIOWrapper(binary, encoding=encoding, newline="")
            records = sum(1 for record in csv.reader(text, strict=True) if record)
        except (csv.Error, UnicodeError):
            return None
        finally:
            csv.field_size_limit(before)
    return max(0, records - header)


def _compare(rows: int | None, size: int, named: Named) -> None:
    """Compare with what the server named; rows that were counted and agree say more than a size.

    Raises:
        BrokenOffError: It is another number.
    """
    if rows is not None and named.rows is not None:
        if rows != named.rows:
            raise BrokenOffError(f"has {rows:,} rows where the server named {named.rows:,}")
    elif named.size and size != named.size:
        raise BrokenOffError(f"has {size:,} bytes where the server named {named.size:,}")


def _is_json_error(text: bytes) -> bool:
    try:
        return text[:1] in {b"{", b"n"} and is_error(json.loads(text))
    except ValueError:
        return False
