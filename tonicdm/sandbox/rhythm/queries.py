"""The query operations: describe a type, start, describe (concepts page, "Query"; reference, Queries)."""

from __future__ import annotations

import uuid
from array import array
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from tonicdm.sandbox.messages import Refusal, Response, json_response
from tonicdm.sandbox.rhythm.association import CHAPTER_FIELD, CHAPTERS, FURTHER, World
from tonicdm.sandbox.rhythm.context import Context, Handler, Listed, listed, single
from tonicdm.sandbox.rhythm.criteria import comparable, compile_group
from tonicdm.sandbox.rhythm.downloads import signed
from tonicdm.sandbox.rhythm.jobs import FORMATS, STATES, QueryJob
from tonicdm.sandbox.rhythm.versions import Record
from tonicdm.sandbox.world.noise import key_of
from tonicdm.sandbox.world.stamps import stamp

TYPES: Mapping[str, str] = {
    "rolodex:contacts": "contacts",
    "rolodex:organizations": "organizations",
    "membership:memberships": "memberships",
    "events:events": "events",
    "commerce:orders": "orders",
    "collect:payments": "payments",
    "collect:invoices": "invoices",
    "collect:credits": "credits",
}
"""Query types of this server, and the records each is about."""


def saved_queries(context: Context) -> dict[str, Record]:
    """Return the saved queries of the tenant by ID, written with the names that the settings have now."""
    operator = {meaning: name for name, meaning in context.settings.operators.items()}
    active = {"field": "status", "operator": operator.get("eq", "eq"), "value": "active"}
    made: Mapping[str, tuple[str, str, Record]] = {
        "all-contacts": ("All contacts", "rolodex:contacts", _request(("id", "name", "email_address"))),
        "active-organizations": (
            "Active organizations",
            "rolodex:organizations",
            _request(("id", "name"), {context.settings.all_name: [active]}),
        ),
    }
    return {
        name: {"id": name, "name": title, "type": query_type, "query": query}
        for name, (title, query_type, query) in made.items()
    }


def _request(fields: Iterable[str], criteria: Record | None = None) -> Record:
    request: Record = {"output_fields": [{"field": field} for field in fields], "sort_fields": [{"field": "id"}]}
    return request if criteria is None else {**request, "criteria": criteria}


def get_query_definition(context: Context) -> Response:
    """Answer getQueryDefinition."""
    return single(context, _saved(context, context.parameters["id"]))


def list_custom_query_definitions(context: Context) -> Response:
    """Answer listCustomQueryDefinitions: the saved queries, each in a member named definition."""
    rows = [
        {"id": name, "sys_version": 1, "sys_created_at": stamp(context.tenant.world.start, 0), "definition": saved}
        for name, saved in saved_queries(context).items()
    ]
    return listed(context, Listed(rows), "array")


def get_query_description(context: Context) -> Response:
    """Answer getQueryDescription."""
    name = context.parameters["queryType"]
    record_type = _record_type(name)
    fields = (*context.tenant.world.tables[record_type].names, *FURTHER.get(record_type, ()))
    body = {
        "id": name,
        "name": record_type,
        "description": f"Query over {record_type}",
        "primary_table": record_type,
        "fields": [{"field": field} for field in fields],
        "default_output_fields": [{"field": field} for field in ("id", "name")],
        "default_sort_fields": [{"field": "id", "direction": "asc"}],
    }
    return json_response(200, body, 1)


def start_query(context: Context) -> Response:
    """Answer startQuery."""
    return _start(context, context.parameters["queryType"], context.json(dict))


def run_chapter_saved_query(context: Context) -> Response:
    """Answer runChapterSavedQuery: a saved query, of which only the chapter's contacts remain."""
    chapter, saved = context.parameters["chapterId"], _saved(context, context.parameters["savedQueryId"])
    if chapter not in CHAPTERS:
        raise Refusal(404, f"no chapter {chapter}")
    if TYPES[saved["type"]] != "contacts":
        raise Refusal(400, f"saved query {saved['id']} is not about contacts")
    settings = context.settings
    operator = next((name for name, meaning in settings.operators.items() if meaning == "eq"), "eq")
    own = {"field": CHAPTER_FIELD, "operator": operator, "value": chapter}
    criteria = {settings.all_name: [own, saved["query"].get("criteria", {})]}
    return _start(context, saved["type"], {**saved["query"], "criteria": criteria})


def describe_query(context: Context) -> Response:
    """Answer describeQuery; each answer of a finished query signs its URIs anew."""
    job = context.tenant.queries.get(context.parameters["id"])
    if job is None:
        raise Refusal(404, f"no query {context.parameters['id']}")
    return json_response(200, _described(context, job), 1)


def _saved(context: Context, name: str) -> Record:
    saved = saved_queries(context).get(name)
    if saved is None:
        raise Refusal(404, f"no saved query {name}")
    return saved


def _record_type(query_type: str) -> str:
    record_type = TYPES.get(query_type)
    if record_type is None:
        raise Refusal(404, f"no query type {query_type}; there are {', '.join(TYPES)}")
    return record_type


