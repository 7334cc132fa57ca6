"""Organizations: companies and bodies that contacts belong to."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from tonicdm.paging import Paginator
from tonicdm.rhythm.endpoints.base import FieldNames, Resource, search_body
from tonicdm.rhythm.endpoints.values import Text
from tonicdm.rhythm.models import Address, CustomFieldValue, Organization, TypedAddress, TypedPhoneNumber
from tonicdm.rhythm.patches import PatchForm, Steps, body_of
from tonicdm.types import ListOf, Unset


class OrganizationFields(TypedDict, total=False):
    """Fields of an organization that may be left out; described at `Organization` (reference: Organization)."""

    type_id: Text
    acronym: Text
    date_profile_last_updated: datetime.datetime | Unset | None
    website: Text
    domain_name: Text
    alternate_domain_names: ListOf[str] | Unset | None
    description: Text
    address: Address | Mapping[str, Any] | Unset | None
    billing_address: Address | Mapping[str, Any] | Unset | None
    other_addresses: Sequence[TypedAddress | Mapping[str, Any]] | Unset | None
    main_phone_number: Text
    fax_phone_number: Text
    alt_phone_number: Text
    other_phone_numbers: Sequence[TypedPhoneNumber | Mapping[str, Any]] | Unset | None
    parent_organization_id: Text
    notes: Text
    logo_url: Text
    flags: ListOf[str] | Unset | None
    status: Text
    tax_exempt: bool | Unset | None
    custom_field_values: Sequence[CustomFieldValue | Mapping[str, Any]] | Unset | None
    sys_external_id: Text
    extra: Mapping[str, Any]
    """Fields that this package does not know, by wire name."""


class OrganizationChanges(OrganizationFields, total=False):
    """Fields of an organization that can be changed."""

    name: Text
    number: float | Unset | None


class OrganizationCriteria(TypedDict, total=False):
    """Criteria of a search, which must all match (carried over from contacts, so assumed)."""

    name: str
    ids: ListOf[str]
    extra: Mapping[str, Any]
    """Criteria that this package does not know, by wire name."""


class Organizations(Resource):
    """Organizations (``/organizations`` of the rolodex service)."""

    async def get(
        self, organization: str, *, fields: FieldNames = None, consistent: bool | None = None
    ) -> Organization:
        """Return one organization (reference: getOrganization).

        Args:
            organization: Its id.
            fields: Only these fields.
            consistent: Whether a change made just now must be seen.

        Raises:
            NotFoundError: There is none with this id.
        """
        return await self._read(
            "getOrganization", Organization, {"id": organization}, fields=fields, consistent_read=consistent
        )

    def search(self, *, fields: FieldNames = None, **criteria: Unpack[OrganizationCriteria]) -> Paginator[Organization]:
        """Search organizations that meet all *criteria* (reference: searchForOrganizations).

        Args:
            fields: Only these fields.
            criteria: See `OrganizationCriteria`.
        """
        return self._list("searchForOrganizations", Organization, fields=fields, body=search_body(criteria))

    async def create(self, *, name: str, number: float, **fields: Unpack[OrganizationFields]) -> Organization | None:
        """Create an organization (reference: createOrganization); its id is made by the service.

        Args:
            name: Its name.
            number: Its number.
            fields: See `OrganizationFields`.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        body = body_of(Organization, {"name": name, "number": number, **fields})
        return await self._write("createOrganization", Organization, body)

    async def update(
        self, organization: str, *, form: PatchForm | None = None, **changes: Unpack[OrganizationChanges]
    ) -> Organization | None:
        """Change an organization by JSON Patch (reference: patchOrganization).

        ``custom_field_values`` is replaced as a whole, as in a contact.

        Args:
            organization: Its id.
            form: How fields are set: ``add`` works whether a field had a value, ``replace`` is what has been seen in
                use; what the client's dialect says unless given.
            changes: See `OrganizationChanges`; None empties a field, UNSET leaves it alone.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._update("patchOrganization", Organization, organization, changes, form)

    async def patch(self, organization: str, steps: Steps) -> Organization | None:
        """Send a JSON Patch as it is (RFC 6902; only ``replace`` has been seen in use).

        Args:
            organization: Its id.
            steps: The operations, or their JSON text.
        """
        return await self._patch("patchOrganization", Organization, organization, steps)
