"""Organizations, brands, offices, disciplines, certification definitions and tenants."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

from tonicdm.sandbox.world.firm import NOTHING, Firm, Record
from tonicdm.sandbox.world.noise import column
from tonicdm.sandbox.world.stamps import stamp
from tonicdm.sandbox.world.words import (
    CERTIFICATIONS,
    CITIES,
    COMPANY_WORDS,
    DISCIPLINES,
    STREETS,
    TRADES,
    ZONES,
)

OWN_DOMAINS = ("pacific-architects.com", "pacific-engineers.com")
"""Domains of the own organization's two brands (concepts page, "Email Addresses, Persons and Staff")."""
OWN_BRANDS = (("Pacific Architects Ltd.", "Pacific Architects", "PA"), ("Pacific Engineers Ltd.", "Pacific Eng.", "PE"))
_DOMAIN_WORDS = tuple(word.lower() for word in COMPANY_WORDS)
INDUSTRY_ROLES = ("generalcontractor", "primeconsultant", "owner", "subcontractor")
CUSTOMER_TYPES = ("paid", "none", "pilot", "unpaid", "former")


def own_organization(firm: Firm) -> int:
    """Return the rank of the own organization: the one in slot 0."""
    return firm.tables["organizations"].slots.back(0)


def company(noise: int) -> str:
    """Return a company's name."""
    return f"{COMPANY_WORDS[noise & 15]} {TRADES[(noise >> 4) & 7]}"


def organization(firm: Firm, rank: int) -> Record:
    """Make an organization; the reference shows its id only, so every other field is unlisted."""
    table = firm.tables["organizations"]
    noise = firm.noise("organizations", rank)
    own = table.slots(rank) == 0 and rank < table.ids.count
    return {
        "id": table.id(rank),
        "datetimeCreated": firm.created(rank),
        "datetimeUpdated": stamp(table.updated[rank], rank),
        "status": firm.status("organizations", rank),
        "name": "Pacific" if own else company(noise),
        "isTenant": own,
        "discipline": firm.maybe("disciplines", table.links["discipline"][rank]),
    }


def organization_links(firm: Firm) -> Mapping[str, array[int]]:
    """Give each organization a discipline."""
    return {"discipline": firm.draw("organizations", "discipline", "disciplines", none=0.1)}


def brand_disciplines(firm: Firm, rank: int) -> list[int]:
    """Return the disciplines of a seeded brand: its first and up to two that follow it in the list."""
    first = firm.tables["brands"].links["discipline"][rank]
    if first == NOTHING:
        return []
    size = firm.tables["disciplines"].ids.count
    return [(first + step) % size for step in range(min(size, 1 + firm.noise("brands", rank) % 3))]


def brand_domain(firm: Firm, rank: int, person: int = 0) -> str:
    """Return the mail domain that a person has at a seeded brand; no two brands have the same one.

    Args:
        firm: The records.
        rank: The brand.
        person: Slot of the person; where a brand has two domains, every other one has the second.
    """
    slot = firm.tables["brands"].slots(rank)
    if slot < len(OWN_DOMAINS):
        return OWN_DOMAINS[slot]
    second = "-group" if person & 1 and _has_two_domains(firm, slot) else ""
    return f"{_DOMAIN_WORDS[slot & 15]}{second}-{slot}.com"


def _has_two_domains(firm: Firm, slot: int) -> bool:
    """Return whether a brand has several domains, which contacts can have by licence only (concepts page, "Brands")."""
    return firm.grouped and slot >= len(OWN_DOMAINS) and slot % 4 == 2


def _domains(firm: Firm, rank: int, slot: int) -> list[str]:
    first = brand_domain(firm, rank)
    return [first, brand_domain(firm, rank, 1)] if _has_two_domains(firm, slot) else [first]


def brand(firm: Firm, rank: int) -> Record:
    """Make a brand."""
    table = firm.tables["brands"]
    noise = firm.noise("brands", rank)
    slot = table.slots(rank)
    name = company(noise)
    long, short, initials = OWN_BRANDS[slot] if slot < 2 else (f"{name} {slot} Inc.", name, name[:1] + "X")
    # The first brand of an organization has its domain; a later one may have none (concepts page, "Brands").
    first = slot < 2 or slot <= firm.tables["organizations"].ids.count
    return {
        "id": table.id(rank),
        "status": firm.status("brands", rank),
        "domains": _domains(firm, rank, slot) if first or noise & 3 else [],
        "nameLong": long,
        "nameShort": short,
        "nameInitials": initials,
        "disciplines": [firm.stub("disciplines", number) for number in brand_disciplines(firm, rank)],
        "organizationId": firm.maybe_id("organizations", table.links["organization"][rank]),
        "isPrime": slot != 1 and first,
        "customerDataWarehouseId": f"dw-{slot}",
        "customerErpId": f"erp-{slot}",
        "customerCrmId": f"crm-{slot}",
        "datetimeCreated": firm.created(rank),
        "datetimeUpdated": stamp(table.updated[rank], rank),
    }


