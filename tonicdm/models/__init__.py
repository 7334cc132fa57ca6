"""The records of TonicDM, one file per record type; each is loaded when it is first named."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from tonicdm.codec import Codec as Codec
from tonicdm.codec import OpenEnum as OpenEnum
from tonicdm.late import late_names
from tonicdm.models.references import stub_hooks

# For type checkers, which read no table; "as" says that a name is public here.
if TYPE_CHECKING:
    from tonicdm.models.brands import Brand as Brand
    from tonicdm.models.certifications import Certification as Certification
    from tonicdm.models.certifications import CertificationDefinition as CertificationDefinition
    from tonicdm.models.cloud_folders import CloudFolderChild as CloudFolderChild
    from tonicdm.models.conversations import Conversation as Conversation
    from tonicdm.models.cos import Co as Co
    from tonicdm.models.cos import CoPart as CoPart
    from tonicdm.models.disciplines import Discipline as Discipline
    from tonicdm.models.divisions import Division as Division
    from tonicdm.models.email_addresses import EmailAddress as EmailAddress
    from tonicdm.models.enums import AddressPart as AddressPart
    from tonicdm.models.enums import CustomerType as CustomerType
    from tonicdm.models.enums import DeliveryStatus as DeliveryStatus
    from tonicdm.models.enums import EmailAddressType as EmailAddressType
    from tonicdm.models.enums import FileCategory as FileCategory
    from tonicdm.models.enums import FileTransferPartStatus as FileTransferPartStatus
    from tonicdm.models.enums import GroupScope as GroupScope
    from tonicdm.models.enums import IndustryRole as IndustryRole
    from tonicdm.models.enums import ObjectType as ObjectType
    from tonicdm.models.enums import PartType as PartType
    from tonicdm.models.enums import Platform as Platform
    from tonicdm.models.enums import ProjectMemberStatus as ProjectMemberStatus
    from tonicdm.models.enums import ProjectPurpose as ProjectPurpose
    from tonicdm.models.enums import Stage as Stage
    from tonicdm.models.enums import Status as Status
    from tonicdm.models.enums import SystemAccess as SystemAccess
    from tonicdm.models.enums import ThumbnailSize as ThumbnailSize
    from tonicdm.models.enums import Workflow as Workflow
    from tonicdm.models.file_transfers import FileTransfer as FileTransfer
    from tonicdm.models.file_transfers import FileTransferPart as FileTransferPart
    from tonicdm.models.files import File as File
    from tonicdm.models.filesets import ExpiryUrl as ExpiryUrl
    from tonicdm.models.filesets import Fileset as Fileset
    from tonicdm.models.groups import Group as Group
    from tonicdm.models.groups import GroupMember as GroupMember
    from tonicdm.models.labels import Label as Label
    from tonicdm.models.me import Me as Me
    from tonicdm.models.me import UserSettings as UserSettings
    from tonicdm.models.notes import Note as Note
    from tonicdm.models.offices import Office as Office
    from tonicdm.models.organizations import Organization as Organization
    from tonicdm.models.organizations import TenantSettings as TenantSettings
    from tonicdm.models.pcos import Pco as Pco
    from tonicdm.models.pcos import PcoPart as PcoPart
    from tonicdm.models.persons import Person as Person
    from tonicdm.models.persons import PersonEmailAddress as PersonEmailAddress
    from tonicdm.models.projects import Project as Project
    from tonicdm.models.reason_codes import ReasonCode as ReasonCode
    from tonicdm.models.records import Record as Record
    from tonicdm.models.records import read_with as read_with
    from tonicdm.models.records import updated_in as updated_in
    from tonicdm.models.references import RecordStub as RecordStub
    from tonicdm.models.references import Reference as Reference
    from tonicdm.models.references import is_stub as is_stub
    from tonicdm.models.rfis import Rfi as Rfi
    from tonicdm.models.rfis import RfiPart as RfiPart
    from tonicdm.models.submittals import Submittal as Submittal
    from tonicdm.models.submittals import SubmittalPart as SubmittalPart
    from tonicdm.models.tasks import Task as Task
    from tonicdm.models.team import ProjectMember as ProjectMember
    from tonicdm.models.tenants import GlobalTenant as GlobalTenant
    from tonicdm.models.third_party_tokens import ThirdPartyToken as ThirdPartyToken
    from tonicdm.models.thumbnails import ThumbnailSet as ThumbnailSet
    from tonicdm.models.uploads import PresignedUpload as PresignedUpload
    from tonicdm.models.workflow import WorkflowItem as WorkflowItem
    from tonicdm.models.workflow import WorkflowPart as WorkflowPart

CODEC = Codec(stub_hooks)
"""Reads and writes every record of this package."""

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "tonicdm.models.brands": ("Brand",),
    "tonicdm.models.certifications": ("Certification", "CertificationDefinition"),
    "tonicdm.models.cloud_folders": ("CloudFolderChild",),
    "tonicdm.models.conversations": ("Conversation",),
    "tonicdm.models.cos": ("Co", "CoPart"),
    "tonicdm.models.disciplines": ("Discipline",),
    "tonicdm.models.divisions": ("Division",),
    "tonicdm.models.email_addresses": ("EmailAddress",),
    "tonicdm.models.enums": (
        "AddressPart",
        "CustomerType",
        "DeliveryStatus",
        "EmailAddressType",
        "FileCategory",
        "FileTransferPartStatus",
        "GroupScope",
        "IndustryRole",
        "ObjectType",
        "PartType",
        "Platform",
        "ProjectMemberStatus",
        "ProjectPurpose",
        "Stage",
        "Status",
        "SystemAccess",
        "ThumbnailSize",
        "Workflow",
    ),
    "tonicdm.models.file_transfers": ("FileTransfer", "FileTransferPart"),
    "tonicdm.models.files": ("File",),
    "tonicdm.models.filesets": ("ExpiryUrl", "Fileset"),
    "tonicdm.models.groups": ("Group", "GroupMember"),
    "tonicdm.models.labels": ("Label",),
    "tonicdm.models.me": ("Me", "UserSettings"),
    "tonicdm.models.notes": ("Note",),
    "tonicdm.models.offices": ("Office",),
    "tonicdm.models.organizations": ("Organization", "TenantSettings"),
    "tonicdm.models.pcos": ("Pco", "PcoPart"),
    "tonicdm.models.persons": ("Person", "PersonEmailAddress"),
    "tonicdm.models.projects": ("Project",),
    "tonicdm.models.reason_codes": ("ReasonCode",),
    "tonicdm.models.records": ("Record", "read_with", "updated_in"),
    "tonicdm.models.references": ("RecordStub", "Reference", "is_stub"),
    "tonicdm.models.rfis": ("Rfi", "RfiPart"),
    "tonicdm.models.submittals": ("Submittal", "SubmittalPart"),
    "tonicdm.models.tasks": ("Task",),
    "tonicdm.models.team": ("ProjectMember",),
    "tonicdm.models.tenants": ("GlobalTenant",),
    "tonicdm.models.third_party_tokens": ("ThirdPartyToken",),
    "tonicdm.models.thumbnails": ("ThumbnailSet",),
    "tonicdm.models.uploads": ("PresignedUpload",),
    "tonicdm.models.workflow": ("WorkflowItem", "WorkflowPart"),
}
"""The public names of each module."""

__all__ = ["CODEC", "Codec", "OpenEnum", *itertools.chain(*_NAMES.values())]  # noqa: PLE0604 # pyright: ignore[reportUnsupportedDunderAll]

# To make all record classes takes longer than to import aiohttp.
__getattr__: Callable[[str], Any]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = late_names(__name__, _NAMES)
