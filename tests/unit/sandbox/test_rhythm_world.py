"""The made-up association, its executions and tokens, without a server."""

import tracemalloc

import pytest

from tonicdm.sandbox.rhythm.association import World
from tonicdm.sandbox.rhythm.jobs import Execution, write
from tonicdm.sandbox.rhythm.settings import RhythmSettings
from tonicdm.sandbox.rhythm.tokens import Client, GrantRefusal, Issuer, decode_jwt, encode_jwt

NOW = 1_800_000_000.0


def test_same_seed_gives_the_same_records_and_another_seed_others():
    one, same, other = World(50, 1, NOW), World(50, 1, NOW), World(50, 2, NOW)
    for record_type, table in one.tables.items():
        rows = [table.record(rank) for rank in table.ranks()]
        assert rows == [same.tables[record_type].record(rank) for rank in same.tables[record_type].ranks()]
        assert rows != [other.tables[record_type].record(rank) for rank in other.tables[record_type].ranks()]


def test_two_hundred_thousand_contacts_cost_nothing_until_they_are_read():
    tracemalloc.start()
    world = World(200_000, 1, NOW)
    table = world.tables["contacts"]
    record = table.record(199_999)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert table.rank(record["id"]) == 199_999
    assert size < 4_000_000


def test_ids_and_addresses_are_unique_and_found_again():
    world = World(3_000, 1, NOW)
    table = world.tables["contacts"]
    ids = [table.id(rank) for rank in table.ranks()]
    addresses = [table.value(rank, "email_address") for rank in table.ranks()]
    assert ids == sorted(set(ids))
    assert len(set(addresses)) == 3_000
    assert [world.by_email(address.upper()) for address in addresses] == list(table.ranks())
    assert world.by_email("nobody@x.test") is None


def test_one_value_is_that_of_the_whole_record():
    world = World(40, 1, NOW)
    world.tables["contacts"].put(3, {"id": "x", "first_name": "y"}, NOW)
    for record_type, table in world.tables.items():
        for rank in table.ranks():
            record = table.record(rank)
            assert {name: world.reach(record_type, rank, name) for name in record} == record


def test_references_lead_to_records():
    world = World(400, 1, NOW)
    contacts, organizations = world.tables["contacts"], world.tables["organizations"]
    for rank in contacts.ranks():
        record = contacts.record(rank)
        if "organization_id" in record:
            place = organizations.rank(record["organization_id"])
            assert organizations.value(place, "name") == record["organization_name"]
            assert world.reach("contacts", rank, "organization.name") == record["organization_name"]
    for rank in world.tables["memberships"].ranks():
        assert world.reach("memberships", rank, "contact.name") == world.reach("memberships", rank, "name")


def test_copy_does_not_see_what_happens_later():
    world = World(10, 1, NOW)
    copy = world.copy()
    table = world.tables["contacts"]
    before = table.record(0)
    table.put(0, {**before, "job_title": "Chair"}, NOW)
    table.add({"first_name": "x"}, NOW)
    table.remove(1)
    assert copy.tables["contacts"].record(0) == before
    assert list(copy.tables["contacts"].ranks()) == list(range(10))
    assert list(table.ranks()) == [0, *range(2, 11)]
    assert len(table) == 10


def test_no_seeded_change_lies_in_the_future():
    table = World(500, 1, NOW).tables["contacts"]
    stamps = [
        (table.value(rank, "sys_created_at"), table.value(rank, "sys_last_modified_at")) for rank in table.ranks()
    ]
    assert all("2021" <= created <= modified < "2025" for created, modified in stamps)


@pytest.mark.parametrize(
    ("seconds", "status"), [(0, "SUBMITTED"), (0.9, "SUBMITTED"), (1, "RUNNING"), (10.9, "RUNNING"), (11, "FAILED")]
)
def test_execution_goes_through_its_states_by_the_clock(seconds, status):
    execution = Execution(
        machine="m", id="i", input={}, started=NOW, submitted_seconds=1, seconds=10, outcome="FAILED", output={}
    )
    assert execution.status(NOW + seconds) == status
    assert execution.is_running(NOW + seconds) is (status != "FAILED")


def test_token_is_read_back_and_a_changed_one_is_not():
    token = encode_jwt({"a": "ü"}, b"key")
    assert decode_jwt(token, b"key") == {"a": "ü"}
    assert decode_jwt(token, b"other") is None
    head, body, signature = token.split(".")
    for changed in ("", "x", "é.é.é", f"{head}.{body}", f"{head}.{body}x.{signature}"):
        assert decode_jwt(changed, b"key") is None


def test_thousandth_token_of_a_month_is_the_last():
    issuer = Issuer(RhythmSettings())
    form = {"grant_type": "client_credentials", "client_secret": "s", "audience": issuer.settings.audience}
    for name in ("one", "two"):
        issuer.clients[name] = Client(name, "s", "t", "c")
    for number in range(1000):
        issuer.grant({**form, "client_id": ("one", "two")[number % 2]}, NOW + number)
    with pytest.raises(GrantRefusal) as refused:
        issuer.grant({**form, "client_id": "one"}, NOW + 1001)
    assert refused.value.status == 429
    assert len(issuer.minted(client_id="one", month="2027-01")) == 500


def test_result_file_is_written_without_holding_its_rows(tmp_path):
    """Three megabytes of rows pass through less than one."""
    rows = ([rank, "x" * 100] for rank in range(30_000))
    tracemalloc.start()
    write(tmp_path / "rows.csv", "csv", ["id", "text"], rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "rows.csv").stat().st_size > 3_000_000
    assert peak < 1_000_000


def test_settings_refuse_what_is_none_of_their_choices():
    settings = RhythmSettings()
    for bad in ({"page_size": 0}, {"key_form": "number"}, {"query_statuses": ["a"]}, {"empty_page_rate": 2}, {"x": 1}):
        with pytest.raises(ValueError):
            settings.update(bad)
    assert settings == RhythmSettings()
