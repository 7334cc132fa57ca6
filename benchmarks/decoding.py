"""Decoding 1,000 nested persons: json alone, other readers of typed records, and the codec with and without orjson."""

from __future__ import annotations

import gc
import importlib.util
import json
import time
from collections.abc import Callable
from typing import Any, Final

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, override

from benchmarks.table import interleaved, show
from tonicdm.codec import parse_json, parsing
from tonicdm.models import CODEC, Person
from tonicdm.sandbox import Sandbox

PERSONS, ROUNDS = 1000, 35
BASE: Final = "json.loads"
ADDRESS: Final = {
    "id": str,
    "personId": str,
    "status": str,
    "emailAddress": str,
    "name": str,
    "title": str,
    "isPrime": bool,
}
PERSON: Final = {"id": str, "datetimeCreated": str, "datetimeUpdated": str, "status": str, "name": str, "title": str}
"""Fields of the records that somebody would write for the other readers: fewer than the package's models have."""

Case = Callable[[], Any]


@attrs.frozen(kw_only=True)
class Address:
    """What somebody would write for plain cattrs."""

    id: str | None = None
    personId: str | None = None  # noqa: N815
    status: str | None = None
    emailAddress: str | None = None  # noqa: N815
    name: str | None = None
    title: str | None = None
    isPrime: bool | None = None  # noqa: N815


@attrs.frozen(kw_only=True)
class Plain:
    """The same, for the person."""

    id: str | None = None
    datetime_created: str | None = None
    datetime_updated: str | None = None
    status: str | None = None
    name: str | None = None
    title: str | None = None
    email_addresses: list[Address] | None = None


def body() -> bytes:
    world = Sandbox(records=PERSONS * 8, seed=1).world
    persons = [record for _, record in zip(range(PERSONS), world.records("persons"), strict=False)]
    while len(persons) < PERSONS:
        persons.append(persons[len(persons) % 50])
    return json.dumps(persons).encode()


def plain_cattrs(data: bytes) -> Case:
    converter = cattrs.Converter(detailed_validation=False)
    renames = {"email_addresses": "emailAddresses", "datetime_created": "datetimeCreated"}
    renames["datetime_updated"] = "datetimeUpdated"
    overrides = {name: override(rename=wire) for name, wire in renames.items()}
    converter.register_structure_hook(
        Plain, make_dict_structure_fn(Plain, converter, _cattrs_detailed_validation=False, **overrides)
    )
    return lambda: converter.structure(json.loads(data), list[Plain])


def pydantic(data: bytes) -> Case:
    from pydantic import ConfigDict, TypeAdapter, create_model

    def model(name: str, fields: dict[str, Any]) -> Any:
        optional: Any = {field: (type_ | None, None) for field, type_ in fields.items()}
        return create_model(name, __config__=ConfigDict(strict=True, extra="allow"), **optional)

    adapter = TypeAdapter(list[model("Person", PERSON | {"emailAddresses": list[model("Address", ADDRESS)]})])
    return lambda: adapter.validate_python(json.loads(data))


def msgspec(data: bytes) -> Case:
    import msgspec

    def struct(name: str, fields: dict[str, Any]) -> Any:
        return msgspec.defstruct(name, [(field, type_ | None, None) for field, type_ in fields.items()], frozen=True)

    decoder = msgspec.json.Decoder(
        list[struct("Person", PERSON | {"emailAddresses": list[struct("Address", ADDRESS)]})]
    )
    return lambda: decoder.decode(data)


def ours(data: bytes, *, orjson: bool) -> Case:
    installed = parsing.fast_parser

    def read() -> None:
        parsing.fast_parser = installed if orjson else lambda: None  # type: ignore[assignment]
        try:
            CODEC.read_all(parse_json(data), Person)
        finally:
            parsing.fast_parser = installed  # type: ignore[assignment]

    return read


def timed(work: Case) -> float:
    gc.collect()
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1e3


def main() -> None:
    """Print the table."""
    data = body()
    cases: dict[str, Case] = {BASE: lambda: json.loads(data), "json.loads + plain cattrs, coercing": plain_cattrs(data)}
    for name, reader, module in (
        ("json.loads + pydantic, strict", pydantic, "pydantic"),
        ("msgspec, drops unknown fields", msgspec, "msgspec"),
    ):
        if importlib.util.find_spec(module) is None:
            print(f"{module} is not installed: left out")
        else:
            cases[name] = reader(data)
    cases["tonicdm"] = ours(data, orjson=False)
    if parsing.fast_parser() is not None:
        cases["tonicdm, orjson"] = ours(data, orjson=True)
    results = interleaved({name: lambda case=case: timed(case) for name, case in cases.items()}, ROUNDS)  # type: ignore[misc]
    show(
        f"Decoding {PERSONS:,} persons with addresses, {len(data):,} bytes, {ROUNDS} rounds, CPU",
        "ms",
        results,
        BASE,
        "The codec has all fields, normalises IDs, reads datetimes and references, and keeps unknown fields and nulls; "
        "targets: 3.2, with orjson 2.8.",
    )


if __name__ == "__main__":
    main()
