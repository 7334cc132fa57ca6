"""Projects, their teams and groups, labels and notes."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

from tonicdm.sandbox.world.addresses import email_text
from tonicdm.sandbox.world.firm import NOTHING, Firm, Record
from tonicdm.sandbox.world.ids import hyphenated
from tonicdm.sandbox.world.noise import column
from tonicdm.sandbox.world.person_slots import person_name, staff_count
from tonicdm.sandbox.world.places import own_organization
from tonicdm.sandbox.world.stamps import FIRST_DAY, stamp
from tonicdm.sandbox.world.words import BUILDINGS, CITIES, SUBJECTS, TITLES, ZONES

_PURPOSES = ("billable", "billable", "opportunity", "overhead", "training", "billable", "billable", "billable")
_LABELS = ("VIP", "Do not call", "Consultant", "Bidder", "Reviewer")


def project(firm: Firm, rank: int) -> Record:
    """Make a project; the reference names its fields up to projectNameKnownAs only."""
    table = firm.tables["projects"]
    noise = firm.noise("projects", rank)
    city, building = CITIES[noise % len(CITIES)], BUILDINGS[(noise >> 8) & 7]
    links = table.links
    return {
        "id": table.id(rank),
        "systemAccess": "readOnly" if (noise >> 12) & 63 == 0 else "readWrite",
        "status": firm.status("projects", rank),
        "zone": firm.zone if (noise >> 20) % 5 else ZONES[(noise >> 24) % 3],
        "purpose": _PURPOSES[(noise >> 28) & 7],
        "isLocked": (noise >> 32) & 15 == 0,
        "projectNumber": f"{2021 + (noise >> 36) % 4}-{table.slots(rank):05d}",
        "projectNameLegal": f"{city} {building}, Phase {1 + (noise >> 40) % 4}",
        "projectNameKnownAs": building[:16],
        "brand": firm.maybe("brands", links["brand"][rank]),
        "office": firm.maybe("offices", links["office"][rank]),
        "division1": {"id": firm.id("disciplines", 0), "name": "Airports"},
        "division2": None,
        "clientOrganizationId": firm.maybe_id("organizations", links["organization"][rank]),
        "clientProjectNumber": f"C/{noise >> 52}",
        "defaultDaysRfiReturn": 7 + noise % 8,
        "customerErpId": f"erp-{rank}",
        "datetimeCreated": firm.created(rank),
        "datetimeUpdated": stamp(table.updated[rank], rank),
    }


def project_links(firm: Firm) -> Mapping[str, array[int]]:
    """Give each project a client, a brand and an office of the own organization."""
    numbers = column(firm.tables["projects"].ids.count, firm.seed, "projects", "own")
    brands = firm.tables["brands"].slots
    own = own_organization(firm)
    offices = [rank for rank, link in enumerate(firm.tables["offices"].links["organization"]) if link == own]
    return {
        "organization": firm.draw("projects", "organization", "organizations"),
        "brand": array("I", [brands.back(n & 1) for n in numbers]),
        "office": array("I", [offices[n % len(offices)] if offices and n & 64 else NOTHING for n in numbers]),
    }


def member(firm: Firm, rank: int) -> Record:
    """Make a team member; the reference shows no id, the one here is unlisted."""
    table = firm.tables["team"]
    links = table.links
    address = links["email"][rank]
    noise = firm.noise("team", rank)
    return {
        "id": table.id(rank),
        "emailAddressId": firm.maybe_id("email_addresses", address),
        "brandId": firm.maybe_id("brands", links["brand"][rank]),
        "projectId": firm.maybe_id("projects", links["project"][rank]),
        "ProjectMemberStatus": firm.status("team", rank),
        "isExecutive": noise & 31 == 0,
        "email": None if address == NOTHING else email_text(firm, address),
        "title": TITLES[noise % len(TITLES)],
        "datetimeUpdated": stamp(table.updated[rank], rank),
    }


def member_links(firm: Firm) -> Mapping[str, array[int]]:
    """Deal members out to projects, each address once in a project."""
    table, projects, emails = firm.tables["team"], firm.tables["projects"], firm.tables["email_addresses"]
    count, size = projects.ids.count, emails.ids.count
    links = firm.parents("team", "projects")
    addresses = array("I", [(project * 7919 + table.slots(rank) // count) % size for rank, project in enumerate(links)])
    return {
        "project": links,
        "email": addresses,
        "brand": array("I", [emails.links["brand"][address] for address in addresses]),
        "discipline": array("I", [emails.links["discipline"][address] for address in addresses]),
    }


def group(firm: Firm, rank: int) -> Record:
    """Make a group of recipients."""
    table = firm.tables["groups"]
    noise = firm.noise("groups", rank)
    size = firm.tables["email_addresses"].ids.count
    return {
        "id": table.id(rank),
        "status": firm.status("groups", rank),
        "projectId": firm.maybe_id("projects", table.links["project"][rank]),
        "ownerId": firm.maybe_id("persons", table.links["owner"][rank]),
        "name": f"Group {rank}",
        "scope": ("shared", "personal", "discipline")[noise % 3],
        "members": [
            {"emailAddressId": firm.id("email_addresses", (noise + n) % size), "addressPart": ("to", "cc")[n & 1]}
            for n in range(min(size, 1 + noise % 4))
        ],
        "datetimeUpdated": stamp(table.updated[rank], rank),
    }


def group_links(firm: Firm) -> Mapping[str, array[int]]:
    """Put each group into a project, and let one of the staff own it."""
    return {"project": firm.draw("groups", "project", "projects"), "owner": staff_column(firm, "groups", "owner")}


def label(firm: Firm, rank: int) -> Record:
    """Make the labels of one object: GET returns, per object, the list of its labelIds (reference)."""
    table = firm.tables["labels"]
    noise = firm.noise("labels", rank)
    return {
        "id": table.id(rank),
        "status": firm.status("labels", rank),
        "objectId": firm.maybe_id("persons", table.links["object"][rank]),
        "objectType": "person",
        "labelIds": [f"{(noise >> n) & 0xFFFFFFFF:032x}" for n in range(1 + noise % 3)],
        "name": _LABELS[noise % len(_LABELS)],
        "datetimeUpdated": stamp(table.updated[rank], rank),
    }


def label_links(firm: Firm) -> Mapping[str, array[int]]:
    """Attach labels to persons."""
    return {"object": firm.parents("labels", "persons")}


def note(firm: Firm, rank: int) -> Record:
    """Make a note on an RFI; its two references are hyphenated (reference, format uuid)."""
    table = firm.tables["notes"]
    noise = firm.noise("notes", rank)
    author = table.links["person"][rank]
    return {
        "id": table.id(rank),
        "datetimeCreated": firm.created(rank),
        "datetimeUpdated": stamp(table.updated[rank], rank),
        "status": firm.status("notes", rank),
        "content": f"<p>{SUBJECTS[noise & 7]}<br>&nbsp;see sketch {noise >> 50}</p>",
        "attachedToId": hyphenated(firm.id("rfis", (noise >> 8) % firm.tables["rfis"].ids.count)),
        "personId": None if author == NOTHING else hyphenated(firm.id("persons", author)),
        "isPrinted": noise & 128 == 0,
        "personName": None if author == NOTHING else person_name(firm, author),
        "actionDateTime": stamp(FIRST_DAY + (noise >> 20) % 100_000_000, 0),
    }


def note_links(firm: Firm) -> Mapping[str, array[int]]:
    """Let the staff write the notes."""
    return {"person": staff_column(firm, "notes", "person")}


def staff_column(firm: Firm, record_type: str, name: str) -> array[int]:
    """Return a column of references to staff."""
    persons = firm.tables["persons"]
    staff = [persons.slots.back(slot) for slot in range(staff_count(persons.ids.count))]
    numbers = column(firm.tables[record_type].ids.count, firm.seed, record_type, name)
    return array("I", [staff[number % len(staff)] for number in numbers])
