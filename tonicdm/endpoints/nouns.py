"""The nouns of the API as attributes of a client, each loaded when it is first used.

Importing all endpoint classes and models takes longer than importing aiohttp; most programs use a few of them.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

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


class Nouns:
    """One attribute per endpoint class."""

    _caller: Caller

    @cached_property
    def me(self) -> Myself:
        """The user behind the token, with settings (``/core/me``)."""
        from tonicdm.endpoints.me import Myself

        return Myself(self._caller)

    @cached_property
    def persons(self) -> Persons:
        """Persons: your users, mailboxes and contacts (``/core/persons``)."""
        from tonicdm.endpoints.persons import Persons

        return Persons(self._caller)

    @cached_property
    def email_addresses(self) -> EmailAddresses:
        """Email addresses with their contact data (``/core/emailaddresses``)."""
        from tonicdm.endpoints.email_addresses import EmailAddresses

        return EmailAddresses(self._caller)

    @cached_property
    def organizations(self) -> Organizations:
        """Your own organization, and those of contacts with the AdvancedContacts licence (``/core/organizations``)."""
        from tonicdm.endpoints.organizations import Organizations

        return Organizations(self._caller)

    @cached_property
    def brands(self) -> Brands:
        """Brands of your own organization and of contacts (``/core/brands``)."""
        from tonicdm.endpoints.brands import Brands

        return Brands(self._caller)

    @cached_property
    def offices(self) -> Offices:
        """Offices of your own organization, and of contacts with the AdvancedContacts licence (``/core/offices``)."""
        from tonicdm.endpoints.offices import Offices

        return Offices(self._caller)

    @cached_property
    def projects(self) -> Projects:
        """Projects of your own organization (``/core/projects``); a list also tells the zone of each."""
        from tonicdm.endpoints.projects import Projects

        return Projects(self._caller)

    @cached_property
    def team(self) -> Team:
        """Members of projects: email addresses with their brands (``/core/team``)."""
        from tonicdm.endpoints.team import Team

        return Team(self._caller)

    @cached_property
    def groups(self) -> Groups:
        """Reusable lists of recipients (``/core/groups``); the reference has no operation that reads them."""
        from tonicdm.endpoints.groups import Groups

        return Groups(self._caller)

    @cached_property
    def labels(self) -> Labels:
        """Labels attached to objects (``/core/labels``)."""
        from tonicdm.endpoints.labels import Labels

        return Labels(self._caller)

    @cached_property
    def notes(self) -> Notes:
        """Notes attached to items (``/core/notes``)."""
        from tonicdm.endpoints.notes import Notes

        return Notes(self._caller)

    @cached_property
    def disciplines(self) -> Disciplines:
        """Areas of professional expertise (``/core/disciplines``)."""
        from tonicdm.endpoints.disciplines import Disciplines

        return Disciplines(self._caller)

    @cached_property
    def certification_definitions(self) -> CertificationDefinitions:
        """Configured kinds of certifications (``/core/certification-definitions``)."""
        from tonicdm.endpoints.certification_definitions import CertificationDefinitions

        return CertificationDefinitions(self._caller)

    @cached_property
    def filesets(self) -> Filesets:
        """Sets of files (``/fileset/filesets``); they can't be listed, only asked for by their IDs."""
        from tonicdm.endpoints.filesets import Filesets

        return Filesets(self._caller)

    @cached_property
    def files(self) -> Files:
        """Files of filesets (``/fileset/files``)."""
        from tonicdm.endpoints.files import Files

        return Files(self._caller)

    @cached_property
    def thumbnails(self) -> Thumbnails:
        """Thumbnails of files (``/fileset/thumbnails``)."""
        from tonicdm.endpoints.thumbnails import Thumbnails

        return Thumbnails(self._caller)

    @cached_property
    def uploads(self) -> Uploads:
        """Uploads in parts (``/fileset/multi-part-initialize``); the paths of the further steps are not documented."""
        from tonicdm.endpoints.uploads import Uploads

        return Uploads(self._caller)

    @cached_property
    def cloud_folders(self) -> CloudFolders:
        """Files and folders on cloud platforms (``/fileset/cloudfilesystem-children``)."""
        from tonicdm.endpoints.cloud_folders import CloudFolders

        return CloudFolders(self._caller)

    @cached_property
    def conversations(self) -> Conversations:
        """Correspondence by email (``/correspondence/conversations``)."""
        from tonicdm.endpoints.conversations import Conversations

        return Conversations(self._caller)

    @cached_property
    def rfis(self) -> Rfis:
        """Requests for information (``/workflow/rfis``)."""
        from tonicdm.endpoints.rfis import Rfis

        return Rfis(self._caller)

    @cached_property
    def rfi_parts(self) -> RfiParts:
        """Steps of RFIs, such as received and forwarded (``/workflow/rfi-parts``)."""
        from tonicdm.endpoints.rfi_parts import RfiParts

        return RfiParts(self._caller)

    @cached_property
    def rfi_integrations(self) -> RfiIntegrations:
        """Responses to RFIs in third-party systems, such as Procore (``/workflow/rfi-integrations``)."""
        from tonicdm.endpoints.rfi_integrations import RfiIntegrations

        return RfiIntegrations(self._caller)

    @cached_property
    def submittals(self) -> Submittals:
        """Submittals (``/workflow/submittals``)."""
        from tonicdm.endpoints.submittals import Submittals

        return Submittals(self._caller)

    @cached_property
    def pcos(self) -> Pcos:
        """Proposed change orders (``/workflow/pcos``); the reference shows only their deletion (deletePco)."""
        from tonicdm.endpoints.pcos import Pcos

        return Pcos(self._caller)

    @cached_property
    def pco_parts(self) -> PcoParts:
        """Steps of proposed change orders (``/workflow/pco-parts``)."""
        from tonicdm.endpoints.pco_parts import PcoParts

        return PcoParts(self._caller)

    @cached_property
    def cos(self) -> Cos:
        """Change orders (``/workflow/cos``)."""
        from tonicdm.endpoints.cos import Cos

        return Cos(self._caller)

    @cached_property
    def tasks(self) -> Tasks:
        """Tasks (``/workflow/tasks``)."""
        from tonicdm.endpoints.tasks import Tasks

        return Tasks(self._caller)

    @cached_property
    def file_transfers(self) -> FileTransfers:
        """File transfers (``/workflow/filetransfers``)."""
        from tonicdm.endpoints.file_transfers import FileTransfers

        return FileTransfers(self._caller)

    @cached_property
    def file_transfer_parts(self) -> FileTransferParts:
        """Steps of file transfers (``/workflow/filetransfer-parts``)."""
        from tonicdm.endpoints.file_transfer_parts import FileTransferParts

        return FileTransferParts(self._caller)

    @cached_property
    def tenants(self) -> Tenants:
        """Tenants, listed to find the home zone of a domain (``/global/tenants``); meant for TonicDM's internal use."""
        from tonicdm.endpoints.tenants import Tenants

        return Tenants(self._caller)

    @cached_property
    def third_party_tokens(self) -> ThirdPartyTokens:
        """Tokens by which TonicDM reaches third-party systems for a user (``/tokens/token``)."""
        from tonicdm.endpoints.third_party_tokens import ThirdPartyTokens

        return ThirdPartyTokens(self._caller)
