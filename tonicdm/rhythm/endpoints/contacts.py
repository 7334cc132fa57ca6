"""Contacts: the persons of an association."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict, Unpack

from tonicdm.paging import Paginator
from tonicdm.rhythm.endpoints.base import FieldNames, search_body
from tonicdm.rhythm.endpoints.batch import Batched
from tonicdm.rhythm.endpoints.values import Flag, Text
from tonicdm.rhythm.models import Address, Contact, CustomFieldValue, TypedPhoneNumber
from tonicdm.rhythm.patches import PatchForm, Steps, body_of, merged, pointer, steps_of
from tonicdm.types import ListOf, Unset


class ContactFields(TypedDict, total=False):
    """Fields of a contact that can be written; described at `Contact` (reference: Contact)."""

    number: float | Unset | None
    name: Text
    full_name: Text
    name_last_first: Text
    prefix: Text
    salutation: Text
    first_name: Text
    middle_name: Text
    last_name: Text
    maiden_name: Text
    nickname: Text
    suffix: Text
    credentials: Text
    email_address: Text
    email_address2: Text
    email_address3: Text
    organization_id: Text
    organization_name: Text
    new_organization_info: Any
    contact_role_ids: ListOf[str] | Unset | None
    job_title: Text
    link_work_address_to_organization: Flag
    link_work_phone_number_to_organization: Flag
    mobile_phone_number: Text
    work_mobile_phone_number: Text
    home_phone_number: Text
    work_phone_number: Text
    fax_phone_number: Text
    school_phone_number: Text
    preferred_phone_number: Text
    preferred_phone_number_type: Text
    preferred_phone_number_type_id: Text
    other_phone_numbers: Sequence[TypedPhoneNumber | Mapping[str, Any]] | Unset | None
    home_address: Address | Mapping[str, Any] | Unset | None
    work_address: Address | Mapping[str, Any] | Unset | None
    school_address: Address | Mapping[str, Any] | Unset | None
    spouse_id: Text
    date_profile_last_updated: datetime.datetime | Unset | None
    custom_field_values: Sequence[CustomFieldValue | Mapping[str, Any]] | Unset | None
    sys_external_id: Text
    extra: Mapping[str, Any]
    """Fields that this package does not know, by wire name."""


class ContactCriteria(TypedDict, total=False):
    """Criteria of a search, which must all match (reference: ContactSearch)."""

    city: str
    contact_role_id: str
    country: str
    email_address: str
    first_name: str
    job_title: str
    last_name: str
    nickname: str
    ids: ListOf[str]
    number: float | str
    extra: Mapping[str, Any]
    """Criteria that this package does not know, by wire name: the list is cut off in the documents."""


class Contacts(Batched[Contact]):
    """Contacts (``/contacts`` of the rolodex service; batches: executeContactBatchOperations)."""

    batch_operation = "executeContactBatchOperations"
    batch_model = Contact

    async def current(self, *, fields: FieldNames = None, path: Literal["plain", "tenant"] | None = None) -> Contact:
        """Return the contact behind a user's token (reference: getCurrentContact, getCurrentContactForTenant).

        Args:
            fields: Only these fields.
            path: ``plain`` for ``/contacts/current``, which the vendor prints; ``tenant`` for the form with the tenant
                in it; what the client's dialect says unless given.

        Raises:
            NoContactError: The token has no contact, as machine tokens never have; nothing was sent.
        """
        form = path or self._caller.dialect.current_contact
        operation = "getCurrentContact" if form == "plain" else "getCurrentContactForTenant"
        return await self._read(operation, Contact, fields=fields)

    async def get(self, contact: str, *, fields: FieldNames = None, consistent: bool | None = None) -> Contact:
        """Return one contact (reference: getContact).

        Args:
            contact: Its id.
            fields: Only these fields.
            consistent: Whether a change made just now must be seen.

        Raises:
            NotFoundError: There is none with this id.
        """
        return await self._read("getContact", Contact, {"id": contact}, fields=fields, consistent_read=consistent)

    async def find_by_email(self, email_address: str, *, fields: FieldNames = None) -> Contact:
        """Return the contact with an e-mail address (reference: getContactByEmailAddress).

        Args:
            email_address: The address; no log and no error shows it.
            fields: Only these fields.

        Raises:
            NotFoundError: No contact has it.
        """
        return await self._read("getContactByEmailAddress", Contact, {"emailAddress": email_address}, fields=fields)

    def list(self, *, fields: FieldNames = None) -> Paginator[Contact]:
        """List contacts page by page (reference: listContacts); for all of them a query is better.

        Args:
            fields: Only these fields.
        """
        return self._list("listContacts", Contact, fields=fields)

    def search(self, *, fields: FieldNames = None, **criteria: Unpack[ContactCriteria]) -> Paginator[Contact]:
        """Search contacts that meet all *criteria* (reference: searchForContacts).

        Args:
            fields: Only these fields.
            criteria: See `ContactCriteria`.
        """
        return self._list("searchForContacts", Contact, fields=fields, body=search_body(criteria))

    async def create(self, **fields: Unpack[ContactFields]) -> Contact | None:
        """Create a contact (reference: createContact); its id is made by the service.

        Args:
            fields: See `ContactFields`.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._write("createContact", Contact, body_of(Contact, fields))

    async def update(
        self, contact: str, *, form: PatchForm | None = None, **changes: Unpack[ContactFields]
    ) -> Contact | None:
        """Change a contact by JSON Patch (reference: patchContact).

        ``custom_field_values`` is replaced as a whole, and what others set meanwhile is lost with it;
        `set_custom_fields` keeps the values that are not named.

        Args:
            contact: Its id.
            form: How fields are set: ``add`` works whether a field had a value, ``replace`` is what has been seen in
                use; what the client's dialect says unless given.
            changes: See `ContactFields`; None empties a field, UNSET leaves it alone.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._update("patchContact", Contact, contact, changes, form)

    async def patch(self, contact: str, steps: Steps) -> Contact | None:
        """Send a JSON Patch as it is (RFC 6902; only ``replace`` has been seen in use).

        Args:
            contact: Its id.
            steps: The operations, or their JSON text.
        """
        return await self._patch("patchContact", Contact, contact, steps)

    async def set_custom_fields(
        self, contact: str, values: Mapping[str, Any], *, guarded: bool = False
    ) -> Contact | None:
        """Set some custom fields and keep the others: read, merge, write.

        Between the read and the write somebody else may change the list. *guarded* makes the server refuse the write
        then, if it knows the operation ``test``, which no page shows.

        Args:
            contact: Its id.
            values: New values by ``custom_field_id``; None takes a value out.
            guarded: Whether to write only onto the version that was read.
        """
        current = await self.get(contact, fields=("id", "sys_version", "custom_field_values"), consistent=True)
        whole = merged(current.custom_field_values or (), values)
        steps = steps_of(Contact, {"custom_field_values": whole}, self._caller.dialect.patch_operation)
        if guarded and current.sys_version is not None:
            steps.insert(0, {"op": "test", "path": pointer("sys_version"), "value": current.sys_version})
        return await self.patch(contact, steps)

    async def link_current_user(self, email_address: str, *, return_url: str | None = None) -> None:
        """Begin to link the user of the token to another contact; a mail asks for consent.

        (reference: linkCurrentUserToContact)

        Args:
            email_address: That contact's address.
            return_url: Where the link in the mail leads back to.
        """
        body = {} if return_url is None else {"returnUrl": return_url}
        await self._caller.call("linkCurrentUserToContact", {"emailAddress": email_address}, body=body)
