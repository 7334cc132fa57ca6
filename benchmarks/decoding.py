"""Decoding 1,000 nested persons: json alone, plain cattrs, and the codec."""

from __future__ import annotations

import json
import time

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, override

from benchmarks.table import interleaved, show
from tonicdm.codec import parse_json
from tonicdm.models import CODEC, Person
from tonicdm.sandbox import Sandbox

PERSONS = 1000
ROUNDS = 40


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


def timed(work: object) -> float:
    began = time.perf_counter()
    work()  # type: ignore[operator]
    return (time.perf_counter() - began) * 1e3


def main() -> None:
    data = body()
    converter = cattrs.Converter(detailed_validation=False)
    renames = {"email_addresses": "emailAddresses", "datetime_created": "datetimeCreated"}
    renames["datetime_updated"] = "datetimeUpdated"
    overrides = {name: override(rename=wire) for name, wire in renames.items()}
    converter.register_structure_hook(
        Plain, make_dict_structure_fn(Plain, converter, _cattrs_detailed_validation=False, **overrides)
    )
    CODEC.read_all(parse_json(data), Person)
    results = interleaved(
        {
            "json.loads": lambda: timed(lambda: json.loads(data)),
            "json.loads + plain cattrs, coercing": lambda: timed(
                lambda: converter.structure(json.loads(data), list[Plain])
            ),
            "tonicdm codec, strict": lambda: timed(lambda: CODEC.read_all(parse_json(data), Person)),
        },
        ROUNDS,
    )
    show(
        f"Decoding {PERSONS:,} persons with addresses, {len(data):,} bytes, {ROUNDS} rounds",
        "ms",
        results,
        "json.loads",
        "The codec also normalises IDs, reads datetimes and references, and keeps unknown fields and nulls.",
    )


if __name__ == "__main__":
    main()
