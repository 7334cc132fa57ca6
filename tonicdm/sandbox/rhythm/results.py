"""Result files of queries: JSON, CSV and Excel, written row by row."""

from __future__ import annotations

import csv
import itertools
import pathlib
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from xml.sax.saxutils import escape

from tonicdm.sandbox.messages import to_json

FORMATS = ("json", "csv", "excel", "excelUnformatted")
"""Output formats of this server (reference, OutputFormat); the concepts page leaves room for more."""
MEDIA_TYPES = {
    "json": "application/json",
    "csv": "text/csv",
    "excel": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "excelUnformatted": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""Content-Type by format."""

_AT_ONCE = 500
_SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_PARTS = {
    "[Content_Types].xml": (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType='
        f'"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType='
        f'"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="r1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        f'<workbook xmlns="{_SPREADSHEET}" xmlns:r="{_RELATIONS}"><sheets>'
        f'<sheet name="Query" sheetId="1" r:id="r1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="r1" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
    ),
}


def write(path: pathlib.Path, form: str, fields: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a result file without holding it in memory.

    Args:
        path: Where to.
        form: One of `FORMATS`.
        fields: Names of the columns.
        rows: Values in the order of the columns; None where a record has none.
    """
    if form == "json":
        _write_json(path, fields, rows)
    elif form == "csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(fields)
            writer.writerows([_text(value) for value in row] for row in rows)
    else:
        _write_sheet(path, fields, rows)


def _write_json(path: pathlib.Path, fields: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    source = iter(rows)
    with path.open("wb") as file:
        separator = b"["
        while some := [dict(zip(fields, row, strict=True)) for row in itertools.islice(source, _AT_ONCE)]:
            file.write(separator + to_json(some)[1:-1])
            separator = b","
        file.write(b"]" if separator == b"," else b"[]")


def _write_sheet(path: pathlib.Path, fields: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        for name, text in _PARTS.items():
            package.writestr(name, text)
        with package.open("xl/worksheets/sheet1.xml", "w") as sheet:
            sheet.write(f'<worksheet xmlns="{_SPREADSHEET}"><sheetData>'.encode())
            for row in itertools.chain([fields], rows):
                sheet.write(b"<row>" + "".join(_cells(row)).encode() + b"</row>")
            sheet.write(b"</sheetData></worksheet>")


def _cells(row: Sequence[Any]) -> Iterator[str]:
    for value in row:
        if isinstance(value, bool):
            yield f'<c t="b"><v>{int(value)}</v></c>'
        elif isinstance(value, int | float):
            yield f"<c><v>{value}</v></c>"
        elif value is None:
            yield "<c/>"
        else:
            yield f'<c t="inlineStr"><is><t>{escape(_text(value))}</t></is></c>'


def _text(value: Any) -> str:
    """Return a value as text: nothing for None, JSON for lists and objects."""
    if value is None:
        return ""
    return value if isinstance(value, str) else to_json(value).decode()
