"""Readings of a budget, a store, a receiver and machine tokens, and the lines that Prometheus reads."""

import datetime
import sqlite3
import time
from contextlib import closing

import pytest

from tonicdm.budget import UnitBudget
from tonicdm.clock import VirtualClock
from tonicdm.monitoring import INSTRUMENTS, Reading, exposition, read_budget, read_receiver, read_store
from tonicdm.monitoring.instruments import BUDGET_LEFT, INBOX_JOBS, Form
from tonicdm.monitoring.mints import read_mints
from tonicdm.rhythm.tokens.ledger import Mint, MintState, TokenLedger
from tonicdm.rhythm.tokens.minting import MintRules
from tonicdm.rhythm.tokens.store import FileTokenStore
from tonicdm.store import Store
from tonicdm.webhooks import Receiver, Unverified

START = 1_800_000_000.0


def values(readings, instrument: str, label: str | None = None):
    found = [each for each in readings if each.instrument.name == instrument]
    return {each.attributes[label]: each.value for each in found} if label else [each.value for each in found]


async def test_a_budget_is_read_from_its_snapshot():
    clock = VirtualClock(now=START)
    async with UnitBudget.memory(clock=clock) as budget:
        async with budget.reserve(5) as reservation:
            await reservation.sent()
            await reservation.settle(3600, 0, START + 1800, date=START, status=429)
        await budget.pause()
        readings = read_budget(budget.snapshot(), datetime.datetime.fromtimestamp(START, datetime.UTC))
    assert values(readings, "tonicdm.budget.limit") == [3600]
    assert values(readings, "tonicdm.budget.left") == [0]
    assert values(readings, "tonicdm.budget.blocked") == [pytest.approx(1800, abs=10)]
    assert values(readings, "tonicdm.budget.paused") == [1]
    assert values(readings, "tonicdm.budget.waiting.calls", "tonicdm.lane") == {
        "interactive": 0,
        "normal": 0,
        "bulk": 0,
    }


async def test_a_store_tells_its_lag_and_its_quarantine(tmp_path):
    path = tmp_path / "copy.db"
    async with Store(path):
        pass
    with closing(sqlite3.connect(path)) as db, db:
        until = datetime.datetime.fromtimestamp(START - 90, datetime.UTC).isoformat()
        db.execute("INSERT INTO watermark (type, until) VALUES ('persons', ?), ('offices', NULL)", (until,))
        db.execute("INSERT INTO quarantine VALUES ('persons', 'k', NULL, NULL, 1, 'NaN', x'00', 'basic', 'list', 1, 0)")
    readings = read_store(path, START, "nightly")
    assert values(readings, "tonicdm.sync.lag", "tonicdm.record_type") == {"persons": 90}
    assert values(readings, "tonicdm.quarantine.records", "tonicdm.record_type") == {"offices": 0, "persons": 1}
    assert set(values(readings, "tonicdm.inbox.jobs", "tonicdm.state").values()) == {0}
    assert {each.attributes["tonicdm.store"] for each in readings} == {"nightly"}


def test_a_store_that_is_not_there_or_is_none_has_no_readings(tmp_path, caplog):
    assert read_store(tmp_path / "none.db", START) == []
    (tmp_path / "text.db").write_text("nonsense " * 500)
    assert read_store(tmp_path / "text.db", START) == []
    assert "can't be read for monitoring" in caplog.text
    assert not (tmp_path / "none.db").exists()


def test_a_file_without_some_tables_tells_what_it_has(tmp_path):
    with closing(sqlite3.connect(tmp_path / "old.db")) as db:
        db.execute("CREATE TABLE watermark (type TEXT, until TEXT)")
        db.execute("INSERT INTO watermark VALUES ('persons', '2027-01-15T08:00:00+00:00')")
        db.commit()
    assert [each.instrument.name for each in read_store(tmp_path / "old.db", START)] == ["tonicdm.sync.lag"]


async def test_a_receiver_tells_what_it_acknowledged_and_refused(tmp_path):
    async with Receiver.for_file(tmp_path / "inbox.db", Unverified()) as receiver:
        body = b'{"type": "person.updated", "data": {"id": "5d0ab0e9-1c1c-4a5f-8a4b-2f4a8a2f6f01"}}'
        for content in (body, body, b"no JSON"):
            await receiver.accept({"webhook-id": "m1"}, content)
        readings = list(read_receiver(receiver))
        jobs = values(read_store(receiver.location, time.time()), "tonicdm.inbox.jobs", "tonicdm.state")
    assert values(readings, "tonicdm.webhooks.events", "tonicdm.event") == {"new": 1, "duplicate": 1}
    assert values(readings, "tonicdm.webhooks.refused", "http.response.status_code") == {400: 1}
    assert jobs["received"] == 1


async def test_mints_are_counted_by_issuer(tmp_path):
    store = FileTokenStore(tmp_path)
    mint = Mint(id="1", application="a", client_id="c", who="w", at=START, state=MintState.SENT)
    await store.update("ab" * 16, lambda _: (TokenLedger(issuer="tenant.example", mints=(mint,)), None))
    # A file that no mint was noted in knows no issuer.
    await store.update("cd" * 16, lambda _: (TokenLedger(), None))
    (reading,) = read_mints(store, START, MintRules(stop=900))
    assert (reading.value, reading.attributes) == (899, {"tonicdm.issuer": "tenant.example"})


def test_lines_of_prometheus_stand_under_their_metric():
    text = exposition(
        [
            Reading(INBOX_JOBS, 3, {"tonicdm.state": "received"}),
            Reading(BUDGET_LEFT, 3595),
            Reading(INBOX_JOBS, 0, {"tonicdm.state": 'a"b\\\n'}),
        ]
    )
    assert text.splitlines() == [
        "# HELP tonicdm_inbox_jobs Jobs of the inbox, by state.",
        "# TYPE tonicdm_inbox_jobs gauge",
        'tonicdm_inbox_jobs{tonicdm_state="received"} 3',
        'tonicdm_inbox_jobs{tonicdm_state="a\\"b\\\\\\n"} 0',
        "# HELP tonicdm_budget_left Units that the server has left.",
        "# TYPE tonicdm_budget_left gauge",
        "tonicdm_budget_left 3595",
    ]


def test_no_two_metrics_share_a_name():
    assert len({instrument.prometheus_name for instrument in INSTRUMENTS.values()}) == len(INSTRUMENTS)
    assert all(instrument.meaning.endswith(".") for instrument in INSTRUMENTS.values())
    assert all(
        instrument.unit == "s" or instrument.unit.startswith("{")
        for instrument in INSTRUMENTS.values()
        if instrument.form is not Form.HISTOGRAM
    )
