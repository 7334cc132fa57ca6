"""Tables of the record types beyond contacts, organizations, memberships and events; made up, a dozen records each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tonicdm.sandbox.rhythm.versions import Fields, Table
from tonicdm.sandbox.world.ids import IdSpace
from tonicdm.sandbox.world.noise import key_of, mix
from tonicdm.sandbox.world.stamps import FIRST_DAY, LAST_DAY, date, stamp

COUNT: Final = 12
"""Seeded records of each type."""
SECRET: Final = "shared-{rank}"  # noqa: S105 - made up
"""Sharing secret of the invoice at a rank."""

Peers = Mapping[str, IdSpace]
"""IDs of the types that others refer to."""


def _moment(key: int, rank: int) -> float:
    return FIRST_DAY + mix(key ^ rank) % (LAST_DAY - FIRST_DAY)


def _amount(key: int, rank: int) -> float:
    return 10 + mix(key ^ rank) % 50_000 / 100


def _finance(key: int, peers: Peers) -> dict[str, Fields]:
    def contact(rank: int) -> str:
        return peers["contacts"].text(rank % peers["contacts"].count)

    def amount(rank: int) -> float:
        return _amount(key, rank)

    return {
        "orders": {
            "number": lambda rank: 9000 + rank,
            "duplicate_prevention_key": lambda rank: f"seeded-{rank}",
            "submission_date": lambda rank: stamp(_moment(key, rank), 0),
            "ship_to_type": lambda _: "contact",
            "ship_to_contact_id": contact,
            "bill_to_type": lambda _: "contact",
            "bill_to_contact_id": contact,
            "subtotal": amount,
            "total": amount,
            "balance_due": lambda rank: 0 if rank % 2 else amount(rank),
        },
        "cancellations": {
            "number": lambda rank: 300 + rank,
            "order_id": peers["orders"].text,
            "action": lambda rank: "issue credit" if rank % 2 else "issue refund",
            "currency_code": lambda _: "USD",
        },
        "payments": {
            "owner_type": lambda _: "contact",
            "contact_id": contact,
            "type": lambda rank: "check" if rank % 2 else "credit card",
            "status": lambda _: "complete",
            "cash_account_type": lambda _: "bank",
            "card_last_digits": lambda rank: None if rank % 2 else "4242",
        },
        "invoices": {
            "date_due": lambda rank: date(_moment(key, rank)),
            "status": lambda _: "open",
            "bill_to_type": lambda _: "contact",
            "bill_to_contact_id": contact,
            "sharing_secret": lambda rank: SECRET.format(rank=rank),
            "balance_due": amount,
            "amount_paid": lambda _: 0,
            "line_items": lambda rank: [
                {"invoice_line_item_id": f"line-{rank}", "description": "Dues", "quantity": 1, "total": amount(rank)}
            ],
        },
        "credits": {
            "number": lambda rank: 700 + rank,
            "type": lambda _: "overpayment",
            "owner_type": lambda _: "contact",
            "contact_id": contact,
            "total": amount,
            "amount_available": amount,
        },
        "installment_plans": {
            "name": lambda rank: f"Plan {rank + 1}",
            "is_active": lambda _: True,
            "percentage_due_up_front": lambda rank: 10 * (rank % 5),
        },
    }


def _events(_key: int, peers: Peers) -> dict[str, Fields]:
    def event(rank: int) -> str:
        return peers["events"].text(rank % 3)

    return {
        "registration_groups": {
            "name": lambda rank: f"Group {rank + 1}",
            "event_id": event,
            "organization_id": lambda rank: peers["organizations"].text(rank % 2),
            "administrator_id": lambda rank: peers["contacts"].text(rank % peers["contacts"].count),
        },
        "registration_processes": {
            "name": lambda rank: f"Registration {rank + 1}",
            "event_id": event,
            "enable_online_registration": lambda _: True,
            "deadline_for_cancelling_registrations": lambda rank: stamp(LAST_DAY + rank * 86_400, 0),
        },
        "registrant_directories": {
            "name": lambda rank: f"Directory {rank + 1}",
            "event_id": event,
            "is_public": lambda rank: rank % 2 == 0,
        },
    }


def _members(key: int, peers: Peers) -> dict[str, Fields]:
    def contact(rank: int) -> str:
        return peers["contacts"].text(rank % peers["contacts"].count)

    return {
        "applications": {
            "name": lambda rank: f"Applicant {rank + 1}",
            "type": lambda rank: "renewal" if rank % 2 else "join",
            "owner_type": lambda _: "contact",
            "contact_id": contact,
            "date": lambda rank: stamp(_moment(key, rank), 0),
            "order_id": peers["orders"].text,
            "status": lambda _: "approved",
        },
        "application_processes": {
            "name": lambda rank: f"Process {rank + 1}",
            "type": lambda rank: ("join", "renewal", "reinstatement", "change affiliations")[rank % 4],
            "customer_type": lambda _: "contact",
            "membership_type_ids": lambda _: ["type-1"],
            "membership_package_ids": lambda _: ["package-1"],
        },
        "gifts": {
            "amount": lambda rank: _amount(key, rank),
            "donor_type": lambda _: "contact",
            "contact_id": contact,
            "fund_id": lambda rank: f"fund-{rank % 3}",
            "date": lambda rank: stamp(_moment(key, rank), 0),
            "premium_assignment": lambda _: "not applicable",
            "splits": lambda rank: [{"fund_id": "fund-9", "amount": 5}] if rank % 3 == 0 else None,
        },
        "recurring_gifts": {
            "amount": lambda rank: _amount(key, rank),
            "donor_type": lambda _: "contact",
            "contact_id": lambda rank: peers["contacts"].text(rank % 3),
            "frequency": lambda rank: ("monthly", "quarterly", "annually")[rank % 3],
            "next_gift_date": lambda rank: date(LAST_DAY + rank * 86_400),
        },
        "pledges": {
            "contact_id": contact,
            "fund_id": lambda rank: f"fund-{rank % 3}",
            "status": lambda rank: "fulfilled" if rank % 2 else "open",
            "type": lambda _: "one time",
            "date": lambda rank: stamp(_moment(key, rank), 0),
        },
        "certifications": {
            "contact_id": contact,
            "program_id": lambda rank: f"program-{rank % 2}",
            "number": lambda rank: 40 + rank,
            "name": lambda rank: f"Holder {rank + 1}",
            "owner_type": lambda _: "contact",
            "status": lambda rank: ("active", "inactive", "suspended", "retired")[rank % 4],
        },
        "contact_duplicates": {
            "email_address": lambda rank: f"twin{rank}@example.com",
            "alt_address_postal_code": lambda rank: f"{10_000 + rank}",
        },
    }


def _platform(_key: int, _peers: Peers) -> dict[str, Fields]:
    return {
        "custom_fields": {"custom_object_id": lambda _: "rolodex-contacts", "display_order": lambda rank: rank},
        "workflows": {"name": lambda rank: f"Workflow {rank + 1}", "is_active": lambda _: True},
        "query_delivery_schedules": {
            "name": lambda rank: f"Delivery {rank + 1}",
            "email_addresses": lambda _: ["reports@example.org"],
            "output_format": lambda _: "csv",
        },
        "saved_searches": {"name": lambda rank: f"Search {rank + 1}", "access_group": lambda _: "team"},
    }


_UNNAMED: Final = (
    "coupons", "coupon_code_generations", "billing_templates", "billing_notices", "sections", "giving_processes",
    "certification_fees", "task_types", "page_layouts", "service_metadata", "service_configurations",
)  # fmt: skip
"""Types of which the reference names nothing but the system fields."""


def further_tables(seed: int, peers: Peers, sys_fields: Callable[[int, str], Fields]) -> dict[str, Table]:
    """Return the tables by name.

    Args:
        seed: The same seed gives the same records.
        peers: IDs of the types that are there already.
        sys_fields: Makes the housekeeping fields of a type.
    """
    makers = (_finance, _events, _members, _platform)
    peers = {**peers, "orders": IdSpace(seed, "rhythm/orders", COUNT)}
    fields: dict[str, Fields] = {name: {} for name in _UNNAMED}
    for make in makers:
        fields |= make(key_of(seed, make.__name__), peers)
    tables = {}
    for name, own in fields.items():
        ids = peers.get(name) or IdSpace(seed, f"rhythm/{name}", COUNT)
        tables[name] = Table(name, COUNT, ids, {"id": ids.text, **own, **sys_fields(seed, name)})
    return tables
