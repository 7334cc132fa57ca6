"""Forgetting a person: nothing of them is left in the file, readers of the feed hear of it, others stay as they are."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pathlib
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner

from tests.engines import ENGINES, Place, place, rows, words
from tonicdm.cli.app import tonicdm
from tonicdm.export import export
from tonicdm.store import Store, care, upkeep
from tonicdm.store.database import Location
from tonicdm.store.opening import locate
from tonicdm.store.sqlite import SqliteFile
from tonicdm.types import DataQuantity
from tonicdm.webhooks import Inbox, parse

PERSON, ADDRESS, OTHER, PROJECT = ("a1" * 16, "b2" * 16, "c3" * 16, "d4" * 16)
HYPHENATED = "A1A1A1A1-A1A1-A1A1-A1A1-A1A1A1A1A1A1"
TRACES = ("Ludwika", "Zamenhof", "ludwika.z@firm.example", "555-0199")
STAMP = {"datetimeUpdated": "2026-01-01T00:00:00Z"}

PERSONS: list[dict[str, Any]] = [
    {"id": PERSON, "name": "Ludwika Zamenhof", "emailAddresses": [{"id": ADDRESS, "title": "Architect"}], **STAMP},
    {"id": OTHER, "name": "Ada Byron", "assistant": {"id": HYPHENATED, "name": "Ludwika Zamenhof"}, **STAMP},
]
ADDRESSES = [
    {"id": ADDRESS, "personId": HYPHENATED, "emailAddress": "Ludwika.Z@firm.example", "mobilephoneNumber": "555-0199"},
    {"id": "e5" * 16, "personId": OTHER, "emailAddress": "ada@firm.example"},
]
TEAM = [{"projectId": PROJECT, "emailAddressId": ADDRESS}, {"projectId": PROJECT, "emailAddressId": "e5" * 16}]
RFIS = [
    {"id": "f6" * 16, "responsiblePerson": HYPHENATED, "watchers": [PERSON, OTHER], "cc": ["ludwika.z@FIRM.example"]},
    {"id": "f7" * 16, "responsiblePerson": OTHER, "by": {"id": ADDRESS, "name": "Ludwika Zamenhof"}},
    {"id": "f8" * 16, "responsiblePerson": OTHER, "text": "Nothing to see."},
]


async def fill(file: Place) -> None:
    async with Store(file) as store:
        for name, records in (("persons", PERSONS), ("email_addresses", ADDRESSES), ("team", TEAM), ("rfis", RFIS)):
            await store.write_page(name, records, DataQuantity.BASIC)
        # An earlier version, which leaves its text in pages; a tombstone; something in quarantine; events.
        await store.write_page("persons", [{**PERSONS[0], "title": "x" * 9000}], DataQuantity.BASIC)
        await store.write_page("persons", PERSONS, DataQuantity.BASIC)
        spoilt = [{"id": "f9" * 16, "name": "\ud800", "by": PERSON, "of": "Ludwika"}, {"id": "f0" * 16, "x": "\ud800"}]
        await store.write_page("rfis", spoilt, DataQuantity.BASIC)
        inbox = Inbox(store)
        for number, record in enumerate((PERSONS[0], RFIS[0], RFIS[2])):
            record_type = "persons" if record is PERSONS[0] else "rfis"
            body = json.dumps({"id": f"e{number}", "type": f"{record_type}.updated", "data": [record]}).encode()
            await inbox.receive([parse(body, {}, signed=True, received=1.8e9)])


@pytest.fixture(params=ENGINES)
def firm(request: pytest.FixtureRequest) -> Location:
    where = place(request, request.param)
    asyncio.run(fill(where))
    return where


def forget(firm: Location, *options: str, person: str = PERSON) -> dict[str, Any]:
    ended = CliRunner().invoke(tonicdm, ["forget", *words(firm), "--person", person, "--json", *options])
    assert ended.exit_code == 0, ended.output
    document: dict[str, Any] = json.loads(ended.stdout)
    return document


def content(firm: Location) -> bytes:
    """Return the bytes in which the store is on the disk."""
    if isinstance(firm, SqliteFile):
        return b"".join(path.read_bytes() for path in sorted(firm.path.parent.glob(f"{firm.path.name}*")))
    files = (
        "SELECT pg_read_binary_file(pg_relation_filepath(oid)) FROM pg_class "
        "WHERE relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname = ?) AND relkind IN ('r', 'i') OR oid IN "
        "(SELECT reltoastrelid FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = ?)"
    )
    with contextlib.closing(firm.open_to_watch()) as db:
        db.execute("CHECKPOINT")
        return b"".join(bytes(read) for (read,) in db.execute(files, (firm.schema, firm.schema)))


def raws(firm: Location) -> dict[str, Any]:
    return {key: json.loads(raw) for key, raw in rows(firm, "SELECT id, raw FROM record")}


@pytest.mark.parametrize("person", [PERSON, HYPHENATED])
def test_no_byte_of_the_person_is_left_in_the_store_and_others_are_whole(firm: Location, person: str) -> None:
    assert any(trace.encode() in content(firm) for trace in TRACES)
    document = forget(firm, person=person)
    assert {name: document[name] for name in ("records", "references", "quarantined", "bodies", "jobs")} == {
        "records": 3,
        "references": 3,
        "quarantined": 1,
        "bodies": 2,
        "jobs": 1,
    }
    for trace in TRACES:
        assert trace.lower().encode() not in content(firm).lower(), trace
    held = raws(firm)
    assert held[PERSON] == {"id": PERSON}
    assert held[OTHER] == {**PERSONS[1], "assistant": None}
    assert held["e5" * 16] == ADDRESSES[1]
    assert held[f"{PROJECT}:{'e5' * 16}"] == TEAM[1]
    assert held["f6" * 16] == {"id": "f6" * 16, "responsiblePerson": None, "watchers": [OTHER], "cc": []}
    assert held["f7" * 16] == {**RFIS[1], "by": None}
    assert held["f8" * 16] == RFIS[2]
    assert upkeep.check(firm).is_sound


def test_a_second_time_there_is_nothing_left_to_forget(firm: Location) -> None:
    forget(firm)
    again = forget(firm)
    assert not any(again[name] for name in ("references", "quarantined", "bodies", "jobs"))


def test_a_dry_run_counts_and_changes_nothing(firm: Location) -> None:
    before = raws(firm)
    assert forget(firm, "--dry-run")["references"] == 3
    assert raws(firm) == before
    assert forget(firm)["references"] == 3


def test_the_next_export_takes_the_person_out(firm: Location, tmp_path: pathlib.Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    to = tmp_path / "firm.duckdb"
    asyncio.run(export(Store(firm), f"duckdb:{to}"))
    asyncio.run(export(Store(firm), f"csv:{tmp_path / 'csv'}", keep_deleted=True))
    forget(firm)
    asyncio.run(export(Store(firm), f"duckdb:{to}"))
    asyncio.run(export(Store(firm), f"csv:{tmp_path / 'csv'}", keep_deleted=True))
    with duckdb.connect(str(to)) as db:
        assert db.execute("SELECT id FROM persons").fetchall() == [(OTHER,)]
        assert db.execute("SELECT count(*) FROM rfis WHERE responsible_person IS NOT NULL").fetchone() == (2,)
    text = "".join(path.read_text() for path in (tmp_path / "csv").glob("*/*.csv"))
    assert not any(trace.lower() in text.lower() for trace in TRACES)


def test_texts_that_mention_the_person_are_counted_and_left(firm: Location) -> None:
    async def write() -> None:
        async with Store(firm) as store:
            note = {"id": "9a" * 16, "text": "Call Ludwika Zamenhof on Monday"}
            await store.write_page("notes", [note], DataQuantity.BASIC)

    asyncio.run(write())
    assert forget(firm)["mentions"] == {"notes": 1}
    assert raws(firm)["9a" * 16]["text"] == "Call Ludwika Zamenhof on Monday"


def test_while_another_program_reads_the_store_it_says_that_pages_may_be_left(
    firm: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(care, "LOCK_SECONDS", 0.05)
    monkeypatch.setattr("tonicdm.store.postgresql.care.MAX_WAIT", "50ms")
    reader = firm.open_to_watch()
    with reader.moment():
        reader.execute("SELECT count(*) FROM record").fetchone()
        assert forget(firm)["in_pages"] is True
    reader.close()
    upkeep.compact(firm)
    assert not any(trace.encode() in content(firm) for trace in TRACES)


def test_a_transaction_elsewhere_that_may_want_old_rows_is_noticed(postgres_url: str) -> None:
    """It reads nothing of the store, and the server keeps all rows that were there when it began."""
    firm = locate(postgres_url, "firm")
    asyncio.run(fill(firm))
    with psycopg.connect(postgres_url) as other:
        other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        other.execute("SELECT 1")
        assert forget(firm)["in_pages"] is True
    assert forget(firm)["in_pages"] is False
    assert not any(trace.encode() in content(firm) for trace in TRACES)


def test_what_is_no_id_is_refused(firm: Location) -> None:
    ended = CliRunner().invoke(tonicdm, ["forget", *words(firm), "--person", "Ludwika"])
    assert ended.exit_code == 2
    assert "32 hexadecimal digits" in ended.output
