"""Check the bodies of POST and PATCH against the reference's schemas; the 400 names the field."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from tonicdm.sandbox.messages import Refusal
from tonicdm.sandbox.options import ID
from tonicdm.sandbox.settings import SandboxSettings

Check = Callable[[Any], str | None]
"""Returns what is wrong with a value, None if it is right."""

_EMAIL = re.compile(r"[^@\s,]+@[^@\s,]+\.[^@\s,]+")


def text(shortest: int = 0, longest: int = 1_000_000) -> Check:
    """Accept a string of some length."""

    def check(value: Any) -> str | None:
        if not isinstance(value, str):
            return "must be a string"
        if not shortest <= len(value) <= longest:
            return f"must have {shortest} to {longest} characters"
        return None

    return check


def choice(*words: str) -> Check:
    """Accept one of some words."""
    return lambda value: None if value in words else f"must be one of {', '.join(words)}"


def number(value: Any) -> str | None:
    """Accept a JSON number."""
    right = isinstance(value, int | float) and not isinstance(value, bool)
    return None if right else "must be a number"


def boolean(value: Any) -> str | None:
    """Accept true and false."""
    return None if isinstance(value, bool) else "must be a boolean"


def identifier(value: Any) -> str | None:
    """Accept an ID of 32 hex digits."""
    right = isinstance(value, str) and ID.fullmatch(value) is not None
    return None if right else "must be an ID of 32 hex characters"


def uuid(value: Any) -> str | None:
    """Accept an ID with or without hyphens, where the reference says format uuid."""
    return identifier(value.replace("-", "")) if isinstance(value, str) else "must be a UUID"


def reference(value: Any) -> str | None:
    """Accept an object with an ID."""
    return identifier(value.get("id")) if isinstance(value, dict) else "must be an object with an id"


def phone(value: Any) -> str | None:
    """Accept a text or an object: the reference shows a person's phones only as null."""
    return None if isinstance(value, str | dict) else "must be a string or an object"


def status(value: Any) -> str | None:
    """Accept a status word, or 4 for the soft delete (concepts page, "Naming Conventions")."""
    if isinstance(value, str):
        right = value in {"active", "inactive", "deleted"}
    else:
        right = isinstance(value, int) and not isinstance(value, bool) and value in {0, 1, 4}
    return None if right else "must be active, inactive or deleted"


def email(value: Any) -> str | None:
    """Accept an email address."""
    return None if isinstance(value, str) and _EMAIL.fullmatch(value) else "must be an email address"


def day(value: Any) -> str | None:
    """Accept a date."""
    return _parses(date.fromisoformat, value, "must be a date")


def moment(value: Any) -> str | None:
    """Accept a date-time."""
    return _parses(datetime.fromisoformat, value, "must be a date-time")


def each(check: Check) -> Check:
    """Accept a list of what *check* accepts."""

    def check_all(value: Any) -> str | None:
        if not isinstance(value, list):
            return "must be an array"
        return next((f"[{n}] {wrong}" for n, item in enumerate(value) if (wrong := check(item))), None)

    return check_all


def shape(fields: Mapping[str, Check], *required: str) -> Check:
    """Accept an object with known fields of the right type; others pass."""

    def check(value: Any) -> str | None:
        if not isinstance(value, dict):
            return "must be an object"
        for name in required:
            if value.get(name) is None:
                return f".{name} is required"
        return next(
            (f".{n} {wrong}" for n, c in fields.items() if value.get(n) is not None and (wrong := c(value[n]))),
            None,
        )

    return check


def _parses(parse: Callable[[str], object], value: Any, otherwise: str) -> str | None:
    try:
        parse(value)
    except (TypeError, ValueError):
        return otherwise
    return None


def read_json(body: bytes) -> Any:
    """Return the value of a JSON body.

    Raises:
        Refusal: 400, the body is empty or no JSON in UTF-8.
    """
    try:
        return json.loads(body.decode())
    except ValueError as error:
        raise Refusal(400, f"the body is no valid JSON: {error}") from None


def read_object(
    value: Any, fields: Mapping[str, Check], required: tuple[str, ...], settings: SandboxSettings
) -> dict[str, Any]:
    """Return the fields of a body, without those a client cannot set.

    Args:
        value: The parsed body.
        fields: Known fields and their checks.
        required: Fields that must be there and not null.
        settings: unknown_fields decides about the others.

    Raises:
        Refusal: 400, a field is missing, of a wrong type, or unknown and refused.
    """
    if not isinstance(value, dict):
        raise Refusal(400, "the body must be a JSON object")
    if wrong := shape(fields, *required)(value):
        raise Refusal(400, f"body{wrong}")
    unknown = [name for name in value if name not in fields and name not in READ_ONLY]
    if unknown and settings.unknown_fields == "refuse":
        raise Refusal(400, f"body.{unknown[0]} is unknown")
    dropped = READ_ONLY if settings.unknown_fields == "store" else READ_ONLY.union(unknown)
    return {name: item for name, item in value.items() if name not in dropped}


READ_ONLY = frozenset({"id", "datetimeCreated", "datetimeUpdated", "deliveryStatus", "isOrganizationManager", "type"})
"""Fields that the server sets (reference, readOnly; type is that of an email address); sent back in a body they are
ignored, as read-only fields are."""


