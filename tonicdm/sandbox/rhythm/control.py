"""The paths under /__ of the Rhythm side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs
from aiohttp import web

from tonicdm.sandbox.control import STEERING, Actions, body_of, stream
from tonicdm.sandbox.messages import to_json

if TYPE_CHECKING:
    from tonicdm.sandbox.rhythm.sandbox import RhythmSandbox


async def _health(box: RhythmSandbox, _: web.BaseRequest) -> Any:
    return {
        "ok": True,
        "url": box.url,
        "service_url": box.service_url,
        "auth_url": box.auth_url,
        "tenant_id": box.tenant_id,
        "client_id": box.client_id,
        "audience": box.audience,
    }


async def _journal(box: RhythmSandbox, request: web.BaseRequest) -> Any:
    """Return the entries from number `since` on that match, and how many there are in all."""
    since = int(request.query.get("since", "0"))
    match = {name: value for name, value in request.query.items() if name != "since"}
    found = {id(entry) for entry in box.calls(**match)}
    return {
        "count": len(box.journal),
        "entries": [entry.as_json() for entry in box.journal[since:] if id(entry) in found],
    }


async def _clear_journal(box: RhythmSandbox, _: web.BaseRequest) -> Any:
    box.journal.clear()
    return {"count": 0}


async def _mints(box: RhythmSandbox, request: web.BaseRequest) -> Any:
    """Return the machine tokens issued, of one `client` or in one `month` if asked."""
    mints = box.mints(request.query.get("client"), request.query.get("month"))
    return {"count": len(mints), "mints": [attrs.asdict(mint) for mint in mints]}


async def _queries(box: RhythmSandbox, request: web.BaseRequest) -> Any:
    jobs = box.queries(request.query.get("tenant", box.tenant_id))
    told = [{"id": job.id, "type": job.type, "rows": len(job.ranks), "state": job.state(box.now())} for job in jobs]
    return {"count": len(told), "downloads": len(box.downloads()), "queries": told}


async def _clients(box: RhythmSandbox, request: web.BaseRequest) -> Any:
    """Take {"add": [{"id", "secret", "tenant"}...], "revoke": [{"id", "secret"}...]}; the secret is the new one."""
    body = await body_of(request)
    for item in body.get("add", []):
        box.add_client(item["id"], item["secret"], item.get("tenant", box.tenant_id))
    for item in body.get("revoke", []):
        box.revoke_secret(item["id"], item["secret"])
    return {"clients": sorted(box.issuer.clients)}


async def _tenants(box: RhythmSandbox, request: web.BaseRequest) -> Any:
    """Take {"id", "records"} and add a customer."""
    body = await body_of(request)
    box.add_tenant(str(body["id"]), records=int(body.get("records", 100)))
    return {"tenants": sorted(box.tenants)}


async def _start_execution(box: RhythmSandbox, request: web.BaseRequest) -> Any:
    """Take the arguments of `start_execution`; return the ARN."""
    return {"executionArn": box.start_execution(**(await body_of(request))).arn}


async def _world(box: RhythmSandbox, request: web.BaseRequest) -> Any:
    tables = box.tenants[request.query.get("tenant", box.tenant_id)].world.tables
    if "type" not in request.query:
        return {name: len(table) for name, table in tables.items()}
    table = tables[request.query["type"]]
    lines: Iterator[bytes] = (to_json(table.record(rank)) + b"\n" for rank in table.ranks())
    return await stream(request, lines)


async def _change_world(box: RhythmSandbox, request: web.BaseRequest) -> Any:
    """Take {"update"|"create"|"delete": [{"type", "id", "fields"}...]} and change the records."""
    body = await body_of(request)
    made = [box.create(item["type"], **item.get("fields", {}))["id"] for item in body.get("create", [])]
    for item in body.get("update", []):
        box.edit(item["type"], item["id"], **item["fields"])
    for item in body.get("delete", []):
        box.delete(item["type"], item["id"])
    return {"created": made}


ACTIONS: Actions[RhythmSandbox] = {
    ("GET", "/__health"): _health,
    **STEERING,
    ("GET", "/__journal"): _journal,
    ("DELETE", "/__journal"): _clear_journal,
    ("GET", "/__mints"): _mints,
    ("GET", "/__queries"): _queries,
    ("POST", "/__clients"): _clients,
    ("POST", "/__tenants"): _tenants,
    ("POST", "/__executions"): _start_execution,
    ("GET", "/__world"): _world,
    ("POST", "/__world"): _change_world,
}
"""What the Rhythm side answers."""