def brand_links(firm: Firm) -> Mapping[str, array[int]]:
    """Give each organization one brand, the own one two, and spread the others over those of contacts."""
    organizations = firm.tables["organizations"]
    slots, count = firm.tables["brands"].slots, organizations.ids.count
    links = array("I", [NOTHING]) * firm.tables["brands"].ids.count
    for rank in range(len(links)):
        slot = slots(rank)
        further = 1 + (slot - count - 1) * 7 % max(1, count - 1)
        links[rank] = organizations.slots.back(max(0, slot - 1) if slot <= count else further % count)
    return {
        "organization": links,
        "discipline": firm.draw("brands", "discipline", "disciplines", none=0.05),
    }


def office(firm: Firm, rank: int) -> Record:
    """Make an office; its address comes back with <br> for each new line (reference)."""
    table = firm.tables["offices"]
    noise = firm.noise("offices", rank)
    city = CITIES[noise % len(CITIES)]
    return {
        "id": table.id(rank),
        "organizationId": firm.maybe_id("organizations", table.links["organization"][rank]),
        "datetimeCreated": firm.created(rank),
        "datetimeUpdated": stamp(table.updated[rank], rank),
        "status": firm.status("offices", rank),
        "name": f"{city} {1 + (noise >> 8) % 99}",
        "address": f"{1 + (noise >> 16) % 400} {STREETS[(noise >> 24) % len(STREETS)]}<br>{city}",
        "phoneCountryCode": (1, 44, 49, 353)[(noise >> 32) & 3],
        "phoneNumber": 2_000_000_000 + (noise >> 34) % 900_000_000,
        "timezone": ("Europe/London", "America/Los_Angeles")[(noise >> 40) & 1],
    }


def office_links(firm: Firm) -> Mapping[str, array[int]]:
    """Give the own organization every other office: contacts typically have minimal data (concepts page)."""
    own = own_organization(firm)
    links = firm.draw("offices", "organization", "organizations")
    numbers = column(len(links), firm.seed, "offices", "own")
    return {"organization": array("I", [own if n & 1 else link for n, link in zip(numbers, links, strict=True)])}


def discipline(firm: Firm, rank: int) -> Record:
    """Make a discipline."""
    table = firm.tables["disciplines"]
    initials, short, long = DISCIPLINES[rank % len(DISCIPLINES)]
    return {
        "id": table.id(rank),
        "nameInitials": initials,
        "nameShort": short,
        "nameLong": long,
        "initiatesRfi": rank % 2 == 0,
        "datetimeUpdated": stamp(table.updated[rank], rank),
    }


def certification_definition(firm: Firm, rank: int) -> Record:
    """Make a certification definition; the reference shows no field of it."""
    table = firm.tables["certification_definitions"]
    return {
        "id": table.id(rank),
        "status": firm.status("certification_definitions", rank),
        "name": CERTIFICATIONS[rank % len(CERTIFICATIONS)],
        "appliesTo": ["person", "project"][rank % 2 :],
        "datetimeUpdated": stamp(table.updated[rank], rank),
    }


def tenant(firm: Firm, rank: int) -> Record:
    """Make a tenant as the Global service shows it; slot 0 is the own one."""
    table = firm.tables["tenants"]
    slot = table.slots(rank)
    return {
        "id": table.id(rank),
        "status": firm.status("tenants", rank),
        "domain": OWN_DOMAINS[0] if slot == 0 else f"tenant-{slot}.com",
        "domains": list(OWN_DOMAINS) if slot == 0 else [f"tenant-{slot}.com"],
        "zone": firm.zone if slot == 0 else ZONES[slot % 3],
        "industryRole": INDUSTRY_ROLES[(slot + 1) % len(INDUSTRY_ROLES)],
        "customerType": CUSTOMER_TYPES[slot % len(CUSTOMER_TYPES)],
        "discipline": firm.maybe("disciplines", table.links["discipline"][rank]),
        "datetimeUpdated": stamp(table.updated[rank], rank),
    }


def tenant_links(firm: Firm) -> Mapping[str, array[int]]:
    """Give each tenant a discipline."""
    return {"discipline": firm.draw("tenants", "discipline", "disciplines", none=0.1)}
