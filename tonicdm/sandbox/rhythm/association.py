"""A made-up association: contacts, organizations, memberships, events, and the small lists around them."""

from __future__ import annotations

import copy
import unicodedata
from collections.abc import Mapping
from typing import Any

import attrs

from tonicdm.sandbox.rhythm.minor_tables import further_tables
from tonicdm.sandbox.rhythm.versions import USER, Fields, Record, Table
from tonicdm.sandbox.world.ids import IdSpace
from tonicdm.sandbox.world.noise import key_of, mix
from tonicdm.sandbox.world.stamps import FIRST_DAY, LAST_DAY, date, stamp
from tonicdm.sandbox.world.words import (
    CITIES,
    COMPANY_WORDS,
    FIRST_NAMES,
    LAST_NAMES,
    STREETS,
    TITLES,
    TRADES,
)

DAY = 86_400
CHAPTER_FIELD = "rolodex-contacts__chapter__c"
"""Custom field with the chapter of a contact (reference, CustomFieldValue: ends in __c)."""
POINTS_FIELD = "rolodex-contacts__points__c"
"""Custom field with a number."""
CHAPTERS = ("chapter-north", "chapter-south", "chapter-west")
"""Chapters that a saved query can be run for."""
SCORES = 3
"""Engagement scores of a customer."""
COUNTRIES = ("GB", "IE", "DE", "BR", "US", "CH", "CA", "US", "PL", "NO")
"""Countries of the cities, in their order."""

FURTHER: Mapping[str, tuple[str, ...]] = {
    "contacts": (
        "prefix", "salutation", "middle_name", "maiden_name", "nickname", "suffix", "credentials", "email_address2",
        "email_address3", "contact_role_ids", "contact_roles", "work_mobile_phone_number", "home_phone_number",
        "work_phone_number", "fax_phone_number", "preferred_phone_number", "other_phone_numbers", "work_address",
        "school_address", "spouse_id", "date_profile_last_updated",
    ),
    "organizations": (
        "type_id", "acronym", "website", "alternate_domain_names", "description", "billing_address",
        "other_addresses", "main_phone_number", "parent_organization_id", "notes", "flags", "custom_field_values",
    ),
    "memberships": ("organization_id", "type_id", "package_id", "renewal_date", "lapse_date", "termination_date"),
    "events": ("business_unit_id", "venue_id", "previous_event_id", "date_to_remove_from_portal", "timezone_mode"),
    "credits": ("order_id", "cancellation_id", "workflow_execution_id", "organization_id"),
    "orders": ("memo", "date", "type", "event_id", "store_id"),
    "payments": ("reference_number", "organization_id"),
    "invoices": ("type", "purchase_order_number", "template_id"),
}  # fmt: skip
"""Fields of the reference that no seeded record has; they may be asked for, and set."""
RELATIONS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "contacts": {"organization": ("organization_id", "organizations")},
    "organizations": {"parent_organization": ("parent_organization_id", "organizations")},
    "memberships": {"contact": ("contact_id", "contacts"), "organization": ("organization_id", "organizations")},
    "events": {},
}
"""How a query reaches related types ("Fields from related types"): name, field with the ID, type."""

_FIRST = [unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode().lower() for word in FIRST_NAMES]
_FIRST_NUMBER = 1000


