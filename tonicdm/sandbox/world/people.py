"""Persons and their email addresses, the staff among them, and the user's own settings."""

from __future__ import annotations

import unicodedata
from array import array
from collections.abc import Mapping

from tonicdm.sandbox.world.firm import Firm
from tonicdm.sandbox.world.ids import hyphenated
from tonicdm.sandbox.world.noise import column
from tonicdm.sandbox.world.places import brand_disciplines, brand_domain, own_organization
from tonicdm.sandbox.world.stamps import FIRST_DAY, date, stamp
from tonicdm.sandbox.world.table import ACTIVE, NOTHING, Record
from tonicdm.sandbox.world.words import FIRST_NAMES, LAST_NAMES, TITLES

STAFF = ("One", "Two")
"""The concepts page's two employees; Two has a second address, and info@ exists at both domains."""

_SYSTEM = ("info", "noreply", "accounts", "projects")
_DELIVERY = ("delivered", "delivered", "unknown", "bounced")


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    return "".join(letter for letter in plain if letter.isalnum()) or "x"


_FIRST = tuple(map(_ascii, FIRST_NAMES))
_LAST = tuple(map(_ascii, LAST_NAMES))


def staff_count(persons: int) -> int:
    """Return how many persons are staff: two in a small firm, as on the concepts page."""
    return 2 if persons < 2_000 else persons // 200


def first_slot(person: int) -> int:
    """Return the slot of a person's first address: of five persons the second has two, the others one."""
    return person + (person + 3) // 5


def owner(slot: int) -> int:
    """Return the slot of the person who has the address in *slot*."""
    fives, rest = divmod(slot, 6)
    return fives * 5 + rest - (rest >= 2)


def addresses(firm: Firm, person: int) -> list[int]:
    """Return the ranks of a person's addresses."""
    persons, emails = firm.tables["persons"], firm.tables["email_addresses"]
    if person >= persons.ids.count:
        return emails.referring("person", person, ())
    slot = persons.slots(person)
    return emails.referring("person", person, map(emails.slots.back, range(first_slot(slot), first_slot(slot + 1))))


def is_staff(firm: Firm, rank: int) -> bool:
    """Return whether a person is in the own organization and has a business address (concepts page)."""
    if firm.tables["persons"].links["organization"][rank] != own_organization(firm):
        return False
    return any(firm.record("email_addresses", e).get("type") == "business" for e in addresses(firm, rank))


def person_name(firm: Firm, rank: int) -> str:
    """Return a seeded person's name."""
    slot = firm.tables["persons"].slots(rank)
    if slot < len(STAFF):
        return f"Employee {STAFF[slot]}"
    noise = firm.noise("persons", rank)
    return f"{FIRST_NAMES[noise & 31]} {LAST_NAMES[(noise >> 5) & 31]}"


def person(firm: Firm, rank: int) -> Record:
    """Make a person with the addresses it rolls up."""
    table = firm.tables["persons"]
    noise = firm.noise("persons", rank)
    links = table.links
    return {
        "id": table.id(rank),
        "datetimeCreated": firm.created("persons", rank),
        "datetimeUpdated": stamp(table.updated[rank], rank),
        "status": firm.status("persons", rank),
        **rolled_up(firm, rank),
        "name": person_name(firm, rank),
        "title": TITLES[(noise >> 10) % len(TITLES)],
        "deskPhone": None,
        "mobilePhone": None if noise & 0x10000 else f"+44 7{noise >> 36:09d}"[:15],
        "office": firm.maybe("offices", links["office"][rank]),
        "organizationId": firm.maybe_id("organizations", links["organization"][rank]),
        "brandId": firm.maybe_id("brands", links["brand"][rank]),
        "discipline": firm.maybe("disciplines", links["discipline"][rank]),
    }


def rolled_up(firm: Firm, rank: int) -> Record:
    """Make the list of a person's addresses."""
    return {"emailAddresses": [embedded(firm, number) for number in addresses(firm, rank)]}


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


def address_text(firm: Firm, rank: int) -> str:
    """Return a seeded email address; all are different."""
    table = firm.tables["email_addresses"]
    slot, brand = table.slots(rank), table.links["brand"][rank]
    domain = "gmail.com" if brand == NOTHING else brand_domain(firm, brand)
    persons = firm.tables["persons"]
    beyond = slot - first_slot(persons.ids.count)
    if beyond >= 0:
        return f"info@{domain}" if beyond < 2 else f"{_SYSTEM[beyond & 3]}.{beyond}@{domain}"
    person = owner(slot)
    if person < len(STAFF):
        return f"{STAFF[person].lower()}@{domain}"
    noise = firm.noise("persons", persons.slots.back(person))
    second = ".b" if slot > first_slot(person) else ""
    return f"{_FIRST[noise & 31]}.{_LAST[(noise >> 5) & 31]}.{person}{second}@{domain}"


def email_text(firm: Firm, rank: int) -> str | None:
    """Return an email address as it is now, None when it has no text."""
    table = firm.tables["email_addresses"]
    patch = table.patches.get(rank)
    if patch is not None and "emailAddress" in patch:
        return str(patch["emailAddress"])
    return address_text(firm, rank) if rank < table.ids.count else None


