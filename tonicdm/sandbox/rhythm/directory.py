"""Contacts, organizations, events, memberships and the lists around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from tonicdm.sandbox.messages import Refusal, Response, json_response
from tonicdm.sandbox.rhythm.ask import Ask, Handler, array, one
from tonicdm.sandbox.rhythm.criteria import comparable
from tonicdm.sandbox.rhythm.paging import Listed, listed, page
from tonicdm.sandbox.rhythm.patch import patched
from tonicdm.sandbox.rhythm.table import Record, Table

_REACHED: Mapping[str, Mapping[str, str]] = {
    "contacts": {"city": "home_address.city", "country": "home_address.country"},
    "organizations": {"city": "address.city", "country": "address.country"},
    "events": {},
}
"""Search criteria that lie deeper in the record than their name says (reference, ContactSearch)."""


def current_contact(ask: Ask) -> Response:
    """Answer getCurrentContact and getCurrentContactForTenant."""
    table = ask.tenant.world.tables["contacts"]
    return one(ask, table.record(_rank(table, ask.contact_id or "")))


def list_contacts(ask: Ask) -> Response:
    """Answer listContacts."""
    return listed(ask, ask.tenant.world.tables["contacts"], "wrapped")


def contact_by_email(ask: Ask) -> Response:
    """Answer getContactByEmailAddress."""
    address = ask.parameters["emailAddress"]
    rank = ask.tenant.world.by_email(address)
    if rank is None:
        raise Refusal(404, f"no contact with the address {address}")
    record = ask.tenant.world.tables["contacts"].record(rank)
    if ask.settings.email_lookup_shape == "array":
        return array([record], ask.query.get("fields"))
    return one(ask, record)


def get(name: str, ask: Ask) -> Response:
    """Answer the operations that read one record by its ID."""
    table = ask.tenant.world.tables[name]
    return one(ask, table.record(_rank(table, ask.parameters["id"]), ask.stale_since))


def create(name: str, ask: Ask) -> Response:
    """Answer createContact and createOrganization."""
    sent: Record = ask.json(dict)
    if "id" in sent:
        raise Refusal(400, "id is made by the server and may not be sent")
    _check(ask, name, sent, tuple(sent))
    table = ask.tenant.world.tables[name]
    return json_response(200, table.add(_filled(ask, name, sent), ask.now, ask.user), 1)


def change(name: str, ask: Ask) -> Response:
    """Answer patchContact and patchOrganization (RFC 6902)."""
    table = ask.tenant.world.tables[name]
    rank = _rank(table, ask.parameters["id"])
    before = table.record(rank)
    if before.get("sys_locked"):
        raise Refusal(403, "the record is locked against changes through the API")
    after = patched(before, ask.json(list))
    if not isinstance(after, dict):
        raise Refusal(400, "the patch leaves no record")
    touched = tuple(field for field in {*before, *after} if before.get(field) != after.get(field))
    if kept := sorted(field for field in touched if field == "id" or field.startswith("sys_")):
        raise Refusal(400, f"{', '.join(kept)} may not be changed")
    _check(ask, name, after, touched)
    return json_response(200, table.put(rank, _filled(ask, name, after), ask.now, ask.user), 1)


def search(name: str, ask: Ask) -> Response:
    """Answer the searches: all criteria must match (concepts page, "Search")."""
    criteria = dict(ask.json(dict))
    settings = ask.settings
    keys = {"query": ask.query.get("exclusiveStartKey")}
    if settings.key_place != "query":
        keys["body"] = criteria.pop("exclusiveStartKey", None)
    if settings.key_place == "body":
        keys["query"] = None
    key = keys.get("body") or keys["query"]
    table = ask.tenant.world.tables[name]
    tests = [test for field, wanted in criteria.items() if (test := _criterion(ask, name, field, wanted)) is not None]
    return page(
        ask,
        table,
        lambda rank: all(test(rank) for test in tests),
        fields=ask.query.get("fieldsToReturn"),
        key=str(key) if key else None,
    )


def upcoming(ask: Ask) -> Response:
    """Answer getUpcomingEvents: those that have not begun, the next one first."""
    table = ask.tenant.world.tables["events"]
    begin = {rank: datetime.fromisoformat(table.value(rank, "start_date")).timestamp() for rank in table.ranks()}
    ranks = sorted((rank for rank, start in begin.items() if start >= ask.now), key=begin.__getitem__)
    return listed(ask, Listed([table.record(rank) for rank in ranks]), "array")


def small_list(name: str, ask: Ask) -> Response:
    """Answer listAddressTypes and listCommunicationTypes."""
    return listed(ask, ask.tenant.world.small(name), "array")


def scores(ask: Ask) -> Response:
    """Answer listEngagementScoresByCustomer."""
    customer_type, customer_id = ask.parameters["customer_type"], ask.parameters["customer_id"]
    if customer_type not in {"contact", "organization"}:
        raise Refusal(400, "customer_type is contact or organization")
    found = ask.tenant.world.scores(customer_type, customer_id)
    if found is None:
        raise Refusal(404, f"no {customer_type} {customer_id}")
    return listed(ask, Listed(found), "wrapped")


def _rank(table: Table, record_id: str) -> int:
    rank = table.rank(record_id)
    if rank is None:
        raise Refusal(404, f"no record {record_id} among {table.name}")
    return rank


def _check(ask: Ask, name: str, record: Record, touched: tuple[str, ...]) -> None:
    """Refuse a record that lacks what it needs or refers to nothing.

    Raises:
        Refusal: 400, or 409 for a reference to an object that does not exist (reference, Conflict).
    """
    if name == "organizations" and not {"name", "number"} <= set(record):
        raise Refusal(400, "name and number are required")
    for field in ("organization_id", "parent_organization_id"):
        wanted = record.get(field) if field in touched else None
        if wanted is not None and ask.tenant.world.tables["organizations"].rank(str(wanted)) is None:
            raise Refusal(409, f"{field} refers to an organization that does not exist")


def _filled(ask: Ask, name: str, record: Record) -> Record:
    return ask.tenant.world.completed(record) if name == "contacts" else record


def _criterion(ask: Ask, name: str, field: str, wanted: Any) -> Callable[[int], bool] | None:
    """Return what tells whether the record at a rank meets one criterion, None for one to be ignored.

    Raises:
        Refusal: 400, the criterion is unknown or of the wrong type.
    """
    world = ask.tenant.world
    table = world.tables[name]
    if field == "ids":
        if not isinstance(wanted, list):
            raise Refusal(400, "ids must be an array")
        ranks = {table.rank(str(one_id)) for one_id in wanted}
        return lambda rank: rank in ranks
    form = partial(comparable, ignore_case=ask.settings.ignore_case)
    if field == "contact_role_id" and name == "contacts":
        return lambda rank: wanted in (table.value(rank, "contact_role_ids") or ())
    path = _REACHED[name].get(field, field)
    if not world.knows(name, path):
        if ask.settings.unknown_criteria == "refuse":
            raise Refusal(400, f"no criterion {field!r}")
        return None
    if field == "number" and isinstance(wanted, str):
        return lambda rank: str(world.reach(name, rank, path)) == wanted
    sought = form(wanted)
    return lambda rank: bool(form(world.reach(name, rank, path)) == sought)


HANDLERS: Mapping[str, Handler] = {
    "getCurrentContact": current_contact,
    "getCurrentContactForTenant": current_contact,
    "listContacts": list_contacts,
    "getContactByEmailAddress": contact_by_email,
    "getContact": partial(get, "contacts"),
    "createContact": partial(create, "contacts"),
    "patchContact": partial(change, "contacts"),
    "searchForContacts": partial(search, "contacts"),
    "getOrganization": partial(get, "organizations"),
    "createOrganization": partial(create, "organizations"),
    "patchOrganization": partial(change, "organizations"),
    "searchForOrganizations": partial(search, "organizations"),
    "listAddressTypes": partial(small_list, "addressTypes"),
    "listCommunicationTypes": partial(small_list, "communicationTypes"),
    "listEngagementScoresByCustomer": scores,
    "getUpcomingEvents": upcoming,
    "searchForEvents": partial(search, "events"),
    "getEvent": partial(get, "events"),
    "getMembership": partial(get, "memberships"),
}
"""By operationId."""
