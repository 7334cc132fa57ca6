"""Persons, the staff among them, and the user's own settings."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

from tonicdm.sandbox.world.addresses import embedded
from tonicdm.sandbox.world.firm import ACTIVE, NOTHING, Firm, Record
from tonicdm.sandbox.world.ids import hyphenated
from tonicdm.sandbox.world.noise import column
from tonicdm.sandbox.world.person_slots import addresses, first_slot, me, name_of, staff_count
from tonicdm.sandbox.world.places import brand_disciplines, own_organization
from tonicdm.sandbox.world.stamps import stamp
from tonicdm.sandbox.world.words import TITLES


def is_staff(firm: Firm, rank: int) -> bool:
    """Return whether a person is in the own organization and has a business address (concepts page)."""
    if firm.tables["persons"].links["organization"][rank] != own_organization(firm):
        return False
    return any(firm.record("email_addresses", e).get("type") == "business" for e in addresses(firm, rank))


def person(firm: Firm, rank: int) -> Record:
    """Make a person with the addresses it rolls up."""
    table = firm.tables["persons"]
    noise = firm.noise("persons", rank)
    links = table.links
    person_id = table.id(rank)
    return {
        "id": person_id,
        "datetimeCreated": firm.created(rank),
        "datetimeUpdated": stamp(table.updated[rank], rank),
        "status": firm.status("persons", rank),
        "emailAddresses": [embedded(firm, number, noise, person_id) for number in addresses(firm, rank)],
        "name": name_of(table.slots(rank), noise),
        "title": TITLES[(noise >> 10) % len(TITLES)],
        "deskPhone": None,
        "mobilePhone": None if noise & 0x10000 else f"+44 7{noise >> 36:09d}"[:15],
        "office": firm.maybe("offices", links["office"][rank]),
        "organizationId": firm.maybe_id("organizations", links["organization"][rank]),
        "brandId": firm.maybe_id("brands", links["brand"][rank]),
        "discipline": firm.maybe("disciplines", links["discipline"][rank]),
    }


def rolled_up(firm: Firm, rank: int) -> Record:
    """Make the list of addresses of a person that somebody created."""
    person_id, noise = firm.id("persons", rank), firm.noise("persons", rank)
    return {"emailAddresses": [embedded(firm, number, noise, person_id) for number in addresses(firm, rank)]}


def person_links(firm: Firm) -> Mapping[str, array[int]]:
    """Put persons into brands, and so into organizations, their offices and their disciplines."""
    table, brands = firm.tables["persons"], firm.tables["brands"]
    own, staff = brands.slots.back(0), staff_count(table.ids.count)
    own_brands = {own, brands.slots.back(1)}
    links = firm.draw("persons", "brand", "brands")
    for rank, brand in enumerate(links):
        if table.slots(rank) < staff:
            links[rank] = own
        elif brand in own_brands:
            links[rank] = (
                brands.slots.back(2 + rank % max(1, brands.ids.count - 2)) if brands.ids.count > 2 else NOTHING
            )
    organization = brands.links["organization"]
    organizations = array("I", [NOTHING if brand == NOTHING else organization[brand] for brand in links])
    numbers = column(len(links), firm.seed, "persons", "office")
    return {
        "brand": links,
        "organization": organizations,
        "office": _offices(firm, organizations, numbers, staff),
        "discipline": _disciplines(firm, links, numbers),
    }


def _offices(firm: Firm, organizations: array[int], numbers: array[int], staff: int) -> array[int]:
    """Choose among the offices of a person's organization; contacts often have none (concepts page, "Offices")."""
    of: dict[int, list[int]] = {}
    for rank, organization in enumerate(firm.tables["offices"].links["organization"]):
        of.setdefault(organization, []).append(rank)
    slots = firm.tables["persons"].slots
    return array(
        "I",
        [
            choices[(number >> 4) % len(choices)]
            if (choices := of.get(organization)) and (number & 15 < 10 or slots(rank) < staff)
            else NOTHING
            for rank, (organization, number) in enumerate(zip(organizations, numbers, strict=True))
        ],
    )


def _disciplines(firm: Firm, brands: array[int], numbers: array[int]) -> array[int]:
    """Choose among the disciplines of a person's brand, which limits them (reference, Brand.disciplines)."""
    of = [brand_disciplines(firm, rank) for rank in range(firm.tables["brands"].ids.count)]
    return array(
        "I",
        [
            choices[(number >> 12) % len(choices)] if brand != NOTHING and (choices := of[brand]) else NOTHING
            for brand, number in zip(brands, numbers, strict=True)
        ],
    )


def keep_example(firm: Firm) -> None:
    """Make sure that the own organization, its brands, the user and the page's example are neither old nor deleted."""
    persons = firm.tables["persons"].ids.count
    system = first_slot(persons)
    for record_type, slots in (
        ("organizations", (0,)),
        ("brands", (0, 1)),
        ("persons", (0, 1)),
        ("email_addresses", (0, 1, 2, system, system + 1)),
    ):
        table = firm.tables[record_type]
        for slot in slots:
            table.status[table.slots.back(slot)] = ACTIVE


def user_settings(firm: Firm, rank: int) -> Record:
    """Make the settings of the signed-in user, who is the person in slot 0."""
    table = firm.tables["user_settings"]
    return {
        "id": table.id(rank),
        "personId": hyphenated(firm.id("persons", me(firm))),
        "dailyReminder": False,
        "isOrganizationManager": 1,
        "timezone": "+00:00",
        "division1": {"id": firm.id("disciplines", 0), "name": "Airports"},
        "division2": {"id": firm.id("disciplines", 1), "name": "Studio A"},
        "settingsUpdated": stamp(table.updated[rank], rank),
    }
