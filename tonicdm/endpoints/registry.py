"""The endpoint class of each record type, loaded when it is first asked for.

Importing all endpoint classes and models takes longer than importing aiohttp; most programs use a few of them.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from tonicdm.errors import InvalidOptionError

if TYPE_CHECKING:
    from tonicdm.endpoints.base import Endpoint

RECORD_TYPES: Final[Mapping[str, str]] = {
    "me": "Myself",
    "persons": "Persons",
    "email_addresses": "EmailAddresses",
    "organizations": "Organizations",
    "brands": "Brands",
    "offices": "Offices",
    "projects": "Projects",
    "team": "Team",
    "groups": "Groups",
    "labels": "Labels",
    "notes": "Notes",
    "disciplines": "Disciplines",
    "certification_definitions": "CertificationDefinitions",
    "filesets": "Filesets",
    "files": "Files",
    "thumbnails": "Thumbnails",
    "uploads": "Uploads",
    "cloud_folders": "CloudFolders",
    "conversations": "Conversations",
    "rfis": "Rfis",
    "rfi_parts": "RfiParts",
    "rfi_integrations": "RfiIntegrations",
    "submittals": "Submittals",
    "pcos": "Pcos",
    "pco_parts": "PcoParts",
    "cos": "Cos",
    "tasks": "Tasks",
    "file_transfers": "FileTransfers",
    "file_transfer_parts": "FileTransferParts",
    "tenants": "Tenants",
    "third_party_tokens": "ThirdPartyTokens",
}
"""The class of each record type. The type is also the client's attribute, the store's name and the class's module."""


@functools.cache
def endpoint_class(record_type: str) -> type[Endpoint]:
    """Return the endpoint class of *record_type*.

    Args:
        record_type: Its name, as the client's attribute has it.

    Raises:
        InvalidOptionError: There is no such type.
    """
    if record_type not in RECORD_TYPES:
        known = ", ".join(RECORD_TYPES)
        raise InvalidOptionError(f"no such record type: {record_type}; there are {known}. Nothing was sent.")
    endpoint: type[Endpoint] = getattr(
        importlib.import_module(f"tonicdm.endpoints.{record_type}"), RECORD_TYPES[record_type]
    )
    return endpoint
