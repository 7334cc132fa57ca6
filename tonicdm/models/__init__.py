"""The records of TonicDM, one file per record type; each is loaded when it is first named."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from tonicdm.codec import Codec, OpenEnum
from tonicdm.models.enums import (
    AddressPart,
    CustomerType,
    DeliveryStatus,
    EmailAddressType,
    FileCategory,
    FileTransferPartStatus,
    GroupScope,
    IndustryRole,
    ObjectType,
    PartType,
    Platform,
    ProjectMemberStatus,
    ProjectPurpose,
    Stage,
    Status,
    SystemAccess,
    ThumbnailSize,
    Workflow,
)
from tonicdm.models.records import Record, read_with, updated_in
from tonicdm.models.references import RecordStub, Reference, is_stub, stub_hooks

if TYPE_CHECKING:
    from tonicdm.models.brands import Brand
    from tonicdm.models.certifications import Certification, CertificationDefinition
    from tonicdm.models.cloud_folders import CloudFolderChild
    from tonicdm.models.conversations import Conversation
    from tonicdm.models.cos import Co, CoPart
    from tonicdm.models.disciplines import Discipline
    from tonicdm.models.divisions import Division
    from tonicdm.models.email_addresses import EmailAddress
    from tonicdm.models.file_transfers import FileTransfer, FileTransferPart
    from tonicdm.models.files import File
    from tonicdm.models.filesets import ExpiryUrl, Fileset
    from tonicdm.models.groups import Group, GroupMember
    from tonicdm.models.labels import Label
    from tonicdm.models.me import Me, UserSettings
    from tonicdm.models.notes import Note
    from tonicdm.models.offices import Office
    from tonicdm.models.organizations import Organization, TenantSettings
    from tonicdm.models.pcos import Pco, PcoPart
    from tonicdm.models.persons import Person, PersonEmailAddress
    from tonicdm.models.projects import Project
    from tonicdm.models.reason_codes import ReasonCode
    from tonicdm.models.rfis import Rfi, RfiPart
    from tonicdm.models.submittals import Submittal, SubmittalPart
    from tonicdm.models.tasks import Task
    from tonicdm.models.team import ProjectMember
    from tonicdm.models.tenants import GlobalTenant
    from tonicdm.models.third_party_tokens import ThirdPartyToken
    from tonicdm.models.thumbnails import ThumbnailSet
    from tonicdm.models.uploads import PresignedUpload
    from tonicdm.models.workflow import WorkflowItem, WorkflowPart

CODEC = Codec(stub_hooks)
"""Reads and writes every record of this package."""

__all__ = [
    "CODEC",
    "AddressPart",
    "Brand",
    "Certification",
    "CertificationDefinition",
    "CloudFolderChild",
    "Co",
    "CoPart",
    "Codec",
    "Conversation",
    "CustomerType",
    "DeliveryStatus",
    "Discipline",
    "Division",
    "EmailAddress",
    "EmailAddressType",
    "ExpiryUrl",
    "File",
    "FileCategory",
    "FileTransfer",
    "FileTransferPart",
    "FileTransferPartStatus",
    "Fileset",
    "GlobalTenant",
    "Group",
    "GroupMember",
    "GroupScope",
    "IndustryRole",
    "Label",
    "Me",
    "Note",
    "ObjectType",
    "Office",
    "OpenEnum",
    "Organization",
    "PartType",
    "Pco",
    "PcoPart",
    "Person",
    "PersonEmailAddress",
    "Platform",
    "PresignedUpload",
    "Project",
    "ProjectMember",
    "ProjectMemberStatus",
    "ProjectPurpose",
    "ReasonCode",
    "Record",
    "RecordStub",
    "Reference",
    "Rfi",
    "RfiPart",
    "Stage",
    "Status",
    "Submittal",
    "SubmittalPart",
    "SystemAccess",
    "Task",
    "TenantSettings",
    "ThirdPartyToken",
    "ThumbnailSet",
    "ThumbnailSize",
    "UserSettings",
    "Workflow",
    "WorkflowItem",
    "WorkflowPart",
    "is_stub",
    "read_with",
    "updated_in",
]

_MODULES: Final[Mapping[str, str]] = {
    "Brand": "brands",
    "Certification": "certifications",
    "CertificationDefinition": "certifications",
    "CloudFolderChild": "cloud_folders",
    "Co": "cos",
    "CoPart": "cos",
    "Conversation": "conversations",
    "Discipline": "disciplines",
    "Division": "divisions",
    "EmailAddress": "email_addresses",
    "ExpiryUrl": "filesets",
    "File": "files",
    "FileTransfer": "file_transfers",
    "FileTransferPart": "file_transfers",
    "Fileset": "filesets",
    "GlobalTenant": "tenants",
    "Group": "groups",
    "GroupMember": "groups",
    "Label": "labels",
    "Me": "me",
    "Note": "notes",
    "Office": "offices",
    "Organization": "organizations",
    "Pco": "pcos",
    "PcoPart": "pcos",
    "Person": "persons",
    "PersonEmailAddress": "persons",
    "PresignedUpload": "uploads",
    "Project": "projects",
    "ProjectMember": "team",
    "ReasonCode": "reason_codes",
    "Rfi": "rfis",
    "RfiPart": "rfis",
    "Submittal": "submittals",
    "SubmittalPart": "submittals",
    "Task": "tasks",
    "TenantSettings": "organizations",
    "ThirdPartyToken": "third_party_tokens",
    "ThumbnailSet": "thumbnails",
    "UserSettings": "me",
    "WorkflowItem": "workflow",
    "WorkflowPart": "workflow",
}


def __getattr__(name: str) -> Any:
    """Load the module that holds *name*: making all record classes takes longer than importing aiohttp."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
