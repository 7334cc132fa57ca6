"""Between JSON and records: wire names, strict scalars, open enumerations, unknown fields."""

from tonicdm.codec.converter import Codec, parse_json
from tonicdm.codec.records import OpenEnum, Record, camel_case, snake_case, wire, wire_names

__all__ = ["Codec", "OpenEnum", "Record", "camel_case", "parse_json", "snake_case", "wire", "wire_names"]
