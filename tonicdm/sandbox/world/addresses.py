"""Email addresses: of persons, and of systems at a brand's domain."""

from __future__ import annotations

import unicodedata
from array import array
from collections.abc import Mapping

from tonicdm.sandbox.world.firm import NOTHING, STATUSES, Firm, Record
from tonicdm.sandbox.world.person_slots import STAFF, first_slot, name_of, owner, staff_count
from tonicdm.sandbox.world.places import brand_domain
from tonicdm.sandbox.world.stamps import FIRST_DAY, date, stamp
from tonicdm.sandbox.world.words import FIRST_NAMES, LAST_NAMES, TITLES

_SYSTEM = ("info", "noreply", "accounts", "projects")
_DELIVERY = ("delivered", "delivered", "unknown", "bounced")


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    return "".join(letter for letter in plain if letter.isalnum()) or "x"


_FIRST = tuple(map(_ascii, FIRST_NAMES))
_LAST = tuple(map(_ascii, LAST_NAMES))


EMBEDDED = (
    "id", "personId", "status", "emailAddress", "name", "title",
    "deskphoneCountryCode", "deskphoneNumber", "deskphoneExtension", "mobilephoneCountryCode", "mobilephoneNumber",
    "dateActive", "dateInactive", "isPrime", "customerDataWarehouseId", "customerErpId", "customerCrmId",
)  # fmt: skip
"""Fields of an address inside a person."""


def address_text(firm: Firm, rank: int) -> str:
    """Return a seeded email address; all are different."""
    persons = firm.tables["persons"]
    slot = firm.tables["email_addresses"].slots(rank)
    if slot >= first_slot(persons.ids.count):
        return _text(firm, rank, slot, slot, 0)
    person = owner(slot)
    return _text(firm, rank, slot, person, firm.noise("persons", persons.slots.back(person)))


def _text(firm: Firm, rank: int, slot: int, person: int, noise: int) -> str:
    """Return an address, given its slot, its person's slot and the noise of the person's record."""
    brand = firm.tables["email_addresses"].links["brand"][rank]
    domain = "gmail.com" if brand == NOTHING else brand_domain(firm, brand, person)
    if person < len(STAFF):
        return f"{STAFF[person].lower()}@{domain}"
    beyond = slot - first_slot(firm.tables["persons"].ids.count)
    if beyond >= 0:
        return f"info@{domain}" if beyond < 2 else f"{_SYSTEM[beyond & 3]}.{beyond}@{domain}"
    second = ".b" if slot > first_slot(person) else ""
    return f"{_FIRST[noise & 31]}.{_LAST[(noise >> 5) & 31]}.{person}{second}@{domain}"


def email_text(firm: Firm, rank: int) -> str | None:
    """Return an email address as it is now, None when it has no text."""
    table = firm.tables["email_addresses"]
    patch = table.patches.get(rank)
    if patch is not None and "emailAddress" in patch:
        return str(patch["emailAddress"])
    return address_text(firm, rank) if rank < table.ids.count else None


def _core(firm: Firm, rank: int, slot: int, person: int, kin: int, person_id: str | None) -> Record:
    """Return the fields of an address that a person embeds (reference, PersonEmailAddress).

    Args:
        firm: The records.
        rank: The address.
        slot: Its slot.
        person: Slot of the person it was seeded for; its own slot for a system address.
        kin: Noise of that person's record.
        person_id: ID of the person who has it now.
    """
    table = firm.tables["email_addresses"]
    noise = firm.noise("email_addresses", rank)
    # Built in one go: a page of a thousand persons holds twelve hundred of these.
    return {
        "id": table.id(rank),
        **({} if person_id is None else {"personId": person_id}),
        "status": STATUSES[table.status[rank]],
        "emailAddress": _text(firm, rank, slot, person, kin),
        "name": name_of(person, kin) if kin else "",
        "title": TITLES[noise % len(TITLES)],
        "deskphoneCountryCode": 44,
        "deskphoneNumber": 2_000_000_000 + (noise >> 30) % 90_000_000,
        "deskphoneExtension": noise & 255,
        "mobilephoneCountryCode": 44,
        "mobilephoneNumber": 7_000_000_000 + (noise >> 20) % 90_000_000,
        "dateActive": date(FIRST_DAY + (noise >> 8) % 60_000_000),
        "isPrime": not kin or slot == first_slot(person),
        "customerDataWarehouseId": f"dw-{slot}",
        "customerCrmId": f"crm-{slot}",
    }


