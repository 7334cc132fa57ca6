"""The nouns of the API as attributes of a client, each loaded when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Self, TypeVar, cast, overload

from tonicdm.endpoints.registry import endpoint_class

if TYPE_CHECKING:
    from tonicdm.endpoints.base import Endpoint
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

E = TypeVar("E", bound="Endpoint")


class LazyResource(Generic[E]):
    """An endpoint class as an attribute of a client, by its record type; loaded and made when it is first read."""

    def __set_name__(self, owner: type[Resources], name: str) -> None:
        self._record_type = name

    @overload
    def __get__(self, client: None, owner: type[Resources]) -> Self: ...
    @overload
    def __get__(self, client: Resources, owner: type[Resources]) -> E: ...
    def __get__(self, client: Resources | None, owner: type[Resources]) -> Self | E:
        if client is None:
            return self
        made = cast("E", endpoint_class(self._record_type)(client._caller))
        vars(client)[self._record_type] = made  # found before this descriptor from now on
        return made


class Resources:
    """One attribute per endpoint class."""

    _caller: Caller

    me: LazyResource[Myself] = LazyResource()
    """The user behind the token, with settings (``/core/me``)."""
    persons: LazyResource[Persons] = LazyResource()
    """Persons: your users, mailboxes and contacts (``/core/persons``)."""
    email_addresses: LazyResource[EmailAddresses] = LazyResource()
    """Email addresses with their contact data (``/core/emailaddresses``)."""
    organizations: LazyResource[Organizations] = LazyResource()
    """Your own organization, and those of contacts with the AdvancedContacts licence (``/core/organizations``)."""
    brands: LazyResource[Brands] = LazyResource()
    """Brands of your own organization and of contacts (``/core/brands``)."""
    offices: LazyResource[Offices] = LazyResource()
    """Offices of your own organization, and of contacts with the AdvancedContacts licence (``/core/offices``)."""
    projects: LazyResource[Projects] = LazyResource()
    """Projects of your own organization (``/core/projects``); a list also tells the zone of each."""
    team: LazyResource[Team] = LazyResource()
    """Members of projects: email addresses with their brands (``/core/team``)."""
    groups: LazyResource[Groups] = LazyResource()
    """Reusable lists of recipients (``/core/groups``); the reference has no operation that reads them."""
    labels: LazyResource[Labels] = LazyResource()
    """Labels attached to objects (``/core/labels``)."""
    notes: LazyResource[Notes] = LazyResource()
    """Notes attached to items (``/core/notes``)."""
    disciplines: LazyResource[Disciplines] = LazyResource()
    """Areas of professional expertise (``/core/disciplines``)."""
    certification_definitions: LazyResource[CertificationDefinitions] = LazyResource()
    """Configured kinds of certifications (``/core/certification-definitions``)."""
    filesets: LazyResource[Filesets] = LazyResource()
    """Sets of files (``/fileset/filesets``); they can't be listed, only asked for by their IDs."""
    files: LazyResource[Files] = LazyResource()
    """Files of filesets (``/fileset/files``)."""
    thumbnails: LazyResource[Thumbnails] = LazyResource()
    """Thumbnails of files (``/fileset/thumbnails``)."""
    uploads: LazyResource[Uploads] = LazyResource()
    """Uploads in parts (``/fileset/multi-part-initialize``); the paths of the further steps are not documented."""
    cloud_folders: LazyResource[CloudFolders] = LazyResource()
    """Files and folders on cloud platforms (``/fileset/cloudfilesystem-children``)."""
    conversations: LazyResource[Conversations] = LazyResource()
    """Correspondence by email (``/correspondence/conversations``)."""
    rfis: LazyResource[Rfis] = LazyResource()
    """Requests for information (``/workflow/rfis``)."""
    rfi_parts: LazyResource[RfiParts] = LazyResource()
    """Steps of RFIs, such as received and forwarded (``/workflow/rfi-parts``)."""
    rfi_integrations: LazyResource[RfiIntegrations] = LazyResource()
    """Responses to RFIs in third-party systems, such as Procore (``/workflow/rfi-integrations``)."""
    submittals: LazyResource[Submittals] = LazyResource()
    """Submittals (``/workflow/submittals``)."""
    pcos: LazyResource[Pcos] = LazyResource()
    """Proposed change orders (``/workflow/pcos``); the reference shows only their deletion (deletePco)."""
    pco_parts: LazyResource[PcoParts] = LazyResource()
    """Steps of proposed change orders (``/workflow/pco-parts``)."""
    cos: LazyResource[Cos] = LazyResource()
    """Change orders (``/workflow/cos``)."""
    tasks: LazyResource[Tasks] = LazyResource()
    """Tasks (``/workflow/tasks``)."""
    file_transfers: LazyResource[FileTransfers] = LazyResource()
    """File transfers (``/workflow/filetransfers``)."""
    file_transfer_parts: LazyResource[FileTransferParts] = LazyResource()
    """Steps of file transfers (``/workflow/filetransfer-parts``)."""
    tenants: LazyResource[Tenants] = LazyResource()
    """Tenants, listed to find the home zone of a domain (``/global/tenants``); meant for TonicDM's internal use."""
    third_party_tokens: LazyResource[ThirdPartyTokens] = LazyResource()
    """Tokens by which TonicDM reaches third-party systems for a user (``/tokens/token``)."""
