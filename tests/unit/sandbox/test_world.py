"""The seeded firm: deterministic, consistent, changeable."""

import json
import re

import pytest

from tests.cases import for_each
from tonicdm.sandbox import World
from tonicdm.sandbox.world import people, person_slots
from tonicdm.sandbox.world.noise import Shuffle
from tonicdm.sandbox.world.record_types import MIN_RECORDS, MIN_RECORDS_UNGROUPED, RECORD_TYPES, counts

WORLD = World(2_000, seed=3)
TYPES = WORLD.types


def everything(world):
    return {record_type: list(world.records(record_type)) for record_type in world.types}


def test_same_arguments_give_byte_identical_records():
    texts = [json.dumps(everything(World(700, seed=9)), ensure_ascii=False) for _ in range(2)]
    assert texts[0] == texts[1]
    assert texts[0] != json.dumps(everything(World(700, seed=10)), ensure_ascii=False)


@for_each("records", [*range(MIN_RECORDS, MIN_RECORDS + 200), 1_000, 12_345])
def test_world_has_exactly_the_records_asked_for(records):
    sizes = counts(records)
    assert sum(sizes.values()) == records
    assert min(sizes.values()) > 0


@for_each(
    ("name", "fewest", "grouped"),
    [("MIN_RECORDS", MIN_RECORDS, True), ("MIN_RECORDS_UNGROUPED", MIN_RECORDS_UNGROUPED, False)],
)
def test_from_the_fewest_records_on_every_number_makes_a_world(name, fewest, grouped):
    """A new record type raises both numbers; the message says to what."""

    def is_too_small(records):
        try:
            counts(records, grouped=grouped)
        except ValueError:
            return True
        return False

    right = 1 + max(filter(is_too_small, range(1_000)))
    assert fewest == right, f"{name} in tonicdm/sandbox/world/record_types.py must be {right}"


@for_each(("fewest", "grouped"), [(MIN_RECORDS, True), (MIN_RECORDS_UNGROUPED, False)])
def test_too_small_a_world_says_what_is_possible(fewest, grouped):
    with pytest.raises(ValueError, match=f"at least {fewest} records, not {fewest - 1}"):
        World(fewest - 1, grouped=grouped)
    assert World(fewest, grouped=grouped).types


@for_each("count", [1, 2, 3, 10, 97, 1000])
def test_shuffle_is_a_permutation_that_goes_back(count):
    shuffle = Shuffle(count, "x")
    assert sorted(map(shuffle, range(count))) == list(range(count))
    assert all(shuffle.back(shuffle(n)) == n for n in range(count))


@for_each("record_type", TYPES)
def test_ids_are_compact_ordered_and_lead_back_to_their_records(record_type):
    ids = WORLD.ids(record_type)
    assert ids == sorted(set(ids))
    assert all(re.fullmatch("[0-9a-f]{32}", i) for i in ids)
    assert [r["id"].replace("-", "") for r in WORLD.records(record_type)] == ids
    assert WORLD.get(record_type, ids[0].upper())["id"].replace("-", "") == ids[0]
    assert WORLD.get(record_type, f"{int(ids[0], 16) ^ 1:032x}") is None


def test_no_id_belongs_to_two_types():
    ids = [i for record_type in TYPES for i in WORLD.ids(record_type)]
    assert len(ids) == len(set(ids))


@for_each("record_type", RECORD_TYPES, ids=lambda k: k.name)
def test_every_reference_exists_and_complete_expands_it_by_one_level(record_type):
    for rank in range(WORLD.count(record_type.name)):
        basic = WORLD.firm.record(record_type.name, rank)
        full = WORLD.firm.complete(record_type.name, rank)
        for link in record_type.links.values():
            value = basic.get(link.field)
            if value is not None:
                assert WORLD.get(link.target, value["id"] if isinstance(value, dict) else value) is not None
        for field, target in record_type.references.items():
            stubs, whole = ((r.get(field) if isinstance(r.get(field), list) else [r.get(field)]) for r in (basic, full))
            for stub, record in zip(stubs, whole, strict=True):
                if stub is not None:
                    assert set(stub) == {"id", "datetimeUpdated"}
                    assert record == WORLD.get(target, stub["id"])


def test_two_staff_of_the_concepts_page():
    """One has one address, Two has two at different domains, info@ exists at both: the staff list shows 2."""
    firm = WORLD.firm
    staff = [rank for rank in range(WORLD.count("persons")) if people.is_staff(firm, rank)]
    assert sorted(person_slots.person_name(firm, rank) for rank in staff) == ["Employee One", "Employee Two"]
    addresses = {r["emailAddress"] for r in WORLD.records("email_addresses")}
    assert addresses >= {
        "one@pacific-architects.com",
        "two@pacific-architects.com",
        "two@pacific-engineers.com",
        "info@pacific-architects.com",
        "info@pacific-engineers.com",
    }


def test_addresses_and_domains_are_unique():
    addresses = [r["emailAddress"] for r in WORLD.records("email_addresses")]
    assert len(addresses) == len(set(addresses))
    domains = [d for r in WORLD.records("brands") for d in r["domains"]]
    assert len(domains) == len(set(domains))