def _sizes(contacts: int) -> Mapping[str, int]:
    return {
        "contacts": contacts,
        "organizations": max(3, contacts // 20),
        "memberships": max(2, contacts // 2),
        "events": max(8, min(400, contacts // 100)),
    }


@attrs.define
class World:
    """The records of one tenant.

    Args:
        contacts: Number of seeded contacts; the other types follow.
        seed: The same seed and number give the same records.
        start: Unix time that the events lie around.
    """

    contacts: int
    seed: int
    start: float
    tables: dict[str, Table] = attrs.field(init=False)
    """By type: contacts, organizations, memberships, events, and those of `further_tables`."""

    def __attrs_post_init__(self) -> None:
        sizes = _sizes(self.contacts)
        ids = {name: IdSpace(self.seed, f"rhythm/{name}", count) for name, count in sizes.items()}
        makers = {
            "contacts": _contacts(self.seed, ids),
            "organizations": _organizations(self.seed, ids),
            "memberships": _memberships(self.seed, ids),
            "events": _events(self.seed, ids, self.start - self.start % DAY),
        }
        self.tables = {name: Table(name, count, ids[name], makers[name]) for name, count in sizes.items()}
        self.tables |= further_tables(self.seed, ids, _sys)

    def copy(self) -> World:
        """Return the world as it is now, whatever happens to this one."""
        other = copy.copy(self)
        other.tables = {name: table.copy() for name, table in self.tables.items()}
        return other

    def by_email(self, address: str) -> int | None:
        """Return the rank of the contact with a main e-mail address, in any case."""
        table, wanted = self.tables["contacts"], address.casefold()
        number = wanted.partition("@")[0].rpartition(".")[2]
        likely = [int(number) - _FIRST_NUMBER] if number.isdecimal() and len(number) < 12 else []
        for rank in (*(rank for rank in likely if 0 <= rank < table.count), *table.changed):
            if rank not in table.deleted and str(table.value(rank, "email_address")).casefold() == wanted:
                return rank
        return None

    def knows(self, record_type: str, path: str) -> bool:
        """Return whether a field, or a path such as organization.name or home_address.city, means something."""
        head, _, tail = path.partition(".")
        if tail and head in RELATIONS.get(record_type, {}):
            return self.knows(RELATIONS[record_type][head][1], tail)
        table = self.tables[record_type]
        return head.endswith("__c") or head in {*table.names, *FURTHER.get(record_type, ())}

    def reach(self, record_type: str, rank: int, path: str) -> Any:
        """Return the value at the end of a path, None when the record has none."""
        table = self.tables[record_type]
        if path in table.fields:
            return table.value(rank, path)
        head, _, tail = path.partition(".")
        if tail and head in RELATIONS.get(record_type, {}):
            field, other = RELATIONS[record_type][head]
            related = self.tables[other].rank(str(table.value(rank, field)))
            return None if related is None else self.reach(other, related, tail)
        if head.endswith("__c"):
            return _custom(table.value(rank, "custom_field_values"), head)
        value = table.value(rank, head)
        for part in tail.split(".") if tail else ():
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def small(self, name: str) -> Table:
        """Return a small fixed list: addressTypes or communicationTypes."""
        words = _SMALL[name]
        ids = IdSpace(self.seed, name, len(words))
        fields: Fields = {"id": ids.text, "name": words.__getitem__, **_sys(self.seed, name)}
        if name == "communicationTypes":
            own: Fields = {"description": lambda rank: f"{words[rank]} messages", "is_active": lambda _: True}
            fields = {**fields, **own}
        return Table(name, len(words), ids, fields)

    def scores(self, customer_type: str, customer_id: str) -> list[Record] | None:
        """Return the engagement scores of a contact or organization, None when there is none of that ID."""
        rank = self.tables[f"{customer_type}s"].rank(customer_id)
        if rank is None:
            return None
        return [self._score(customer_type, customer_id, rank, number) for number in range(SCORES)]

    def _score(self, customer_type: str, customer_id: str, rank: int, number: int) -> Record:
        score = mix(rank ^ number) % 100
        return {
            # The id tells whose score it is, so that no table of them is needed.
            "id": f"{customer_type}|{customer_id}|{number}",
            "customer_type": customer_type,
            f"{customer_type}_id": customer_id,
            "customer_id": customer_id,
            "date": date(LAST_DAY - number * 30 * DAY),
            "score": score,
            "total_score": score,
            "components": [
                {"name": "events", "percentile_rank": score, "raw_score": score, "weight": 1, "weighted_score": score}
            ],
        }

    def score(self, score_id: str) -> Record | None:
        """Return one engagement score, None when there is none of that ID."""
        customer_type, _, identity = score_id.partition("|")
        customer, _, number = identity.rpartition("|")
        known = customer_type in {"contact", "organization"} and number.isdecimal() and int(number) < SCORES
        rank = self.tables[f"{customer_type}s"].rank(customer) if known else None
        return None if rank is None else self._score(customer_type, customer, rank, int(number))

    def completed(self, record: Record) -> Record:
        """Return a contact with the fields that the service fills in itself (reference, Contact)."""
        names = [str(record[name]) for name in ("first_name", "last_name") if record.get(name)]
        filled: dict[str, Any] = {}
        if "organization_id" not in record:
            record = {field: value for field, value in record.items() if field != "organization_name"}
        if names:
            full = " ".join(names)
            filled = {"name": full, "full_name": full, "name_last_first": ", ".join(reversed(names))}
        organizations = self.tables["organizations"]
        if (rank := organizations.rank(str(record.get("organization_id")))) is not None:
            filled["organization_name"] = organizations.value(rank, "name")
        return {**record, **filled}


_SMALL: Mapping[str, tuple[str, ...]] = {
    "addressTypes": ("Home", "Work", "School", "Billing", "Shipping"),
    "communicationTypes": ("Newsletter", "Invoices", "Events", "Advocacy"),
}


def _custom(values: Any, field: str) -> Any:
    """Return a tenant-defined value; which member holds it depends on its type (reference, CustomFieldValue)."""
    for custom in values or ():
        if custom.get("custom_field_id") == field:
            return next((value for name, value in custom.items() if name.endswith("_value")), None)
    return None


def _sys(seed: int, name: str) -> Fields:
    """Return the housekeeping fields (reference, SysFields)."""
    key = key_of(seed, name, "sys")
    span = LAST_DAY - FIRST_DAY

    def created(rank: int) -> int:
        return FIRST_DAY + mix(key ^ rank) % span

    def modified(rank: int) -> int:
        first = created(rank)
        return first + mix(key ^ rank ^ 0xA5A5) % (LAST_DAY - first)

    return {
        "sys_version": lambda rank: 1 + (mix(key ^ rank) >> 40) % 9,
        "sys_created_at": lambda rank: stamp(created(rank), 0),
        "sys_created_by_id": lambda _: USER,
        "sys_last_modified_at": lambda rank: stamp(modified(rank), 0),
        "sys_last_modified_by_id": lambda _: USER,
        "sys_external_id": lambda rank: f"import-{rank}" if rank % 3 == 0 else None,
        "sys_locked": lambda _: False,
    }


def _address(noise: int) -> Record:
    city = (noise >> 12) % len(CITIES)
    return {
        "line1": f"{1 + noise % 300} {STREETS[(noise >> 8) % len(STREETS)]}",
        "city": CITIES[city],
        "country": COUNTRIES[city],
        "postal_code": f"{(noise >> 20) % 100_000:05d}",
    }


def _company(noise: int) -> str:
    return f"{COMPANY_WORDS[noise % len(COMPANY_WORDS)]} {TRADES[(noise >> 8) % len(TRADES)]}"


def _contacts(seed: int, ids: Mapping[str, IdSpace]) -> Fields:
    key, firms = key_of(seed, "contacts"), key_of(seed, "organizations")
    organizations = ids["organizations"]

    def noise(rank: int) -> int:
        return mix(key ^ rank)

    def first(rank: int) -> str:
        return FIRST_NAMES[noise(rank) % len(FIRST_NAMES)]

    def last(rank: int) -> str:
        return LAST_NAMES[(noise(rank) >> 6) % len(LAST_NAMES)]

    def full(rank: int) -> str:
        return f"{first(rank)} {last(rank)}"

    def firm(rank: int) -> int | None:
        draw = noise(rank) >> 20
        return None if draw % 10 == 0 else draw % organizations.count

    def custom(rank: int) -> list[Record]:
        number = noise(rank) >> 30
        return [
            {"custom_field_id": CHAPTER_FIELD, "string_value": CHAPTERS[number % len(CHAPTERS)]},
            {"custom_field_id": POINTS_FIELD, "numeric_value": number % 1000},
        ]

    return {
        "id": ids["contacts"].text,
        "number": lambda rank: _FIRST_NUMBER + rank,
        "name": full,
        "full_name": full,
        "name_last_first": lambda rank: f"{last(rank)}, {first(rank)}",
        "first_name": first,
        "last_name": last,
        "email_address": lambda rank: f"{_FIRST[noise(rank) % len(_FIRST)]}.{_FIRST_NUMBER + rank}@members.example.org",
        "job_title": lambda rank: TITLES[(noise(rank) >> 12) % len(TITLES)],
        "organization_id": lambda rank: None if (number := firm(rank)) is None else organizations.text(number),
        "organization_name": lambda rank: None if (number := firm(rank)) is None else _company(mix(firms ^ number)),
        "mobile_phone_number": lambda rank: f"+1 555 {noise(rank) % 10_000_000:07d}" if rank % 4 else None,
        "home_address": lambda rank: _address(noise(rank)),
        "custom_field_values": custom,
        **_sys(seed, "contacts"),
    }


def _organizations(seed: int, ids: Mapping[str, IdSpace]) -> Fields:
    key = key_of(seed, "organizations")
    return {
        "id": ids["organizations"].text,
        "number": lambda rank: 10 + rank,
        "name": lambda rank: _company(mix(key ^ rank)),
        "domain_name": lambda rank: f"org{rank}.example.com",
        "status": lambda rank: "inactive" if mix(key ^ rank) % 12 == 0 else "active",
        "tax_exempt": lambda rank: mix(key ^ rank) % 2 == 0,
        "address": lambda rank: _address(mix(key ^ rank)),
        **_sys(seed, "organizations"),
    }


def _memberships(seed: int, ids: Mapping[str, IdSpace]) -> Fields:
    key = key_of(seed, "memberships")
    contacts = _contacts(seed, ids)

    def joined(rank: int) -> float:
        return FIRST_DAY + mix(key ^ rank) % (LAST_DAY - FIRST_DAY)

    # The membership at a rank belongs to the contact of twice that rank.
    return {
        "id": ids["memberships"].text,
        "number": lambda rank: 500 + rank,
        "owner_type": lambda _: "contact",
        "contact_id": lambda rank: ids["contacts"].text(2 * rank),
        "name": lambda rank: contacts["name"](2 * rank),
        "email_address": lambda rank: contacts["email_address"](2 * rank),
        "status": lambda rank: "lapsed" if mix(key ^ rank) % 5 == 0 else "active",
        "membership_join_date": lambda rank: date(joined(rank)),
        "expiration_date": lambda rank: date(joined(rank) + 365 * DAY),
        **_sys(seed, "memberships"),
    }


def _events(seed: int, ids: Mapping[str, IdSpace], today: float) -> Fields:
    key = key_of(seed, "events")
    half = ids["events"].count // 2

    def begins(rank: int) -> float:
        return today + (rank - half) * 7 * DAY + 9 * 3600

    return {
        "id": ids["events"].text,
        "name": lambda rank: f"{CITIES[rank % len(CITIES)]} Conference {rank + 1}",
        "type_id": lambda rank: f"type-{mix(key ^ rank) % 3}",
        "start_date": lambda rank: stamp(begins(rank), 0),
        "end_date": lambda rank: stamp(begins(rank) + 2 * DAY, 0),
        "site_mode": lambda _: "microsite",
        "url": lambda rank: f"https://events.example.org/{rank}",
        "timezone": lambda _: "Europe/London",
        "featured": lambda rank: rank % 5 == 0,
        "address": lambda rank: _address(mix(key ^ rank)),
        "capacity_options": lambda rank: {"capacity": 50 + rank, "enable_wait_list": False},
        **_sys(seed, "events"),
    }
