"""Email addresses: contacts with a single address each."""

from __future__ import annotations

from typing import Any, Unpack, overload

from tonicdm.endpoints.base import SoftDeleting
from tonicdm.endpoints.fields import ID, Day, Flag, Number, Pointer, StatusField, Text
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.lookback import CreatingOnce
from tonicdm.endpoints.options import IDsOption, PageOptions, UpdatedOption, options_of
from tonicdm.http.operation import Operation
from tonicdm.models import EmailAddress, RecordStub
from tonicdm.paging import Paginator
from tonicdm.types import DataQuantityLike, IDLike, ListOf, RecordDataQuantity, StubDataQuantity, Unset

PATH = "/core/emailaddresses"


class EmailAddressOptions(PageOptions, IDsOption, UpdatedOption, total=False):
    """Options of a list of email addresses (reference: getEmailAddresses)."""

    filter_brand_ids: ListOf[IDLike]
    """Only addresses of these brands."""
    filter_discipline_ids: ListOf[IDLike]
    """Only addresses of these disciplines."""
    filter_office_ids: ListOf[IDLike]
    """Only addresses of these offices."""


class EmailAddressFields(StatusField, total=False):
    """Fields of an email address that may be left out (reference: EmailAddress; concepts page, "Email Addresses").

    Organization, brand, type and delivery status are assigned automatically.
    """

    person_id: ID
    """Links addresses of one person; AdvancedContacts licence."""
    date_active: Day
    """When it became active."""
    date_inactive: Day
    """When it stopped being active; assumed, as all fields below are."""
    is_prime: Flag
    """Whether its data stand for the person; AdvancedContacts licence."""
    name: Text
    """Name of the contact."""
    title: Text
    """Title of the contact."""
    deskphone_country_code: Number
    """Country code, as a number."""
    deskphone_number: Number
    """Digits of the desk phone, as a number."""
    deskphone_extension: Number
    """Extension of the desk phone, as a number."""
    mobilephone_country_code: Number
    """Country code of the mobile phone, as a number."""
    mobilephone_number: Number
    """Digits of the mobile phone, as a number."""
    office: Pointer
    """The office of the contact; AdvancedContacts licence outside your own organization."""
    customer_data_warehouse_id: Text
    """ID in the customer's data warehouse."""
    customer_erp_id: Text
    """ID in the customer's ERP."""
    customer_crm_id: Text
    """ID in the customer's CRM."""


class EmailAddressChanges(EmailAddressFields, total=False):
    """Fields of an email address that can be changed."""

    email_address: str | Unset
    """The address itself."""