def email_address(firm: Firm, rank: int) -> Record:
    """Make an email address."""
    table, persons = firm.tables["email_addresses"], firm.tables["persons"]
    links = table.links
    slot = table.slots(rank)
    system = slot >= first_slot(persons.ids.count)
    person = slot if system else owner(slot)
    kin = 0 if system else firm.noise("persons", persons.slots.back(person))
    noise = firm.noise("email_addresses", rank)
    contact = person >= staff_count(persons.ids.count)
    made = _core(firm, rank, slot, person, kin, firm.maybe_id("persons", links["person"][rank]))
    made |= {
        "type": _type(links["brand"][rank], noise, system=system, contact=contact),
        "deliveryStatus": _DELIVERY[(noise >> 40) & 3],
        "brandId": firm.maybe_id("brands", links["brand"][rank]),
        "office": firm.maybe("offices", links["office"][rank]),
        "discipline": firm.maybe("disciplines", links["discipline"][rank]),
        "datetimeCreated": firm.created(rank),
        "datetimeUpdated": stamp(table.updated[rank], rank),
    }
    return made


def _type(brand: int, noise: int, *, system: bool, contact: bool) -> str:
    """Return the type that is assigned automatically (concepts page, "Email Addresses, Persons and Staff")."""
    if system:
        return "system"
    if brand == NOTHING:
        return "personal"
    return "misspelled" if contact and noise & 63 == 0 else "business"


def embedded(firm: Firm, rank: int, kin: int, person_id: str) -> Record:
    """Return an address as a person shows it.

    Args:
        firm: The records.
        rank: The address.
        kin: Noise of the record of the person who shows it.
        person_id: ID of that person.
    """
    table = firm.tables["email_addresses"]
    if rank not in table.patches and rank < table.ids.count and rank not in table.strangers:
        slot = table.slots(rank)
        return _core(firm, rank, slot, owner(slot), kin, person_id)
    record = firm.record("email_addresses", rank)
    return {name: record[name] for name in EMBEDDED if name in record}


def email_links(firm: Firm) -> Mapping[str, array[int]]:
    """Give addresses to persons; the rest are system addresses of brands."""
    table, persons, brands = firm.tables["email_addresses"], firm.tables["persons"], firm.tables["brands"]
    owned, back, slots = first_slot(persons.ids.count), persons.slots.back, table.slots
    staff = staff_count(persons.ids.count)
    links = {name: array("I", [NOTHING]) * table.ids.count for name in ("person", "office", "discipline")}
    links["brand"] = firm.draw("email_addresses", "brand", "brands", none=0.5)
    for rank in range(table.ids.count):
        slot = slots(rank)
        if slot >= owned:
            if slot - owned < 2 or links["brand"][rank] == NOTHING:
                links["brand"][rank] = brands.slots.back((slot - owned) % brands.ids.count)
            continue
        number = owner(slot)
        person = back(number)
        # Without the licence a contact's second address is nobody's: they can't be grouped by person.
        grouped = firm.grouped or number < staff or slot == first_slot(number)
        links["person"][rank] = person if grouped else NOTHING
        links["office"][rank] = persons.links["office"][person]
        links["discipline"][rank] = persons.links["discipline"][person]
        if slot == first_slot(number):
            links["brand"][rank] = persons.links["brand"][person]
        elif number == 1:
            links["brand"][rank] = brands.slots.back(1)
    return links
