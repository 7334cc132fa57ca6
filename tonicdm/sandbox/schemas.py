"""Fields of each type that a body may hold, and those a POST needs (reference)."""

from __future__ import annotations

from collections.abc import Mapping

from tonicdm.sandbox.bodies import Check, identifier, number, status, text

OFFICE: Mapping[str, Check] = {
    "status": status,
    "name": text(1, 64),
    "address": text(1, 256),
    "phoneCountryCode": number,
    "phoneNumber": number,
    "organizationId": identifier,
}

FIELDS: Mapping[str, Mapping[str, Check]] = {
    "offices": OFFICE,
}
"""Checks by record type."""

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "offices": ("name",),
}
"""Fields that a POST needs."""
