"""The endpoint classes, all of them: for type checkers, and for who reads the annotations of a client."""

from __future__ import annotations

from tonicdm.endpoints.brands import Brands
from tonicdm.endpoints.certification_definitions import CertificationDefinitions
from tonicdm.endpoints.cloud_folders import CloudFolders
from tonicdm.endpoints.conversations import Conversations
from tonicdm.endpoints.cos import Cos
from tonicdm.endpoints.disciplines import Disciplines
from tonicdm.endpoints.email_addresses import EmailAddresses
from tonicdm.endpoints.file_transfer_parts import FileTransferParts
from tonicdm.endpoints.file_transfers import FileTransfers
from tonicdm.endpoints.files import Files
from tonicdm.endpoints.filesets import Filesets
from tonicdm.endpoints.groups import Groups
from tonicdm.endpoints.labels import Labels
from tonicdm.endpoints.me import Myself
from tonicdm.endpoints.notes import Notes
from tonicdm.endpoints.offices import Offices
from tonicdm.endpoints.organizations import Organizations
from tonicdm.endpoints.pco_parts import PcoParts
from tonicdm.endpoints.pcos import Pcos
from tonicdm.endpoints.persons import Persons
from tonicdm.endpoints.projects import Projects
from tonicdm.endpoints.rfi_integrations import RfiIntegrations
from tonicdm.endpoints.rfi_parts import RfiParts
from tonicdm.endpoints.rfis import Rfis
from tonicdm.endpoints.submittals import Submittals
from tonicdm.endpoints.tasks import Tasks
from tonicdm.endpoints.team import Team
from tonicdm.endpoints.tenants import Tenants
from tonicdm.endpoints.third_party_tokens import ThirdPartyTokens
from tonicdm.endpoints.thumbnails import Thumbnails
from tonicdm.endpoints.uploads import Uploads

__all__ = [
    "Brands",
    "CertificationDefinitions",
    "CloudFolders",
    "Conversations",
    "Cos",
    "Disciplines",
    "EmailAddresses",
    "FileTransferParts",
    "FileTransfers",
    "Files",
    "Filesets",
    "Groups",
    "Labels",
    "Myself",
    "Notes",
    "Offices",
    "Organizations",
    "PcoParts",
    "Pcos",
    "Persons",
    "Projects",
    "RfiIntegrations",
    "RfiParts",
    "Rfis",
    "Submittals",
    "Tasks",
    "Team",
    "Tenants",
    "ThirdPartyTokens",
    "Thumbnails",
    "Uploads",
]
