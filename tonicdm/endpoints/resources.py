"""The record types of the API as attributes of a client, each loaded when it is first used."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any

from tonicdm.endpoints.registry import endpoint_class
from tonicdm.lazy import Lazy

if TYPE_CHECKING:
    from tonicdm.endpoints.brands import Brands
    from tonicdm.endpoints.caller import Caller
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


def _made(client: Resources, record_type: str) -> Any:
    return endpoint_class(record_type)(client.caller)


class Resources(abc.ABC):
    """One attribute for each record type."""

    @property
    @abc.abstractmethod
    def caller(self) -> Caller:
        """What makes the calls. Internal: the other packages of this project build on it, and it may change."""

    me: Lazy[Myself] = Lazy(_made)
    """The user behind the token, with settings (``/core/me``)."""
    persons: Lazy[Persons] = Lazy(_made)
    """Persons: your users, mailboxes and contacts (``/core/persons``)."""
    email_addresses: Lazy[EmailAddresses] = Lazy(_made)
    """Email addresses with their contact data (``/core/emailaddresses``)."""
    organizations: Lazy[Organizations] = Lazy(_made)
    """Your own organization, and those of contacts with the AdvancedContacts licence (``/core/organizations``)."""
    brands: Lazy[Brands] = Lazy(_made)
    """Brands of your own organization and of contacts (``/core/brands``)."""
    offices: Lazy[Offices] = Lazy(_made)
    """Offices of your own organization, and of contacts with the AdvancedContacts licence (``/core/offices``)."""
    projects: Lazy[Projects] = Lazy(_made)
    """Projects of your own organization (``/core/projects``); a list also tells the zone of each."""
    team: Lazy[Team] = Lazy(_made)
    """Members of projects: email addresses with their brands (``/core/team``)."""
    groups: Lazy[Groups] = Lazy(_made)
    """Reusable lists of recipients (``/core/groups``); the reference has no operation that reads them."""
    labels: Lazy[Labels] = Lazy(_made)
    """Labels attached to objects (``/core/labels``)."""
    notes: Lazy[Notes] = Lazy(_made)
    """Notes attached to items (``/core/notes``)."""
    disciplines: Lazy[Disciplines] = Lazy(_made)
    """Areas of professional expertise (``/core/disciplines``)."""
    certification_definitions: Lazy[CertificationDefinitions] = Lazy(_made)
    """Configured kinds of certifications (``/core/certification-definitions``)."""
    filesets: Lazy[Filesets] = Lazy(_made)
    """Sets of files (``/fileset/filesets``); they can't be listed, only asked for by their IDs."""
    files: Lazy[Files] = Lazy(_made)
    """Files of filesets (``/fileset/files``)."""
    thumbnails: Lazy[Thumbnails] = Lazy(_made)
    """Thumbnails of files (``/fileset/thumbnails``)."""
    uploads: Lazy[Uploads] = Lazy(_made)
    """Uploads in parts (``/fileset/multi-part-initialize``); the paths of the further steps are not documented."""
    cloud_folders: Lazy[CloudFolders] = Lazy(_made)
    """Files and folders on cloud platforms (``/fileset/cloudfilesystem-children``)."""
    conversations: Lazy[Conversations] = Lazy(_made)
    """Correspondence by email (``/correspondence/conversations``)."""
    rfis: Lazy[Rfis] = Lazy(_made)
    """Requests for information (``/workflow/rfis``)."""
    rfi_parts: Lazy[RfiParts] = Lazy(_made)
    """Steps of RFIs, such as received and forwarded (``/workflow/rfi-parts``)."""
    rfi_integrations: Lazy[RfiIntegrations] = Lazy(_made)
    """Responses to RFIs in third-party systems, such as Procore (``/workflow/rfi-integrations``)."""
    submittals: Lazy[Submittals] = Lazy(_made)
    """Submittals (``/workflow/submittals``)."""
    pcos: Lazy[Pcos] = Lazy(_made)
    """Proposed change orders (``/workflow/pcos``); the reference shows only their deletion (deletePco)."""
    pco_parts: Lazy[PcoParts] = Lazy(_made)
    """Steps of proposed change orders (``/workflow/pco-parts``)."""
    cos: Lazy[Cos] = Lazy(_made)
    """Change orders (``/workflow/cos``)."""
    tasks: Lazy[Tasks] = Lazy(_made)
    """Tasks (``/workflow/tasks``)."""
    file_transfers: Lazy[FileTransfers] = Lazy(_made)
    """File transfers (``/workflow/filetransfers``)."""
    file_transfer_parts: Lazy[FileTransferParts] = Lazy(_made)
    """Steps of file transfers (``/workflow/filetransfer-parts``)."""
    tenants: Lazy[Tenants] = Lazy(_made)
    """Tenants, listed to find the home zone of a domain (``/global/tenants``); meant for TonicDM's internal use."""
    third_party_tokens: Lazy[ThirdPartyTokens] = Lazy(_made)
    """Tokens by which TonicDM reaches third-party systems for a user (``/tokens/token``)."""
