"""Lists, searches, reads, writes and batches of the further types (rhythm-more reference)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from tonicdm.sandbox.messages import Refusal, Response, json_response
from tonicdm.sandbox.rhythm.ask import Ask, Handler, one
from tonicdm.sandbox.rhythm.directory import change, get
from tonicdm.sandbox.rhythm.paging import listed, page
from tonicdm.sandbox.rhythm.patch import patched
from tonicdm.sandbox.rhythm.table import Record, Table
from tonicdm.sandbox.rhythm.world import CHAPTERS

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


def table_of(ask: Ask, name: str) -> Table:
    """Return a table of the call's tenant."""
    return ask.tenant.world.tables[name]


def list_all(name: str, ask: Ask) -> Response:
    """Answer a list of a whole type."""
    return listed(ask, table_of(ask, name), "array")


def list_by_key(name: str, field: str, ask: Ask) -> Response:
    """Answer a list of what belongs to one record."""
    table, wanted = table_of(ask, name), ask.parameters[field]
    return page(
        ask,
        table,
        lambda rank: table.value(rank, field) == wanted,
        fields=ask.query.get("fields"),
        key=ask.query.get("exclusiveStartKey"),
    )


def search_lists(name: str, needed: tuple[str, ...], ask: Ask) -> Response:
    """Answer a search whose criteria are lists, of which one value must match; ``date`` is a range.

    Raises:
        Refusal: 400, a criterion is missing, unknown or of another form.
    """
    criteria: Record = dict(ask.json(dict))
    key = criteria.pop("exclusiveStartKey", None) if ask.settings.key_place != "query" else None
    if missing := [one for one in needed if one not in criteria]:
        raise Refusal(400, f"{', '.join(missing)} is required")
    table = table_of(ask, name)
    for field, wanted in criteria.items():
        if field != "ids" and field not in table.names and ask.settings.unknown_criteria == "refuse":
            raise Refusal(400, f"no criterion {field!r}")
        if field in {*needed, "name"}:
            continue
        if not isinstance(wanted, list) or (field == "date" and len(wanted) != 2):
            raise Refusal(400, f"{field} must be an array" + (" of two moments" if field == "date" else ""))
    return page(
        ask,
        table,
        lambda rank: all(_meets(table, rank, field, wanted) for field, wanted in criteria.items()),
        fields=ask.query.get("fieldsToReturn"),
        key=str(key or ask.query.get("exclusiveStartKey") or "") or None,
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


def create(name: str, ask: Ask) -> Response:
    """Answer the operations that make one record."""
    sent: Record = ask.json(dict)
    return json_response(200, table_of(ask, name).add(checked(name, sent), ask.now, ask.user), 1)


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


def get_score(ask: Ask) -> Response:
    """Answer getEngagementScore."""
    found = ask.tenant.world.score(ask.parameters["id"])
    if found is None:
        raise Refusal(404, f"no score {ask.parameters['id']}")
    return one(ask, found)


def member_contact(ask: Ask) -> Response:
    """Answer getChapterMemberContact; its fields are not documented."""
    world = ask.tenant.world
    rank = world.tables["contacts"].rank(ask.parameters["contactId"])
    if rank is None or ask.parameters["chapterId"] not in CHAPTERS:
        raise Refusal(404, "no such member of this chapter")
    record = world.tables["contacts"].record(rank)
    return json_response(200, {name: record[name] for name in ("id", "name", "email_address") if name in record}, 1)


def batch(name: str, ask: Ask) -> Response:
    """Answer a batch of patches and deletes: each succeeds or fails alone (reference, BatchResponse)."""
    operations = ask.json(dict).get("operations")
    if not isinstance(operations, list) or len(operations) > MAX_OPERATIONS:
        raise Refusal(400, f"operations must be an array of at most {MAX_OPERATIONS}")
    results = [_one(ask, name, operation) for operation in operations]
    failed = sum("error" in result for result in results)
    told = {"error_count": failed, "success_count": len(results) - failed, "results": results}
    return json_response(200, told, len(results))


def _one(ask: Ask, name: str, operation: Any) -> Record:
    told = operation if isinstance(operation, dict) else {}
    result: Record = {"id": told.get("id")}
    table = table_of(ask, name)
    rank = table.rank(str(told.get("id")))
    if rank is None:
        return {**result, "error": "not found"}
    try:
        match told.get("operation"):
            case "delete":
                table.remove(rank)
            case "patch":
                after = patched(table.record(rank), told.get("patch") or [])
                table.put(rank, after, ask.now, ask.user)
            case other:
                return {**result, "error": f"no operation {other!r}"}
    except Refusal as refusal:
        return {**result, "error": refusal.message}
    return {**result, "status": "success"}


HANDLERS: Mapping[str, Handler] = {
    **{operation: partial(list_all, name) for operation, name in LISTS.items()},
    **{operation: partial(list_by_key, *of) for operation, of in LISTS_BY_KEY.items()},
    "searchForRegistrationGroups": partial(search_lists, "registration_groups", ("event_id",)),
    "searchForPledges": partial(search_lists, "pledges", ()),
    "getApplication": partial(get, "applications"),
    "getInvoice": partial(get, "invoices"),
    "getPaymentForPortal": partial(get, "payments"),
    "patchInvoice": partial(change, "invoices"),
    "patchGift": partial(change, "gifts"),
    "createCredit": partial(create, "credits"),
    "createWorkflow": partial(create, "workflows"),
    "createQueryDeliverySchedule": partial(create, "query_delivery_schedules"),
    "createSavedSearch": partial(create, "saved_searches"),
    "getEngagementScore": get_score,
    "getChapterMemberContact": member_contact,
    "executeContactBatchOperations": partial(batch, "contacts"),
    "executeMembershipBatchOperations": partial(batch, "memberships"),
}
"""By operationId."""
