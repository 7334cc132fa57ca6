"""What a whole pass concludes from the records that it has not seen."""

from __future__ import annotations

from tonicdm.store import rows
from tonicdm.store.database import Database
from tonicdm.store.writing import write_records
from tonicdm.types import DataQuantity

KIND = "offices"


def office(number: int, name: str = "London") -> dict[str, str]:
    return {"id": f"{number:032x}", "name": name}


def write(db: Database, *records: dict[str, str]) -> None:
    write_records(db, KIND, records, DataQuantity.BASIC, rows.draw(db, 0.0))


def test_a_record_that_was_there_and_is_not_listed_has_vanished(db: Database):
    write(db, office(1), office(2))
    rows.begin_scan(db, KIND)
    rows.note_scanned(db, KIND, {office(1)["id"]: None}, 1)
    assert rows.vanished(db, KIND) == [office(2)["id"]]


def test_a_record_that_somebody_else_read_meanwhile_has_not_vanished(db: Database):
    """Created, or changed, while the type is listed: its page may have been read before."""
    write(db, office(1), office(2))
    rows.begin_scan(db, KIND)
    write(db, office(3), office(2, "Leeds"))
    rows.note_scanned(db, KIND, {office(1)["id"]: None}, 1)
    assert rows.vanished(db, KIND) == []


def test_each_pass_begins_anew(db: Database):
    write(db, office(1))
    rows.begin_scan(db, KIND)
    write(db, office(2))
    rows.note_scanned(db, KIND, {office(1)["id"]: None}, 1)
    rows.begin_scan(db, KIND)
    rows.note_scanned(db, KIND, {office(1)["id"]: None}, 1)
    assert rows.vanished(db, KIND) == [office(2)["id"]]


def test_a_store_is_empty_only_if_it_had_no_record_of_the_type_before(db: Database):
    write_records(db, "projects", [office(9)], DataQuantity.BASIC, rows.draw(db, 0.0))
    rows.begin_scan(db, KIND)
    write(db, office(1))
    assert not rows.has_earlier(db, KIND)
    rows.begin_scan(db, KIND)
    assert rows.has_earlier(db, KIND)
