"""Persons: your users, mailboxes, and contacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, Unpack, get_args, overload

from tonicdm.endpoints.base import SoftDeleting
from tonicdm.endpoints.fields import ID, Extra, Pointer, StatusField, Text
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.lookback import CreatingOnce
from tonicdm.endpoints.options import IDsOption, PageOptions, UpdatedOption, options_of
from tonicdm.http.operation import Operation
from tonicdm.ids import record_id
from tonicdm.models import Me, Person, PersonEmailAddress, RecordStub
from tonicdm.paging import Paginator
from tonicdm.types import UNSET, DataQuantityLike, IDLike, ListOf, RecordDataQuantity, StubDataQuantity, Unset

PATH = "/core/persons"


PersonSort: TypeAlias = Literal["name", "title", "status", "id", "datetime_created", "datetime_updated"]
"""What a list of persons can be sorted by: the plain fields of a record, as the reference gives an example only."""


class PersonOptions(PageOptions, IDsOption, UpdatedOption, total=False):
    """Options of a list of persons (reference: getPersons)."""

    filter_organization_ids: ListOf[IDLike]
    """Only persons of these organizations."""
    filter_disciplines: ListOf[IDLike]
    """Only persons of these disciplines."""
    filter_office_ids: ListOf[IDLike]
    """Only persons of these offices."""
    sort_by: PersonSort
    """Field to sort by; ``name`` unless given."""


class PersonChanges(StatusField, total=False):
    """Fields of a person that can be changed (reference: patchPerson)."""

    email_addresses: Sequence[PersonEmailAddress | Mapping[str, Any]] | Unset
    """All addresses of the person, as records or as JSON objects."""
    name: Text
    """Name."""
    title: Text
    """Title."""
    desk_phone: Any
    """Desk phone; its form is not documented."""
    mobile_phone: Any
    """Mobile phone; its form is not documented."""
    office: Pointer
    """The office, as an object; `office_id` is what the text of the page names."""
    office_id: ID
    """The office of the person."""
    division1: Pointer
    """The first division of a member of the staff (concepts page, "Division1 and Division2"); assumed; AdvancedMetrics
    licence."""
    division2: Pointer
    """The second division; assumed; AdvancedMetrics licence."""


class Persons(CreatingOnce[Person], SoftDeleting[Person]):
    """Persons: your users, mailboxes and contacts (``/core/persons``)."""

    record_type = "persons"
    _model = Person
    _listing = ListOperation(
        operation=Operation(method="GET", path=PATH, options=options_of(PersonOptions), has_data_quantity=True),
        model=Person,
        sort="name",
        sorts=get_args(PersonSort),
    )
    _create_operation = Operation(method="POST", path=PATH)
    _update_operation = Operation(method="PATCH", path=PATH)
    _me_operation = Operation(method="GET", path=f"{PATH}/me")

    @overload
    def list(self, *, data_quantity: StubDataQuantity, **options: Unpack[PersonOptions]) -> Paginator[RecordStub]: ...
    @overload
    def list(
        self, *, data_quantity: RecordDataQuantity = "basic", **options: Unpack[PersonOptions]
    ) -> Paginator[Person]: ...
    def list(self, *, data_quantity: DataQuantityLike = "basic", **options: Unpack[PersonOptions]) -> Paginator[Any]:
        """List persons (reference: getPersons).

        Args:
            data_quantity: ``id_only`` yields stubs, ``basic`` and ``complete`` yield records.
            **options: See `PersonOptions`.
            filter_organization_ids: Only persons of these organizations.
            filter_disciplines: Only persons of these disciplines.
            filter_office_ids: Only persons of these offices.
            sort_by: Field to sort by; ``name`` unless given.
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

    @overload
    async def me(self, *, data_quantity: StubDataQuantity) -> RecordStub: ...
    @overload
    async def me(self, *, data_quantity: RecordDataQuantity = "basic") -> Me: ...
    async def me(self, *, data_quantity: DataQuantityLike = "basic") -> Me | RecordStub:
        """Return the signed-in user as a person with settings (reference: getPersonsMe).

        The concepts page alone names it ("User"); `me.get` has a page of its own.

        Args:
            data_quantity: As for `me.get`.
        """
        return await self._read_own(self._me_operation, Me, data_quantity)

    async def create(
        self, *, email_addresses: Sequence[PersonEmailAddress | Mapping[str, Any]], **fields: Unpack[Extra]
    ) -> Person | None:
        """Create a person from email addresses (reference: postPerson).

        An office is set in a second step, with `update`.

        Args:
            email_addresses: The addresses, as records or as JSON objects.
            fields: See `Extra`.
            extra: Fields that this package does not know, by wire name.
            data_quantity: How much of the record comes back: ``basic`` unless given; with ``id_only`` no more than its
                ID and its time of change.

        Returns:
            The person as the server answered it; None if it answered nothing.
        """
        return await self._create({"email_addresses": email_addresses, **fields})

    async def update(self, record: IDLike, **fields: Unpack[PersonChanges]) -> Person | None:
        """Change a person (reference: patchPerson).

        Args:
            record: Its ID.
            fields: See `PersonChanges`.
            email_addresses: All addresses of the person, as records or as JSON objects.
            name: Name.
            title: Title.
            desk_phone: Desk phone; its form is not documented.
            mobile_phone: Mobile phone; its form is not documented.
            office: The office, as an object; `office_id` is what the text of the page names.
            office_id: The office of the person.
            division1: The first division of a member of the staff (concepts page, "Division1 and Division2"); assumed;
                AdvancedMetrics licence.
            division2: The second division; assumed; AdvancedMetrics licence.
            status: ``active``, ``inactive`` or ``deleted``.
            extra: Fields that this package does not know, by wire name.
            data_quantity: How much of the record comes back: ``basic`` unless given; with ``id_only`` no more than its
                ID and its time of change.

        Returns:
            The person as the server answered it; None if it answered nothing.
        """
        office = fields.pop("office_id", UNSET)
        changes: dict[str, Any] = dict(fields)
        if not isinstance(office, Unset):
            # The text of the reference names officeId, the schema has office alone.
            identity = None if office is None else record_id(office, "office_id")
            changes["extra"] = {**changes.get("extra", {}), "officeId": identity}
        return await self._update(record, changes)
