"""Conversion between JSON and records: wire names, strict scalars, open enumerations, unknown fields."""

from tonicdm.codec.converter import Codec
from tonicdm.codec.enums import OpenEnum
from tonicdm.codec.parsing import parse_json
from tonicdm.codec.records import (
    Record,
    assumed_names,
    bookkeeping,
    camel,
    camel_case,
    camel_case_assumed,
    marked,
    snake_case,
    wire,
    wire_names,
)

__all__ = [
    "Codec",
    "OpenEnum",
    "Record",
    "assumed_names",
    "bookkeeping",
    "camel",
    "camel_case",
    "camel_case_assumed",
    "marked",
    "parse_json",
    "snake_case",
    "wire",
    "wire_names",
]