def _core(firm: Firm, rank: int) -> Record:
    """Return the fields of an address that a person embeds (reference, PersonEmailAddress)."""
    table = firm.tables["email_addresses"]
    noise = firm.noise("email_addresses", rank)
    person = table.links["person"][rank]
    slot = table.slots(rank)
    number = owner(slot)
    return {
        "id": table.id(rank),
        **({} if person == NOTHING else {"personId": firm.id("persons", person)}),
        "status": firm.status("email_addresses", rank),
        "emailAddress": address_text(firm, rank),
        "name": "" if person == NOTHING else person_name(firm, firm.tables["persons"].slots.back(number)),
        "title": TITLES[noise % len(TITLES)],
        "deskphoneCountryCode": 44,
        "deskphoneNumber": 2_000_000_000 + (noise >> 30) % 90_000_000,
        "deskphoneExtension": noise & 255,
        "mobilephoneCountryCode": 44,
        "mobilephoneNumber": 7_000_000_000 + (noise >> 20) % 90_000_000,
        "dateActive": date(FIRST_DAY + (noise >> 8) % 60_000_000),
        "isPrime": slot == first_slot(number),
        "customerDataWarehouseId": f"dw-{slot}",
        "customerCrmId": f"crm-{slot}",
    }


def email_address(firm: Firm, rank: int) -> Record:
    """Make an email address."""
    table = firm.tables["email_addresses"]
    links = table.links
    noise = firm.noise("email_addresses", rank)
    return {
        **_core(firm, rank),
        "type": _type(firm, rank, noise),
        "deliveryStatus": _DELIVERY[(noise >> 40) & 3],
        "brandId": firm.maybe_id("brands", links["brand"][rank]),
        "office": firm.maybe("offices", links["office"][rank]),
        "discipline": firm.maybe("disciplines", links["discipline"][rank]),
        "datetimeCreated": firm.created("email_addresses", rank),
        "datetimeUpdated": stamp(table.updated[rank], rank),
    }


def _type(firm: Firm, rank: int, noise: int) -> str:
    links = firm.tables["email_addresses"].links
    if links["person"][rank] == NOTHING and rank < firm.tables["email_addresses"].ids.count:
        return "system"
    if links["brand"][rank] == NOTHING:
        return "personal"
    slot = firm.tables["email_addresses"].slots(rank)
    return (
        "misspelled" if noise & 63 == 0 and owner(slot) >= staff_count(firm.tables["persons"].ids.count) else "business"
    )


EMBEDDED = (
    "id", "personId", "status", "emailAddress", "name", "title",
    "deskphoneCountryCode", "deskphoneNumber", "deskphoneExtension", "mobilephoneCountryCode", "mobilephoneNumber",
    "dateActive", "dateInactive", "isPrime", "customerDataWarehouseId", "customerErpId", "customerCrmId",
)  # fmt: skip
"""Fields of an address inside a person."""


def embedded(firm: Firm, rank: int) -> Record:
    """Return an address as a person shows it."""
    table = firm.tables["email_addresses"]
    if rank not in table.patches and rank < table.ids.count:
        return _core(firm, rank)
    record = firm.record("email_addresses", rank)
    return {name: record[name] for name in EMBEDDED if name in record}


def email_links(firm: Firm) -> Mapping[str, array[int]]:
    """Give addresses to persons; the rest are system addresses of brands."""
    table, persons, brands = firm.tables["email_addresses"], firm.tables["persons"], firm.tables["brands"]
    owned, back, slots = first_slot(persons.ids.count), persons.slots.back, table.slots
    links = {name: array("I", [NOTHING]) * table.ids.count for name in ("person", "office", "discipline")}
    links["brand"] = firm.draw("email_addresses", "brand", "brands", none=0.5)
    for rank in range(table.ids.count):
        slot = slots(rank)
        if slot >= owned:
            if slot - owned < 2 or links["brand"][rank] == NOTHING:
                links["brand"][rank] = brands.slots.back((slot - owned) % brands.ids.count)
            continue
        number = owner(slot)
        person = links["person"][rank] = back(number)
        links["office"][rank] = persons.links["office"][person]
        links["discipline"][rank] = persons.links["discipline"][person]
        if slot == first_slot(number):
            links["brand"][rank] = persons.links["brand"][person]
        elif number == 1:
            links["brand"][rank] = brands.slots.back(1)
    return links


def keep_example(firm: Firm) -> None:
    """Make sure that the own organization, its brands, the user and the page's example are neither old nor deleted."""
    persons = firm.tables["persons"].ids.count
    system = first_slot(persons)
    for kind, slots in (
        ("organizations", (0,)),
        ("brands", (0, 1)),
        ("persons", (0, 1)),
        ("email_addresses", (0, 1, 2, system, system + 1)),
    ):
        table = firm.tables[kind]
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


def me(firm: Firm) -> int:
    """Return the rank of the signed-in user's person."""
    return firm.tables["persons"].slots.back(0)