class EmailAddresses(CreatingOnce[EmailAddress], SoftDeleting[EmailAddress]):
    """Email addresses with their contact data (``/core/emailaddresses``)."""

    record_type = "email_addresses"
    _model = EmailAddress
    _listing = ListOperation(
        operation=Operation(method="GET", path=PATH, options=options_of(EmailAddressOptions), has_data_quantity=True),
        model=EmailAddress,
    )
    _create_operation = Operation(method="POST", path=PATH)
    _update_operation = Operation(method="PATCH", path=PATH)

    @overload
    def list(
        self, *, data_quantity: StubDataQuantity, **options: Unpack[EmailAddressOptions]
    ) -> Paginator[RecordStub]: ...
    @overload
    def list(
        self, *, data_quantity: RecordDataQuantity = "basic", **options: Unpack[EmailAddressOptions]
    ) -> Paginator[EmailAddress]: ...
    def list(
        self, *, data_quantity: DataQuantityLike = "basic", **options: Unpack[EmailAddressOptions]
    ) -> Paginator[Any]:
        """List email addresses (reference: getEmailAddresses).

        Args:
            data_quantity: ``id_only`` yields stubs, ``basic`` and ``complete`` yield records.
            **options: See `EmailAddressOptions`.
            filter_brand_ids: Only addresses of these brands.
            filter_discipline_ids: Only addresses of these disciplines.
            filter_office_ids: Only addresses of these offices.
            updated_after: Only records changed after this; aware datetimes only (concepts page, "Use Cases").
            filter_ids: Only these records; every other filter is ignored then (reference: filterIDs).
            page_size: Records of a page, from 1 to 1000; 1000 unless given, because a page's price does not depend on
                it.
            sort_direction: Direction of the order.
            search_query: JSON, as text or as values; its grammar is not documented.
            filter_statuses: Only records with these statuses: ``active``, ``inactive``, ``deleted``; ``active`` alone
                when this is absent.
            start_page: The first page to fetch; 1 unless given.
            prefetch: Pages to fetch ahead of the one being read; each is paid for, read or not.
            on_invalid: What becomes of an element that is no record: ``raise``, unless given, ends the list with an
                error that carries the others; ``skip`` leaves it out and in `Paginator.skipped`.
            max_pages: Pages after which a list counts as one that never ends; 10,000 unless given.
            options: Options that this package does not know for the list, by wire name: texts, numbers, booleans,
                times, or lists of them.
            on_ignored: What to do where an answer contradicts an option: ``raise`` an `OptionIgnoredError`, unless
                ``accept`` is given, which takes the records as they come.
        """
        return self._list(data_quantity, options)

    async def create(
        self, *, email_address: str, selective_non_creation: bool = False, **fields: Unpack[EmailAddressFields]
    ) -> EmailAddress | None:
        """Create an email address; its organization and brand follow from it (reference: postEmailAddress).

        Args:
            email_address: The address itself.
            selective_non_creation: Whether to create it only if it is a business address; sent in the body where true,
                as the reference assumes.
            fields: See `EmailAddressFields`.
            person_id: Links addresses of one person; AdvancedContacts licence.
            date_active: When it became active.
            date_inactive: When it stopped being active; assumed, as all fields below are.
            is_prime: Whether its data stand for the person; AdvancedContacts licence.
            name: Name of the contact.
            title: Title of the contact.
            deskphone_country_code: Country code, as a number.
            deskphone_number: Digits of the desk phone, as a number.
            deskphone_extension: Extension of the desk phone, as a number.
            mobilephone_country_code: Country code of the mobile phone, as a number.
            mobilephone_number: Digits of the mobile phone, as a number.
            office: The office of the contact; AdvancedContacts licence outside your own organization.
            customer_data_warehouse_id: ID in the customer's data warehouse.
            customer_erp_id: ID in the customer's ERP.
            customer_crm_id: ID in the customer's CRM.
            status: ``active``, ``inactive`` or ``deleted``.
            extra: Fields that this package does not know, by wire name.
            data_quantity: How much of the record comes back: ``basic`` unless given; with ``id_only`` no more than its
                ID and its time of change.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        given: dict[str, Any] = {"email_address": email_address, **fields}
        if selective_non_creation:
            given["extra"] = {**given.get("extra", {}), "SelectiveNonCreation": True}
        return await self._create(given)

    async def update(self, record: IDLike, **fields: Unpack[EmailAddressChanges]) -> EmailAddress | None:
        """Change an email address (reference: patchEmailAddress).

        Args:
            record: Its ID.
            fields: See `EmailAddressChanges`.
            email_address: The address itself.
            person_id: Links addresses of one person; AdvancedContacts licence.
            date_active: When it became active.
            date_inactive: When it stopped being active; assumed, as all fields below are.
            is_prime: Whether its data stand for the person; AdvancedContacts licence.
            name: Name of the contact.
            title: Title of the contact.
            deskphone_country_code: Country code, as a number.
            deskphone_number: Digits of the desk phone, as a number.
            deskphone_extension: Extension of the desk phone, as a number.
            mobilephone_country_code: Country code of the mobile phone, as a number.
            mobilephone_number: Digits of the mobile phone, as a number.
            office: The office of the contact; AdvancedContacts licence outside your own organization.
            customer_data_warehouse_id: ID in the customer's data warehouse.
            customer_erp_id: ID in the customer's ERP.
            customer_crm_id: ID in the customer's CRM.
            status: ``active``, ``inactive`` or ``deleted``.
            extra: Fields that this package does not know, by wire name.
            data_quantity: How much of the record comes back: ``basic`` unless given; with ``id_only`` no more than its
                ID and its time of change.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._update(record, fields)
