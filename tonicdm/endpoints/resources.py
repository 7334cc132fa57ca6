"""The record types of the API as attributes of a client, each loaded when it is first used."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any

from tonicdm.endpoints.registry import endpoint_class
from tonicdm.late import LateModule
from tonicdm.lazy import Lazy

if TYPE_CHECKING:
    from tonicdm.endpoints import caller as callers
    from tonicdm.endpoints import classes
else:
    callers, classes = LateModule("tonicdm.endpoints.caller"), LateModule("tonicdm.endpoints.classes")


def _made(client: Resources, record_type: str) -> Any:
    return endpoint_class(record_type)(client.caller)


class Resources(abc.ABC):
    """One attribute for each record type."""

    @property
    @abc.abstractmethod
    def caller(self) -> callers.Caller:
        """What makes the calls. Internal: the other packages of this project build on it, and it may change."""

    me: Lazy[classes.Myself] = Lazy(_made)
    """The user behind the token, with settings (``/core/me``)."""
    persons: Lazy[classes.Persons] = Lazy(_made)
    """Persons: your users, mailboxes and contacts (``/core/persons``)."""
    email_addresses: Lazy[classes.EmailAddresses] = Lazy(_made)
    """Email addresses with their contact data (``/core/emailaddresses``)."""
    organizations: Lazy[classes.Organizations] = Lazy(_made)
    """Your own organization, and those of contacts with the AdvancedContacts licence (``/core/organizations``)."""
    brands: Lazy[classes.Brands] = Lazy(_made)
    """Brands of your own organization and of contacts (``/core/brands``)."""
    offices: Lazy[classes.Offices] = Lazy(_made)
    """Offices of your own organization, and of contacts with the AdvancedContacts licence (``/core/offices``)."""
    projects: Lazy[classes.Projects] = Lazy(_made)
    """Projects of your own organization (``/core/projects``); a list also tells the zone of each."""
    team: Lazy[classes.Team] = Lazy(_made)
    """Members of projects: email addresses with their brands (``/core/team``)."""
    groups: Lazy[classes.Groups] = Lazy(_made)
    """Reusable lists of recipients (``/core/groups``); the reference has no operation that reads them."""
    labels: Lazy[classes.Labels] = Lazy(_made)
    """Labels attached to objects (``/core/labels``)."""
    notes: Lazy[classes.Notes] = Lazy(_made)
    """Notes attached to items (``/core/notes``)."""
    disciplines: Lazy[classes.Disciplines] = Lazy(_made)
    """Areas of professional expertise (``/core/disciplines``)."""
    certification_definitions: Lazy[classes.CertificationDefinitions] = Lazy(_made)
    """Configured kinds of certifications (``/core/certification-definitions``)."""
    filesets: Lazy[classes.Filesets] = Lazy(_made)
    """Sets of files (``/fileset/filesets``); they can't be listed, only asked for by their IDs."""
    files: Lazy[classes.Files] = Lazy(_made)
    """Files of filesets (``/fileset/files``)."""
    thumbnails: Lazy[classes.Thumbnails] = Lazy(_made)
    """Thumbnails of files (``/fileset/thumbnails``)."""
    uploads: Lazy[classes.Uploads] = Lazy(_made)
    """Uploads in parts (``/fileset/multi-part-initialize``); the paths of the further steps are not documented."""
    cloud_folders: Lazy[classes.CloudFolders] = Lazy(_made)
    """Files and folders on cloud platforms (``/fileset/cloudfilesystem-children``)."""
    conversations: Lazy[classes.Conversations] = Lazy(_made)
    """Correspondence by email (``/correspondence/conversations``)."""
    rfis: Lazy[classes.Rfis] = Lazy(_made)
    """Requests for information (``/workflow/rfis``)."""
    rfi_parts: Lazy[classes.RfiParts] = Lazy(_made)
    """Steps of RFIs, such as received and forwarded (``/workflow/rfi-parts``)."""
    rfi_integrations: Lazy[classes.RfiIntegrations] = Lazy(_made)
    """Responses to RFIs in third-party systems, such as Procore (``/workflow/rfi-integrations``)."""
    submittals: Lazy[classes.Submittals] = Lazy(_made)
    """Submittals (``/workflow/submittals``)."""
    pcos: Lazy[classes.Pcos] = Lazy(_made)
    """Proposed change orders (``/workflow/pcos``); the reference shows only their deletion (deletePco)."""
    pco_parts: Lazy[classes.PcoParts] = Lazy(_made)
    """Steps of proposed change orders (``/workflow/pco-parts``)."""
    cos: Lazy[classes.Cos] = Lazy(_made)
    """Change orders (``/workflow/cos``)."""
    tasks: Lazy[classes.Tasks] = Lazy(_made)
    """Tasks (``/workflow/tasks``)."""
    file_transfers: Lazy[classes.FileTransfers] = Lazy(_made)
    """File transfers (``/workflow/filetransfers``)."""
    file_transfer_parts: Lazy[classes.FileTransferParts] = Lazy(_made)
    """Steps of file transfers (``/workflow/filetransfer-parts``)."""
    tenants: Lazy[classes.Tenants] = Lazy(_made)
    """Tenants, listed to find the home zone of a domain (``/global/tenants``); meant for TonicDM's internal use."""
    third_party_tokens: Lazy[classes.ThirdPartyTokens] = Lazy(_made)
    """Tokens by which TonicDM reaches third-party systems for a user (``/tokens/token``)."""
