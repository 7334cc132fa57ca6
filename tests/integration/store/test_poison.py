"""No single answer spoils a copy: what is no list is an error, what is no record costs only itself."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.fixtures.before import firm
from tests.integration.sync.conftest import held
from tests.listserver import Asked, ListServer
from tonicdm import DataQuantity, DecodeError, TonicDM
from tonicdm.clock import VirtualClock
from tonicdm.store import Store

from .conftest import PERSONS, Run, report_of, rows

BAD = firm.record("persons", 1, 0.0)["id"]
"""The record that is broken on its way."""


def always(body: bytes) -> Callable[[Asked, Any], bytes | None]:
    return lambda asked, _found: body if asked.path == PERSONS else None


def breaking(old: bytes, new: bytes) -> Callable[[Asked, Any], bytes | None]:
    """Return answers in which a text stands for another one, in whole records only."""

    def answer(asked: Asked, found: Any) -> bytes | None:
        whole = asked.path == PERSONS and asked.data_quantity != "id_only"
        return json.dumps(found).encode().replace(old, new) if whole else None

    return answer


SHAPES = {
    "an error": b'{"error": "try again later"}',
    "a wrapped list": b'{"data": [{"id": "%s"}]}' % BAD.encode(),
    "a record": b'{"id": "%s", "name": "Ada"}' % BAD.encode(),
    "a number": b"42",
    "a text": b'"maintenance"',
    "null": b"null",
    "nothing": b"",
    "an HTML page": b"<html><body>Login</body></html>",
    "a list that ends early": b'[{"id": "%s", "name": "A' % BAD.encode(),
}


@pytest.mark.parametrize("body", SHAPES.values(), ids=SHAPES)
async def test_an_answer_that_is_no_list_is_an_error_and_the_next_run_ends_exact(
    body: bytes, run: Run, server: ListServer, file: pathlib.Path, clock: VirtualClock
) -> None:
    """In a first load and in an audit: nothing is stored of it, nothing is taken for deleted."""
    server.answering = always(body)
    with pytest.raises(DecodeError, match=r"GET /core/persons can't be decoded: .*expected an array, found"):
        await run("persons")
    assert held(file, "persons") == {}
    server.answering = None
    await run("persons")
    clock.advance(86_400)
    server.answering = always(body)
    with pytest.raises(DecodeError):
        await run("persons", audit="always")
    server.answering = None
    assert report_of(await run("persons", audit="always")).deleted == 0
    assert held(file, "persons") == server.tables[PERSONS]


BROKEN = {
    "half of a pair of surrogates": b'"\\ud800"',
    "NaN": b"NaN",
    "an infinity": b"1e999",
    "too many digits": b"9" * 5_000,
    "too deep": b"[" * 500 + b"]" * 500,
    "far too deep": b"[" * 100_000 + b"]" * 100_000,
    "no UTF-8": b'"\xff"',
}


@pytest.mark.parametrize("value", BROKEN.values(), ids=BROKEN)
async def test_a_bad_record_costs_only_itself_and_is_known_from_then_on(
    value: bytes, run: Run, server: ListServer, file: pathlib.Path, clock: VirtualClock
) -> None:
    server.answering = breaking(b'"persons 1"', value)
    first = report_of(await run("persons"))
    everything = dict(server.tables[PERSONS])
    del everything[BAD]
    assert held(file, "persons") == everything
    assert first.quarantined == 1
    async with Store(file) as store:
        (aside,) = await store.quarantine()
    assert (aside.type, aside.id, aside.page) == ("persons", BAD, 1)
    assert aside.updated == "2027-01-15T07:43:19+00:00"
    assert value[:20] in aside.raw
    clock.advance(86_400)
    again = report_of(await run("persons"))
    assert (again.meter.units, again.changed) == (1, 0), "nothing changed, so that it is not fetched again"
    audited = report_of(await run("persons", audit="always"))
    assert audited.deleted == 0
    asked = [one.options.get("filterids", "") for one in server.calls if one.data_quantity != "id_only"]
    assert not any(BAD in ids for ids in asked)


async def test_the_good_version_before_stays_is_marked_and_makes_way_for_the_next_one(
    run: Run, server: ListServer, file: pathlib.Path, clock: VirtualClock, tmp_path: pathlib.Path
) -> None:
    """In the view, in the change feed, and in an export that goes on from the one before."""
    from tonicdm.export import export

    to = f"csv:{tmp_path / 'out'}"
    await run("persons")
    async with Store(file) as store:
        await export(store, to)
    before, position = held(file, "persons")[BAD], rows(file, "SELECT max(change_seq) FROM record")[0][0]
    clock.advance(86_400)
    server.put(PERSONS, [firm.record("persons", 1, clock.now() - 600)])
    server.answering = breaking(b'"persons 1"', b'"\\udfff"')
    await run("persons")
    clock.advance(86_400)
    assert report_of(await run("persons", audit="always")).deleted == 0
    assert held(file, "persons")[BAD] == before
    marked = "SELECT id FROM persons WHERE quarantined = 'half of a pair of surrogates in a text'"
    assert rows(file, marked) == [(BAD,)]
    async with Store(file) as store:
        (change,) = await store.changes(position)
        assert (change.id, change.quarantined is not None) == (BAD, True)
        await export(store, to)
    assert "half of a pair of surrogates" in "".join(one.read_text() for one in (tmp_path / "out").rglob("*.csv"))
    server.answering = None
    clock.advance(3600)
    server.put(PERSONS, [firm.record("persons", 1, clock.now() - 300)])
    await run("persons")
    assert held(file, "persons") == server.tables[PERSONS]
    assert rows(file, marked) == []
    async with Store(file) as store:
        assert await store.quarantine() == []


@pytest.mark.parametrize("element", [b'{"name": "Ada"}', b'{"id": 7}', b'{"id": "none"}', b"null", b"[]", b'"Ada"'])
async def test_an_audit_that_meets_an_element_without_an_id_proves_nothing_gone(
    element: bytes, run: Run, server: ListServer, file: pathlib.Path, clock: VirtualClock
) -> None:
    await run("persons")
    clock.advance(86_400)
    gone = server.tables[PERSONS].pop(BAD)

    def answer(asked: Asked, found: Any) -> bytes | None:
        if asked.path != PERSONS or asked.page != 1 or "filterids" in asked.options or "updated_after" in asked.options:
            return None
        return b"[" + b", ".join([*(json.dumps(one).encode() for one in found[:-1]), element]) + b"]"

    server.answering = answer
    blind = report_of(await run("persons", audit="always"))
    assert blind.deleted == 0
    assert "can't be read" in "; ".join(blind.why)
    assert held(file, "persons")[BAD] == gone
    server.answering = None
    clock.advance(86_400)
    assert rows(file, "SELECT count(*) FROM quarantine") == [(1,)]
    assert report_of(await run("persons", audit="always")).deleted == 1
    assert held(file, "persons") == server.tables[PERSONS]
    assert rows(file, "SELECT count(*) FROM quarantine") == [(0,)], "a pass that could tell all apart has not shown it"


async def test_what_is_in_quarantine_goes_with_its_record(
    run: Run, server: ListServer, file: pathlib.Path, clock: VirtualClock
) -> None:
    server.answering = breaking(b'"persons 1"', b"NaN")
    await run("persons")
    clock.advance(86_400)
    await run("persons", audit="always")
    assert rows(file, "SELECT id FROM quarantine") == [(BAD,)], "it is listed still"
    del server.tables[PERSONS][BAD]
    clock.advance(86_400)
    assert report_of(await run("persons", audit="always")).deleted == 0
    assert rows(file, "SELECT id FROM quarantine") == []


async def test_elements_without_an_id_take_a_bounded_room(file: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server may send another one in each run, with the time of the day in it."""
    monkeypatch.setattr("tonicdm.store.quarantine.MAX_UNIDENTIFIED", 3)
    async with Store(file) as store:
        for number in range(9):
            await store.write_page("persons", [{"error": f"at {number}"}], DataQuantity.BASIC)
        assert [json.loads(one.raw)["error"] for one in await store.quarantine()] == ["at 8", "at 7", "at 6"]