def test_each_organization_has_a_brand_with_a_domain():
    with_domain = {r["organizationId"] for r in WORLD.records("brands") if r["domains"]}
    assert with_domain == set(WORLD.ids("organizations"))


def test_persons_offices_are_those_of_their_organization():
    for person in WORLD.records("persons"):
        if person["office"] is not None:
            office = WORLD.get("offices", person["office"]["id"])
            assert office["organizationId"] == person["organizationId"]


def test_person_rolls_up_the_addresses_that_name_it():
    rolled = {(p["id"], a["id"]) for p in WORLD.records("persons") for a in p["emailAddresses"]}
    named = {(a["personId"], a["id"]) for a in WORLD.records("email_addresses") if a.get("personId")}
    assert rolled == named


def test_some_records_are_inactive_or_deleted_and_equal_timestamps_are_common():
    for status in ("inactive", "deleted"):
        assert 0 < WORLD.count("email_addresses", status) < WORLD.count("email_addresses") // 10
    stamps = [r["datetimeUpdated"] for r in WORLD.records("email_addresses")]
    assert len(set(stamps)) < len(stamps)
    assert {s[19:] for s in stamps} == {"Z", "+00:00", "+00:01"}


def test_changes_show_at_once_and_move_the_timestamp():
    world = World(700, now=lambda: 1_800_000_000.9)
    office, other = world.ids("offices")[:2]
    world.update("offices", office, name="New", extra={"a": 1})
    record = world.get("offices", office)
    assert (record["name"], record["extra"]) == ("New", {"a": 1})
    assert record["datetimeUpdated"].startswith("2027-01-15T08:0")
    person = world.ids("persons")[0]
    world.update("persons", person, office={"id": other})
    assert world.get("persons", person)["office"] == world.firm.stub("offices", world.table("offices").rank(other))
    world.touch("offices", other, at=0)
    assert world.get("persons", person)["office"]["datetimeUpdated"].startswith("1970-01-01")


def test_address_moved_to_another_person_moves_in_both():
    world = World(700)
    first, second = world.ids("persons")[:2]
    address = world.get("persons", first)["emailAddresses"][0]["id"]
    world.update("email_addresses", address, personId=second, name="Moved")
    assert address not in [a["id"] for a in world.get("persons", first)["emailAddresses"]]
    moved = [a for a in world.get("persons", second)["emailAddresses"] if a["id"] == address]
    assert moved[0]["name"] == "Moved"


def test_created_records_stand_in_the_order_of_ids_and_deleted_ones_are_gone():
    world = World(700)
    made = [world.create("offices", name=f"n{n}") for n in range(20)]
    ids = world.ids("offices")
    assert ids == sorted(ids)
    assert set(made) < set(ids)
    world.delete("offices", made[0])
    world.delete("offices", ids[0])
    assert world.get("offices", made[0]) is None
    assert world.ids("offices") == [i for i in ids if i not in {made[0], ids[0]}]
    assert world.count("offices") == len(ids) - 2
    world.delete("offices", ids[1], soft=True)
    assert world.get("offices", ids[1])["status"] == "deleted"


def test_reference_to_nothing_changes_nothing():
    world = World(700)
    office = world.ids("offices")[0]
    before = world.get("offices", office)
    with pytest.raises(KeyError):
        world.update("offices", office, name="x", organizationId="0" * 32)
    with pytest.raises(KeyError):
        world.create("offices", organizationId="0" * 32)
    assert world.get("offices", office) == before
    assert world.count("offices") == World(700).count("offices")


def test_snapshot_is_independent_of_later_changes():
    world = World(700)
    before = everything(world)
    taken = world.snapshot()
    for record_type in ("persons", "rfis", "files"):
        world.create(record_type)
        world.delete(record_type, world.ids(record_type)[0])
    world.restore(taken)
    assert everything(world) == before
    world.create("offices", name="x")
    world.restore(taken)
    assert everything(world) == before


def test_a_record_costs_a_few_bytes_until_somebody_changes_it():
    """A million records fit in some tens of megabytes: nothing but columns is kept."""
    world = World(50_000)
    size = 0
    for record_type in world.types:
        table = world.table(record_type)
        columns = [table.updated, *table.links.values()]
        size += len(table.status) + sum(column.itemsize * len(column) for column in columns)
        assert not table.patches
    assert size / 50_000 < 40


def test_records_handed_out_are_copies():
    world = World(700)
    person = next(r for r in world.records("persons") if r["office"])
    person["office"]["id"] = "changed"
    person["emailAddresses"].clear()
    again = world.get("persons", person["id"])
    assert again["office"]["id"] != "changed"
    assert again["emailAddresses"]


def test_prepared_lists_notice_changes_of_other_types():
    """A list that depends on another type's records, as the staff list does, is made anew after any change."""
    world = World(700)
    table = world.table("persons")
    staff = [("staff", lambda rank: people.is_staff(world.firm, rank))]
    before = list(table.select([0], staff))
    for address in world.get("persons", table.id(before[0]))["emailAddresses"]:
        world.update("email_addresses", address["id"], type="personal")
    assert list(table.select([0], staff)) == before[1:]