def _start(context: Context, query_type: str, request: Mapping[str, Any]) -> Response:
    record_type, form = _record_type(query_type), context.parameters["outputFormat"]
    if form not in FORMATS:
        raise Refusal(400, f"no output format {form}; there are {', '.join(FORMATS)}")
    world, settings = context.tenant.world, context.settings
    fields = _names(world, record_type, request, "output_fields")
    if not fields:
        raise Refusal(400, "output_fields must name a field")
    job = QueryJob(
        id=str(
            uuid.UUID(
                int=key_of(context.tenant.id, len(context.tenant.queries)) << 64 | key_of(context.seed), version=4
            )
        ),
        type=query_type,
        record_type=record_type,
        format=form,
        fields=tuple(fields),
        world=world.copy(),
        ranks=_matching(context, record_type, request),
        started=context.now,
        started_by=context.user,
        queued_seconds=settings.query_queued_seconds,
        seconds=settings.query_seconds,
        fails="task_fails" in context.injected,
    )
    context.tenant.queries[job.id] = job
    return json_response(200, _described(context, job), 1)


def _names(world: World, record_type: str, request: Mapping[str, Any], member: str) -> list[str]:
    """Return the fields that a list of objects names.

    Raises:
        Refusal: 400, it is no such list, or a field does not exist.
    """
    listed_fields = request.get(member, [])
    if not isinstance(listed_fields, list) or not all(isinstance(item, dict) for item in listed_fields):
        raise Refusal(400, f"{member} must be an array of objects")
    names = [item.get("field") for item in listed_fields]
    for name in names:
        if not isinstance(name, str) or not world.knows(record_type, name):
            raise Refusal(400, f"{member}: no field {name!r}")
    return names


def _matching(context: Context, record_type: str, request: Mapping[str, Any]) -> array[int]:
    """Return the ranks of the records that match, in order, from offset on and no more than limit."""
    world, table = context.tenant.world, context.tenant.world.tables[record_type]
    test = compile_group(request.get("criteria") or {}, context.settings, partial(world.knows, record_type))
    every = table.ranks()
    ranks = array(
        "I",
        (rank for rank in every if test(partial(world.reach, record_type, rank))) if request.get("criteria") else every,
    )
    order = request.get("sort_fields", [])
    # The last key first: sorting is stable, so each further pass keeps the order within equal values.
    for name, sort_field in reversed(list(zip(_names(world, record_type, request, "sort_fields"), order, strict=True))):
        if name == "id" and sort_field.get("direction", "asc") == "asc" and not table.created:
            continue
        ranks = _sorted(
            context, record_type, ranks, name, descending=str(sort_field.get("direction", "asc")).startswith("desc")
        )
    offset, limit = _count(request, "offset", 0), _count(request, "limit", len(ranks))
    return ranks[offset : offset + limit]


def _sorted(context: Context, record_type: str, ranks: array[int], name: str, *, descending: bool) -> array[int]:
    def place(rank: int) -> tuple[int, Any]:
        value = comparable(
            context.tenant.world.reach(record_type, rank, name), ignore_case=context.settings.ignore_case
        )
        # Values of different types do not compare; records without the value come first.
        return (0, 0) if value is None else (1, value) if isinstance(value, float | bool) else (2, str(value))

    return array("I", sorted(ranks, key=place, reverse=descending))


def _count(request: Mapping[str, Any], name: str, default: int) -> int:
    value = request.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Refusal(400, f"{name} must be a whole number")
    return value


def _described(context: Context, job: QueryJob) -> Record:
    state, settings, now = job.state(context.now), context.settings, context.now
    body: Record = {
        "id": job.id,
        "status": settings.query_statuses[STATES.index(state)],
        "sys_created_at": stamp(job.started, 0),
        "sys_created_by_id": job.started_by,
        "sys_last_modified_at": stamp(job.changed(now), 0),
    }
    if state == "failed":
        body |= {"has_result_set": False, "duration": job.seconds}
    elif state != "done":
        body |= {"has_result_set": False, "rows": 0} if settings.early_result_set else {}
    elif not job.ranks and settings.empty_result == "no_result_set":
        body |= {"has_result_set": False, "rows": 0, "size": 0, "duration": job.seconds}
    else:
        file = job.result(context.folder)
        names = (f"data.{job.extension}", "metadata.json")
        uri, metadata = (
            signed(context.url, (context.tenant.id, job.id, name), now, settings.uri_seconds, context.key)
            for name in names
        )
        body |= {
            "has_result_set": True,
            "rows": len(job.ranks),
            "size": file.stat().st_size,
            "duration": job.seconds,
            "metadata_uri": metadata,
            settings.uri_name: uri,
        }
    return body


QUERY_HANDLERS: Mapping[str, Handler] = {
    "getQueryDefinition": get_query_definition,
    "listCustomQueryDefinitions": list_custom_query_definitions,
    "getQueryDescription": get_query_description,
    "startQuery": start_query,
    "describeQuery": describe_query,
    "runChapterSavedQuery": run_chapter_saved_query,
}
"""By operationId."""