async def test_a_record_once_stamped_in_the_future_follows_the_server_again(
    run: Run, server: ListServer, file: pathlib.Path, clock: VirtualClock
) -> None:
    """And it is paid for once, not in each run."""
    server.put(PERSONS, [firm.record("persons", 1, clock.now() + 1e9)])
    await run("persons")
    clock.advance(86_400)
    server.put(PERSONS, [firm.record("persons", 1, clock.now() - 600, title="right")])
    found = report_of(await run("persons", audit="always"))
    assert (found.changed, found.went_back) == (1, 1)
    assert held(file, "persons") == server.tables[PERSONS]
    clock.advance(86_400)
    assert report_of(await run("persons")).meter.units == 1


@pytest.mark.parametrize("backwards", [0.0, 7_200.0])
async def test_a_server_restored_from_a_backup_is_followed_whatever_the_clock_of_this_machine_does(
    backwards: float, run: Run, server: ListServer, file: pathlib.Path, clock: VirtualClock
) -> None:
    firm.change(server, clock.now() - 600)
    await run("persons")
    clock.advance(86_400)
    clock._now -= backwards
    for number in firm.CHANGED:
        server.put(PERSONS, [firm.record("persons", number, firm.LOADED - 1000.0 - number, title="restored")])
    found = report_of(await run("persons", audit="always"))
    assert found.went_back == len(firm.CHANGED)
    assert held(file, "persons") == server.tables[PERSONS]