Fields = Mapping[str, Check]

_ANY = text()

ADDRESS: Fields = {
    "id": identifier,
    "personId": identifier,
    "status": status,
    "emailAddress": email,
    "name": _ANY,
    "title": _ANY,
    "deskphoneCountryCode": number,
    "deskphoneNumber": number,
    "deskphoneExtension": number,
    "mobilephoneCountryCode": number,
    "mobilephoneNumber": number,
    "dateActive": day,
    "dateInactive": day,
    "isPrime": boolean,
    "customerDataWarehouseId": _ANY,
    "customerErpId": _ANY,
    "customerCrmId": _ANY,
}

PART: Fields = {
    "id": identifier,
    "part_type": choice("receive", "forward", "response", "return_of_forward"),
    "status": _ANY,
    "number": _ANY,
    "revision": _ANY,
    "title": _ANY,
    "message": _ANY,
    "item_id": identifier,
    "action_datetime": moment,
    "from_organization_id": identifier,
    "response_required_date": day,
    "fileset_zone": _ANY,
    "fileset_id": identifier,
    "response_required": boolean,
    "specsection": _ANY,
    "submittalStamp": _ANY,
    "cost": _ANY,
    "time": _ANY,
}

ITEM: Fields = {
    "status": status,
    "project_id": identifier,
    "item_discipline": reference,
    "stage": _ANY,
    "manual_stage": boolean,
    "manual_received_datetime": moment,
    "manual_response_datetime": moment,
    "our_response_required_date": day,
    "our_number": _ANY,
    "our_revision": _ANY,
    "our_title": _ANY,
    "responsible_person_id": identifier,
    "parts": each(shape(PART)),
}

REASON_CODE: Fields = {"id": identifier, "brandId": identifier, "name": text(1, 64)}

MEMBER: Fields = {
    "emailAddressId": identifier,
    "brandId": identifier,
    "projectId": identifier,
    "ProjectMemberStatus": choice("active", "inactive", "deleted", "nonmember"),
    "isExecutive": boolean,
}

FIELDS: Mapping[str, Fields] = {
    "me": {"dailyReminder": boolean, "timezone": _ANY, "division1": shape({}), "division2": shape({})},
    "persons": {
        "status": status,
        "emailAddresses": each(shape(ADDRESS)),
        "name": _ANY,
        "title": _ANY,
        "deskPhone": phone,
        "mobilePhone": phone,
        "office": reference,
        "organizationId": identifier,
    },
    "email_addresses": {**ADDRESS, "brandId": identifier, "office": reference, "SelectiveNonCreation": boolean},
    "brands": {
        "status": status,
        "domains": each(_ANY),
        "nameLong": text(0, 128),
        "nameShort": text(0, 128),
        "nameInitials": text(0, 4),
        "disciplines": each(reference),
        "organizationId": identifier,
        "isPrime": boolean,
        "customerDataWarehouseId": _ANY,
        "customerErpId": _ANY,
        "customerCrmId": _ANY,
    },
    "offices": {
        "status": status,
        "name": text(1, 64),
        "address": text(1, 256),
        "phoneCountryCode": number,
        "phoneNumber": number,
        "organizationId": identifier,
    },
    "projects": {
        "systemAccess": choice("readWrite", "readOnly", "noAccess"),
        "status": status,
        "zone": _ANY,
        "purpose": choice("billable", "opportunity", "overhead", "training"),
        "isLocked": boolean,
        "projectNumber": _ANY,
        "projectNameLegal": text(1, 128),
        "projectNameKnownAs": text(0, 16),
        "brand": reference,
        "office": reference,
        "clientOrganizationId": identifier,
    },
    "team": MEMBER,
    "groups": {
        "status": status,
        "projectId": identifier,
        "ownerId": identifier,
        "name": text(1, 40),
        "scope": choice("shared", "personal", "discipline"),
        "members": each(shape({"emailAddressId": identifier, "addressPart": _ANY})),
    },
    "notes": {"status": status, "content": _ANY, "attachedToId": uuid, "personId": uuid, "isPrinted": boolean},
    "cloud_children": {"fileCategory": _ANY},
    "rfis": {**ITEM, "reasonCode": shape(REASON_CODE)},
    "submittals": {**ITEM, "our_response_required": boolean, "our_specsection": _ANY},
    "cos": {**ITEM, "cost": _ANY, "time": _ANY},
    "rfi_integrations": REASON_CODE,
}
"""Checks by record type."""

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "persons": ("emailAddresses",),
    "email_addresses": ("emailAddress",),
    "offices": ("name",),
    "team": ("emailAddressId",),
    "groups": ("projectId", "name"),
    "notes": ("attachedToId", "personId"),
    "rfis": ("project_id",),
    "submittals": ("project_id",),
}
"""Fields that a POST needs; the first of persons, addresses and teams follow from their sense, not from a schema."""

REQUIRED_ON_CHANGE: Mapping[str, tuple[str, ...]] = {"projects": ("projectNumber", "projectNameLegal")}
"""Fields that a PATCH needs besides id, under the setting project_required_on_change."""
