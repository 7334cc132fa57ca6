"""Handlers that read, list, search, create, change and batch records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from tonicdm.sandbox.messages import Refusal, Response, json_response
from tonicdm.sandbox.rhythm.association import CHAPTERS
from tonicdm.sandbox.rhythm.context import Context, Handler, Listed, array, listed, page, single
from tonicdm.sandbox.rhythm.criteria import comparable
from tonicdm.sandbox.rhythm.patch import patched
from tonicdm.sandbox.rhythm.versions import Record, Table

_REACHED: Mapping[str, Mapping[str, str]] = {
    "contacts": {"city": "home_address.city", "country": "home_address.country"},
    "organizations": {"city": "address.city", "country": "address.country"},
    "events": {},
}
"""Search criteria that lie deeper in the record than their name says (reference, ContactSearch)."""


def current_contact(context: Context) -> Response:
    """Answer getCurrentContact and getCurrentContactForTenant."""
    table = context.tenant.world.tables["contacts"]
    return single(context, table.record(_rank(table, context.contact_id or "")))


def list_contacts(context: Context) -> Response:
    """Answer listContacts."""
    return listed(context, context.tenant.world.tables["contacts"], "wrapped")


def contact_by_email(context: Context) -> Response:
    """Answer getContactByEmailAddress."""
    address = context.parameters["emailAddress"]
    rank = context.tenant.world.by_email(address)
    if rank is None:
        raise Refusal(404, f"no contact with the address {address}")
    record = context.tenant.world.tables["contacts"].record(rank)
    if context.settings.email_lookup_shape == "array":
        return array([record], context.query.get("fields"))
    return single(context, record)


def get(name: str, context: Context) -> Response:
    """Answer the operations that read one record by its ID."""
    table = context.tenant.world.tables[name]
    return single(context, table.record(_rank(table, context.parameters["id"]), context.stale_since))


def create(name: str, context: Context) -> Response:
    """Answer createContact and createOrganization."""
    sent: Record = context.json(dict)
    if "id" in sent:
        raise Refusal(400, "id is made by the server and may not be sent")
    _check(context, name, sent, tuple(sent))
    table = context.tenant.world.tables[name]
    return json_response(200, table.add(_filled(context, name, sent), context.now, context.user), 1)


def change(name: str, context: Context) -> Response:
    """Answer patchContact and patchOrganization (RFC 6902)."""
    table = context.tenant.world.tables[name]
    rank = _rank(table, context.parameters["id"])
    before = table.record(rank)
    if before.get("sys_locked"):
        raise Refusal(403, "the record is locked against changes through the API")
    after = patched(before, context.json(list))
    if not isinstance(after, dict):
        raise Refusal(400, "the patch leaves no record")
    touched = tuple(field for field in {*before, *after} if before.get(field) != after.get(field))
    if kept := sorted(field for field in touched if field == "id" or field.startswith("sys_")):
        raise Refusal(400, f"{', '.join(kept)} may not be changed")
    _check(context, name, after, touched)
    return json_response(200, table.put(rank, _filled(context, name, after), context.now, context.user), 1)


def search(name: str, context: Context) -> Response:
    """Answer the searches: all criteria must match (concepts page, "Search")."""
    criteria = dict(context.json(dict))
    settings = context.settings
    keys = {"query": context.query.get("exclusiveStartKey")}
    if settings.key_place != "query":
        keys["body"] = criteria.pop("exclusiveStartKey", None)
    if settings.key_place == "body":
        keys["query"] = None
    key = keys.get("body") or keys["query"]
    table = context.tenant.world.tables[name]
    tests = [
        test for field, wanted in criteria.items() if (test := _criterion(context, name, field, wanted)) is not None
    ]
    return page(
        context,
        table,
        lambda rank: all(test(rank) for test in tests),
        fields=context.query.get("fieldsToReturn"),
        key=str(key) if key else None,
    )


def upcoming(context: Context) -> Response:
    """Answer getUpcomingEvents: those that have not begun, the next one first."""
    table = context.tenant.world.tables["events"]
    begin = {rank: datetime.fromisoformat(table.value(rank, "start_date")).timestamp() for rank in table.ranks()}
    ranks = sorted((rank for rank, start in begin.items() if start >= context.now), key=begin.__getitem__)
    return listed(context, Listed([table.record(rank) for rank in ranks]), "array")


def small_list(name: str, context: Context) -> Response:
    """Answer listAddressTypes and listCommunicationTypes."""
    return listed(context, context.tenant.world.small(name), "array")


def scores(context: Context) -> Response:
    """Answer listEngagementScoresByCustomer."""
    customer_type, customer_id = context.parameters["customer_type"], context.parameters["customer_id"]
    if customer_type not in {"contact", "organization"}:
        raise Refusal(400, "customer_type is contact or organization")
    scores_of = context.tenant.world.scores(customer_type, customer_id)
    if scores_of is None:
        raise Refusal(404, f"no {customer_type} {customer_id}")
    return listed(context, Listed(scores_of), "wrapped")


def _rank(table: Table, record_id: str) -> int:
    rank = table.rank(record_id)
    if rank is None:
        raise Refusal(404, f"no record {record_id} among {table.name}")
    return rank


def _check(context: Context, name: str, record: Record, touched: tuple[str, ...]) -> None:
    """Refuse a record that lacks what it needs or refers to nothing.

    Raises:
        Refusal: 400, or 409 for a reference to an object that does not exist (reference, Conflict).
    """
    if name == "organizations" and not {"name", "number"} <= set(record):
        raise Refusal(400, "name and number are required")
    for field in ("organization_id", "parent_organization_id"):
        wanted = record.get(field) if field in touched else None
        if wanted is not None and context.tenant.world.tables["organizations"].rank(str(wanted)) is None:
            raise Refusal(409, f"{field} refers to an organization that does not exist")


def _filled(context: Context, name: str, record: Record) -> Record:
    return context.tenant.world.completed(record) if name == "contacts" else record


def _criterion(context: Context, name: str, field: str, wanted: Any) -> Callable[[int], bool] | None:
    """Return what tells whether the record at a rank meets one criterion, None for one to be ignored.

    Raises:
        Refusal: 400, the criterion is unknown or of the wrong type.
    """
    world = context.tenant.world
    table = world.tables[name]
    if field == "ids":
        if not isinstance(wanted, list):
            raise Refusal(400, "ids must be an array")
        ranks = {table.rank(str(record_id)) for record_id in wanted}
        return lambda rank: rank in ranks
    form = partial(comparable, ignore_case=context.settings.ignore_case)
    if field == "contact_role_id" and name == "contacts":
        return lambda rank: wanted in (table.value(rank, "contact_role_ids") or ())
    path = _REACHED[name].get(field, field)
    if not world.knows(name, path):
        if context.settings.unknown_criteria == "refuse":
            raise Refusal(400, f"no criterion {field!r}")
        return None
    if field == "number" and isinstance(wanted, str):
        return lambda rank: str(world.reach(name, rank, path)) == wanted
    sought = form(wanted)
    return lambda rank: bool(form(world.reach(name, rank, path)) == sought)


CONTACT_HANDLERS: Mapping[str, Handler] = {
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


MAX_OPERATIONS = 100
"""Operations of a batch (reference, BatchRequest)."""
LISTS: Mapping[str, str] = {
    "listOrders": "orders",
    "listCoupons": "coupons",
    "listCouponCodeGenProcesses": "coupon_code_generations",
    "listBillingTemplates": "billing_templates",
    "listInstallmentPlans": "installment_plans",
    "listRegistrationProcesses": "registration_processes",
    "listApplicationProcesses": "application_processes",
    "listBillingNotices": "billing_notices",
    "listSections": "sections",
    "listGifts": "gifts",
    "listGivingProcesses": "giving_processes",
    "listCertifications": "certifications",
    "listCertificationFees": "certification_fees",
    "listCustomFields": "custom_fields",
    "listTaskTypes": "task_types",
    "listPageLayouts": "page_layouts",
    "listServiceMetadata": "service_metadata",
    "listServiceConfigurations": "service_configurations",
    "listContactDuplicates": "contact_duplicates",
}
"""Bare arrays, by operationId."""
LISTS_BY_KEY: Mapping[str, tuple[str, str]] = {
    "listOrdersByCoupon": ("orders", "coupon_id"),
    "listCancellationsByOrderId": ("cancellations", "order_id"),
    "listProcessesByEventId": ("registration_processes", "event_id"),
    "listDirectoriesByEventId": ("registrant_directories", "event_id"),
    "listRecurringGiftsByContactId": ("recurring_gifts", "contact_id"),
}
"""Wrapped pages of what belongs to one record, by operationId: type, and field with the key."""
NEEDED: Mapping[str, tuple[str, ...]] = {
    "credits": ("type", "owner_type"),
    "workflows": ("name",),
    "query_delivery_schedules": ("name", "saved_query_id", "email_addresses"),
    "saved_searches": ("name", "service"),
}
"""Fields without which a record is not made (reference, x-vendor-required, less what the server sets)."""


def table_of(context: Context, name: str) -> Table:
    """Return a table of the call's tenant."""
    return context.tenant.world.tables[name]