async def test_list_and_get_many_hand_out_the_others_and_show_what_they_skip(
    tonic: TonicDM, server: ListServer
) -> None:
    server.answering = breaking(b'"persons 1"', b"NaN")
    with pytest.raises(DecodeError) as caught:
        await tonic.persons.list().all()
    assert len(caught.value.records) == 9
    assert [one.id for one in caught.value.invalid] == [BAD]
    everybody = tonic.persons.list(on_invalid="skip")
    assert len(await everybody.all()) == firm.COUNTS["persons"] - 1
    assert [one.id for one in everybody.skipped] == [BAD]
    with pytest.raises(DecodeError):
        await tonic.persons.get_many([BAD])
    other = firm.record("persons", 2, 0.0)["id"]
    found = await tonic.persons.get_many([BAD, other], on_invalid="skip")
    assert [one.id for one in found] == [other]
    assert ([one.id for one in found.skipped], found.missing) == ([BAD], ())


async def test_a_field_of_another_kind_than_its_model_costs_only_its_record(tonic: TonicDM, server: ListServer) -> None:
    server.answering = breaking(b'"persons 1"', b"[1]")
    with pytest.raises(DecodeError, match=r"name"):
        await tonic.persons.list().all()
    everybody = tonic.persons.list(on_invalid="skip")
    assert len(await everybody.all()) == firm.COUNTS["persons"] - 1
    assert [one.id for one in everybody.skipped] == [BAD]


async def test_a_client_with_a_store_serves_the_others_of_a_call_and_raises_for_the_bad_one(
    server: ListServer, clock: VirtualClock, tonic: TonicDM, file: pathlib.Path
) -> None:
    """One call fetches both; only who asked for the bad one hears of it, and it is not taken for missing."""
    other = firm.record("persons", 2, 0.0)["id"]
    server.answering = breaking(b'"persons 1"', b"NaN")
    async with TonicDM("token", base_url=server.url, budget=tonic.budget, store=file) as cached:
        found = await cached.persons.get_many([BAD, other], on_invalid="skip")
        assert ([one.id for one in found], [one.id for one in found.skipped]) == ([other], [BAD])
        with pytest.raises(DecodeError):
            await cached.persons.get(BAD)
        assert (await cached.persons.get(other)).id == other


async def test_a_client_with_a_store_never_passes_off_the_version_before_as_the_newest(
    run: Run, server: ListServer, tonic: TonicDM, file: pathlib.Path, clock: VirtualClock
) -> None:
    """The copy holds an earlier, sound version; the server's newest can't be read."""
    await run("persons")
    clock.advance(86_400)
    server.put(PERSONS, [firm.record("persons", 1, clock.now() - 600)])
    server.answering = breaking(b'"persons 1"', b"NaN")
    async with TonicDM("token", base_url=server.url, budget=tonic.budget, store=file) as cached:
        with pytest.raises(DecodeError):
            await cached.persons.get(BAD)
        found = await cached.persons.get_many([BAD], on_invalid="skip")
        assert (len(found), len(found.skipped), found.missing) == (0, 1, ())
        server.answering = None
        assert (await cached.persons.get(BAD)).name == "persons 1"


async def test_where_an_element_has_no_id_nothing_that_was_asked_for_counts_as_missing(
    server: ListServer, tonic: TonicDM, file: pathlib.Path
) -> None:
    """It may be any of them; with and without a store."""
    other, gone = firm.record("persons", 2, 0.0)["id"], "f" * 32
    server.answering = breaking(b'"id": "%s"' % BAD.encode(), b'"id": "none"')
    async with TonicDM("token", base_url=server.url, budget=tonic.budget, store=file) as cached:
        for client in (tonic, cached):
            found = await client.persons.get_many([BAD, other, gone], on_invalid="skip")
            assert ([one.id for one in found], len(found.skipped), found.missing) == ([other], 1, ())
            with pytest.raises(DecodeError):
                await client.persons.get_many([BAD, other, gone])


async def test_quarantine_is_decoded_anew_for_nothing_and_never_over_a_later_read(
    run: Run, server: ListServer, file: pathlib.Path
) -> None:
    await run("persons")
    sound = firm.record("persons", 30, firm.LOADED)
    async with Store(file) as store:
        # As a version that could not read them had put them aside.
        def put_aside(db: Any) -> None:
            for item in (sound, firm.record("persons", 2, firm.LOADED + 9, name="older")):
                db.execute(
                    "INSERT INTO quarantine VALUES ('persons', ?, ?, NULL, 1, 'unknown', ?, 'basic', 'list', 0, 0.0)",
                    (item["id"], item["id"], json.dumps(item).encode()),
                )

        await store.write(put_aside)
        units = server.units
        assert await store.retry_quarantine() == (2, 2)
        assert server.units == units
        assert await store.quarantine() == []
    assert held(file, "persons") == {**server.tables[PERSONS], sound["id"]: sound}
