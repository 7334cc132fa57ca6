"""Fields of each type that a body may hold, and those a POST needs (reference)."""

from __future__ import annotations

from collections.abc import Mapping

from tonicdm.sandbox.bodies import (
    Check,
    boolean,
    choice,
    day,
    each,
    email,
    identifier,
    moment,
    number,
    phone,
    reference,
    shape,
    status,
    text,
    uuid,
)

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
