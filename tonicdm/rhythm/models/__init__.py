"""The records of Rhythm, one file per noun; each keeps the fields that it does not know."""

from tonicdm.codec import Codec
from tonicdm.rhythm.models.contacts import Contact
from tonicdm.rhythm.models.events import CapacityOptions, Event
from tonicdm.rhythm.models.executions import ExecutionStarted, ExecutionStatus, StepFunctionExecution
from tonicdm.rhythm.models.lists import AddressType, CommunicationType, EngagementScore
from tonicdm.rhythm.models.memberships import Membership, OwnerType
from tonicdm.rhythm.models.organizations import Organization, RoleViolation, TypedAddress
from tonicdm.rhythm.models.parts import Address, CustomFieldValue, FieldError, TypedPhoneNumber
from tonicdm.rhythm.models.queries import (
    CustomQueryDefinition,
    QueryDefinition,
    QueryExecution,
    QueryTypeDescription,
)

CODEC = Codec()
"""Reads and writes Rhythm's records."""

__all__ = [
    "CODEC",
    "Address",
    "AddressType",
    "CapacityOptions",
    "CommunicationType",
    "Contact",
    "CustomFieldValue",
    "CustomQueryDefinition",
    "EngagementScore",
    "Event",
    "ExecutionStarted",
    "ExecutionStatus",
    "FieldError",
    "Membership",
    "Organization",
    "OwnerType",
    "QueryDefinition",
    "QueryExecution",
    "QueryTypeDescription",
    "RoleViolation",
    "StepFunctionExecution",
    "TypedAddress",
    "TypedPhoneNumber",
]