def list_all(name: str, context: Context) -> Response:
    """Answer a list of a whole type."""
    return listed(context, table_of(context, name), "array")


def list_by_key(name: str, field: str, context: Context) -> Response:
    """Answer a list of what belongs to one record."""
    table, wanted = table_of(context, name), context.parameters[field]
    return page(
        context,
        table,
        lambda rank: table.value(rank, field) == wanted,
        fields=context.query.get("fields"),
        key=context.query.get("exclusiveStartKey"),
    )


def search_lists(name: str, needed: tuple[str, ...], context: Context) -> Response:
    """Answer a search whose criteria are lists, of which one value must match; ``date`` is a range.

    Raises:
        Refusal: 400, a criterion is missing, unknown or of another form.
    """
    criteria: Record = dict(context.json(dict))
    key = criteria.pop("exclusiveStartKey", None) if context.settings.key_place != "query" else None
    if missing := [field for field in needed if field not in criteria]:
        raise Refusal(400, f"{', '.join(missing)} is required")
    table = table_of(context, name)
    for field, wanted in criteria.items():
        if field != "ids" and field not in table.names and context.settings.unknown_criteria == "refuse":
            raise Refusal(400, f"no criterion {field!r}")
        if field in {*needed, "name"}:
            continue
        if not isinstance(wanted, list) or (field == "date" and len(wanted) != 2):
            raise Refusal(400, f"{field} must be an array" + (" of two moments" if field == "date" else ""))
    return page(
        context,
        table,
        lambda rank: all(_meets(table, rank, field, wanted) for field, wanted in criteria.items()),
        fields=context.query.get("fieldsToReturn"),
        key=str(key or context.query.get("exclusiveStartKey") or "") or None,
    )


