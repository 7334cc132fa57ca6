"""Rights of a user: what licences and the administrator's role let one see and set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tonicdm.sandbox.messages import Refusal
from tonicdm.sandbox.settings import SandboxSettings
from tonicdm.sandbox.world import World
from tonicdm.sandbox.world.firm import Record
from tonicdm.sandbox.world.places import own_organization

_CONTACTS: Mapping[str, tuple[str, ...]] = {
    "brands": ("organizationId", "isPrime"),
    "offices": ("organizationId",),
    "email_addresses": ("personId", "isPrime"),
    "persons": ("organizationId",),
}
"""Fields of contacts that AdvancedContacts opens (concepts page, "Organizations" to "Email Addresses")."""

_METRICS: Mapping[str, tuple[str, ...]] = {
    "brands": ("customerDataWarehouseId", "customerErpId"),
    "projects": ("division1", "division2"),
}
"""Fields that AdvancedMetrics opens (reference, x-licence)."""


def check_rights(
    world: World, record_type: str, record_id: str | None, fields: Mapping[str, Any], settings: SandboxSettings
) -> None:
    """Refuse what the user may not set.

    Raises:
        Refusal: 403.
    """
    if not settings.administrator:
        own_brand = (
            record_type == "brands"
            and record_id is not None
            and is_own(world, record_type, world.get(record_type, record_id))
        )
        if own_brand or fields.get("isLocked") is not None or fields.get("isExecutive") is not None:
            raise Refusal(403, "only a tenant administrator may do this")
    record = None if record_id is None else world.get(record_type, record_id)
    for name in _closed(world, record_type, record, settings):
        if name in fields:
            raise Refusal(403, f"{name} needs a licence this tenant does not have")


def opened(world: World, record_type: str, record: Record, settings: SandboxSettings) -> Record:
    """Return a record without the fields that a missing licence hides: the keys are absent."""
    if settings.advanced_contacts and settings.advanced_metrics:
        return record
    closed = _closed(world, record_type, record, settings)
    if record_type == "persons" and closed and "emailAddresses" in record:
        hidden = _CONTACTS["email_addresses"]
        addresses = record.get("emailAddresses") or []
        record["emailAddresses"] = [{k: v for k, v in address.items() if k not in hidden} for address in addresses]
    for name in closed:
        record.pop(name, None)
    for field, target in world.table(record_type).spec.references.items():
        if field in record:
            record[field] = _opened_inside(world, target, record[field], settings)
    return record


def _opened_inside(world: World, record_type: str, value: Any, settings: SandboxSettings) -> Any:
    """Return the references of a complete record, each as it would be shown alone; a stub has nothing to hide."""
    if isinstance(value, list):
        return [_opened_inside(world, record_type, item, settings) for item in value]
    return opened(world, record_type, dict(value), settings) if isinstance(value, dict) and len(value) > 2 else value


def is_own(world: World, record_type: str, record: Record | None) -> bool:
    """Return whether a record belongs to the own organization, whose fields need no AdvancedContacts licence."""
    if record is None:
        return False
    firm = world.firm
    own = firm.id("organizations", own_organization(firm))
    if record_type == "email_addresses":
        brand = record.get("brandId")
        return brand is not None and is_own(world, "brands", world.get("brands", brand))
    return record.get("organizationId") == own


def _closed(world: World, record_type: str, record: Record | None, settings: SandboxSettings) -> tuple[str, ...]:
    closed: tuple[str, ...] = ()
    if not settings.advanced_metrics:
        closed += _METRICS.get(record_type, ())
    if not settings.advanced_contacts and record_type in _CONTACTS and not is_own(world, record_type, record):
        closed += _CONTACTS[record_type]
    return closed