def _meets(table: Table, rank: int, field: str, wanted: Any) -> bool:
    if field == "ids":
        return table.id(rank) in wanted
    if field not in table.names:
        return True
    value = table.value(rank, field)
    if field == "date":
        return value is not None and _instant(wanted[0]) <= _instant(value) <= _instant(wanted[1])
    return value in wanted if isinstance(wanted, list) else value == wanted


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def create_minor(name: str, context: Context) -> Response:
    """Answer the operations that make one record."""
    sent: Record = context.json(dict)
    return json_response(200, table_of(context, name).add(checked(name, sent), context.now, context.user), 1)


def checked(name: str, sent: Record) -> Record:
    """Return a new record as it was sent.

    Raises:
        Refusal: 400, it has an id, or lacks what its type needs.
    """
    if "id" in sent:
        raise Refusal(400, "id is made by the server and may not be sent")
    if missing := [field for field in NEEDED.get(name, ()) if sent.get(field) is None]:
        raise Refusal(400, f"{', '.join(missing)} is required")
    return sent


def get_score(context: Context) -> Response:
    """Answer getEngagementScore."""
    score = context.tenant.world.score(context.parameters["id"])
    if score is None:
        raise Refusal(404, f"no score {context.parameters['id']}")
    return single(context, score)


def member_contact(context: Context) -> Response:
    """Answer getChapterMemberContact; its fields are not documented."""
    world = context.tenant.world
    rank = world.tables["contacts"].rank(context.parameters["contactId"])
    if rank is None or context.parameters["chapterId"] not in CHAPTERS:
        raise Refusal(404, "no such member of this chapter")
    record = world.tables["contacts"].record(rank)
    return json_response(200, {name: record[name] for name in ("id", "name", "email_address") if name in record}, 1)


def batch(name: str, context: Context) -> Response:
    """Answer a batch of patches and deletes: each succeeds or fails alone (reference, BatchResponse)."""
    operations = context.json(dict).get("operations")
    if not isinstance(operations, list) or len(operations) > MAX_OPERATIONS:
        raise Refusal(400, f"operations must be an array of at most {MAX_OPERATIONS}")
    results = [_batch_result(context, name, operation) for operation in operations]
    failed = sum("error" in result for result in results)
    body = {"error_count": failed, "success_count": len(results) - failed, "results": results}
    return json_response(200, body, len(results))


def _batch_result(context: Context, name: str, operation: Any) -> Record:
    fields = operation if isinstance(operation, dict) else {}
    result: Record = {"id": fields.get("id")}
    table = table_of(context, name)
    rank = table.rank(str(fields.get("id")))
    if rank is None:
        return {**result, "error": "not found"}
    try:
        match fields.get("operation"):
            case "delete":
                table.remove(rank)
            case "patch":
                after = patched(table.record(rank), fields.get("patch") or [])
                table.put(rank, after, context.now, context.user)
            case other:
                return {**result, "error": f"no operation {other!r}"}
    except Refusal as refusal:
        return {**result, "error": refusal.message}
    return {**result, "status": "success"}


MINOR_HANDLERS: Mapping[str, Handler] = {
    **{operation: partial(list_all, name) for operation, name in LISTS.items()},
    **{operation: partial(list_by_key, *of) for operation, of in LISTS_BY_KEY.items()},
    "searchForRegistrationGroups": partial(search_lists, "registration_groups", ("event_id",)),
    "searchForPledges": partial(search_lists, "pledges", ()),
    "getApplication": partial(get, "applications"),
    "getInvoice": partial(get, "invoices"),
    "getPaymentForPortal": partial(get, "payments"),
    "patchInvoice": partial(change, "invoices"),
    "patchGift": partial(change, "gifts"),
    "createCredit": partial(create_minor, "credits"),
    "createWorkflow": partial(create_minor, "workflows"),
    "createQueryDeliverySchedule": partial(create_minor, "query_delivery_schedules"),
    "createSavedSearch": partial(create_minor, "saved_searches"),
    "getEngagementScore": get_score,
    "getChapterMemberContact": member_contact,
    "executeContactBatchOperations": partial(batch, "contacts"),
    "executeMembershipBatchOperations": partial(batch, "memberships"),
}
"""By operationId."""
