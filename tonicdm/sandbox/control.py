"""Control paths under /__: watch and control a sandbox in another process, without token or units."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Generic, Protocol, TypeVar

import attrs
from aiohttp import web

from tonicdm.sandbox.faults import Faults
from tonicdm.sandbox.journal import token_label
from tonicdm.sandbox.messages import to_json
from tonicdm.sandbox.settings import ServerSettings
from tonicdm.sandbox.state import SandboxState


class Steerable(Protocol):
    """What the sandboxes have in common."""

    @property
    def settings(self) -> ServerSettings:
        """The choices."""
        ...

    @property
    def faults(self) -> Faults:
        """The faults."""
        ...

    def now(self) -> float:
        """Return the server's time."""
        ...

    def advance(self, seconds: float) -> None:
        """Move it forward."""
        ...

    def reset(self) -> None:
        """Begin anew."""
        ...


B = TypeVar("B", bound=Steerable)
Action = Callable[[B, web.BaseRequest], Awaitable[Any]]
Actions = Mapping[tuple[str, str], Action[B]]


class Control(Generic[B]):
    """Answers the control paths of one sandbox.

    Args:
        box: The sandbox.
        actions: What there is by method and path; an action returns JSON values or a response.
    """

    def __init__(self, box: B, actions: Actions[B]) -> None:
        self._box = box
        self._actions = actions

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a control request: 200 with JSON or JSON lines, 400 with a reason, 404."""
        action = self._actions.get((request.method, request.path))
        if action is None:
            known = ", ".join(" ".join(name) for name in self._actions)
            return _json(404, {"message": f"no control {request.method} {request.path}; there are {known}"})
        try:
            done = await action(self._box, request)
        except (ValueError, KeyError, TypeError) as error:
            return _json(400, {"message": str(error.args[0] if error.args else error)})
        return done if isinstance(done, web.StreamResponse) else _json(200, done)


def _json(status: int, value: Any) -> web.Response:
    return web.Response(status=status, body=to_json(value), content_type="application/json")


async def stream(request: web.BaseRequest, lines: Iterator[bytes]) -> web.StreamResponse:
    """Answer with JSON lines, some at a time."""
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    chunk = bytearray()
    for line in lines:
        chunk += line
        if len(chunk) > 1 << 16:
            await response.write(bytes(chunk))
            chunk.clear()
    await response.write_eof(bytes(chunk))
    return response


def _lines(box: SandboxState, request: web.BaseRequest) -> Iterator[bytes]:
    """Return the records of a type, soft-deleted ones too, as JSON lines in the order of their IDs."""
    record_type, data_quantity = request.query["type"], request.query.get("data_quantity", "basic")
    if data_quantity not in {"id_only", "basic", "complete"}:
        raise ValueError(f"no data_quantity {data_quantity!r}")
    table, firm = box.world.table(record_type), box.world.firm
    make = {"id_only": firm.stub, "basic": firm.record, "complete": firm.complete}[data_quantity]
    return (to_json(make(record_type, rank)) + b"\n" for rank in table.select(range(3)))


async def body_of(request: web.BaseRequest) -> dict[str, Any]:
    """Return the JSON object that was sent; empty when nothing was.

    Raises:
        TypeError: It is something else.
    """
    value = await request.json() if request.body_exists else {}
    if not isinstance(value, dict):
        raise TypeError("the body must be a JSON object")
    return value


async def _health(box: SandboxState, _: web.BaseRequest) -> Any:
    return {
        "ok": True,
        "url": box.url,
        "seed": box.world.firm.seed,
        "zone": box.settings.zone,
        "environment": box.environment,
    }


async def _clock(box: Steerable, _: web.BaseRequest) -> Any:
    return {"now": box.now()}


async def _advance(box: Steerable, request: web.BaseRequest) -> Any:
    box.advance(float((await body_of(request))["advance"]))
    return {"now": box.now()}


async def _journal(box: SandboxState, request: web.BaseRequest) -> Any:
    """Return the entries from number `since` on, and sums over all."""
    since = int(request.query.get("since", "0"))
    token = request.query.get("token")
    entries = [entry.as_json() for entry in box.journal[since:] if token is None or entry.token == token_label(token)]
    return {"count": len(box.journal), "units": box.units(token), "entries": entries}


async def _clear_journal(box: SandboxState, _: web.BaseRequest) -> Any:
    box.journal.clear()
    return {"count": 0}


async def _faults(box: Steerable, _: web.BaseRequest) -> Any:
    return box.faults.as_json()


async def _set_faults(box: Steerable, request: web.BaseRequest) -> Any:
    """Take {"on": [...], "next": [...], "off": [...]}: names, or objects of the arguments of those methods."""
    body = await body_of(request)
    if unknown := sorted(set(body) - {"off", "on", "next"}):
        raise ValueError(f"unknown: {', '.join(unknown)}; on, next and off are known")
    off = body.get("off", [])
    for name in [None] if off == "all" else off:
        box.faults.off(name)
    for act, items in ((box.faults.on, body.get("on", [])), (box.faults.next, body.get("next", []))):
        for item in items:
            arguments: dict[str, Any] = {"name": item} if isinstance(item, str) else item
            act(**arguments)
    return box.faults.as_json()


async def _settings(box: Steerable, _: web.BaseRequest) -> Any:
    return box.settings.as_json()


async def _set_settings(box: Steerable, request: web.BaseRequest) -> Any:
    box.settings.update(await body_of(request))
    return box.settings.as_json()


async def _window(box: SandboxState, request: web.BaseRequest) -> Any:
    state = box.window(request.query.get("token"))
    return {
        "used": state.used,
        "limit": state.limit,
        "remaining": state.remaining,
        "reset": state.reset,
        "exceeded": state.exceeded,
        "extended": state.extended,
    }


async def _spend(box: SandboxState, request: web.BaseRequest) -> Any:
    body = await body_of(request)
    box.spend(int(body["units"]), body.get("token"))
    return {"used": box.window(body.get("token")).used}


async def _reset(box: Steerable, _: web.BaseRequest) -> Any:
    box.reset()
    return {"now": box.now()}


async def _snapshot(box: SandboxState, _: web.BaseRequest) -> Any:
    """Keep a snapshot and return its number."""
    return {"snapshot": box.keep()}


async def _restore(box: SandboxState, request: web.BaseRequest) -> Any:
    box.restore(box.kept(int((await body_of(request))["snapshot"])))
    return {"now": box.now()}


async def _world(box: SandboxState, request: web.BaseRequest) -> Any:
    if "type" in request.query:
        return await stream(request, _lines(box, request))
    return {record_type: box.world.count(record_type) for record_type in box.world.types}


async def _change_world(box: SandboxState, request: web.BaseRequest) -> Any:
    """Take {"update"|"create"|"delete"|"touch": [{"type", "id", "fields"}...]} and change the world uncharged."""
    body = await body_of(request)
    made = [box.world.create(item["type"], **item.get("fields", {})) for item in body.get("create", [])]
    for item in body.get("update", []):
        box.world.update(item["type"], item["id"], **item["fields"])
    for item in body.get("touch", []):
        box.world.touch(item["type"], item["id"], item.get("at"))
    for item in body.get("delete", []):
        box.world.delete(item["type"], item["id"], soft=bool(item.get("soft", False)))
    return {"created": made}


async def _webhooks(box: SandboxState, _: web.BaseRequest) -> Any:
    return [attrs.asdict(delivery) for delivery in box.webhooks.deliveries]


async def _set_webhooks(box: SandboxState, request: web.BaseRequest) -> Any:
    """Take {"subscribe": [{"url", "secret", "record_types"}...], "set": {name: value}, "outage": true | false}."""
    body = await body_of(request)
    for item in body.get("subscribe", []):
        secret, record_types = item.get("secret"), item.get("record_types")
        box.webhooks.subscribe(
            item["url"],
            secret=secret.encode() if secret else None,
            record_types=None if record_types is None else set(record_types),
        )
    for name, value in body.get("set", {}).items():
        if name not in {
            "duplicate_rate",
            "drop_rate",
            "delay_seconds",
            "time",
            "retries",
            "retry_seconds",
            "max_retry_seconds",
        }:
            raise ValueError(f"webhooks have no {name!r}")
        setattr(box.webhooks, name, tuple(value) if isinstance(value, list) else value)
    if "outage" in body:
        (box.webhooks.begin_outage if body["outage"] else box.webhooks.end_outage)()
    return {"deliveries": len(box.webhooks.deliveries), "under_way": box.webhooks.under_way}


SHARED_ACTIONS: Actions[Steerable] = {
    ("GET", "/__clock"): _clock,
    ("POST", "/__clock"): _advance,
    ("GET", "/__faults"): _faults,
    ("POST", "/__faults"): _set_faults,
    ("GET", "/__settings"): _settings,
    ("POST", "/__settings"): _set_settings,
    ("POST", "/__reset"): _reset,
}
"""What every sandbox answers."""
ACTIONS: Actions[SandboxState] = {
    ("GET", "/__health"): _health,
    **SHARED_ACTIONS,
    ("GET", "/__journal"): _journal,
    ("DELETE", "/__journal"): _clear_journal,
    ("GET", "/__window"): _window,
    ("POST", "/__spend"): _spend,
    ("POST", "/__snapshot"): _snapshot,
    ("POST", "/__restore"): _restore,
    ("GET", "/__webhooks"): _webhooks,
    ("POST", "/__webhooks"): _set_webhooks,
    ("GET", "/__world"): _world,
    ("POST", "/__world"): _change_world,
}
"""What the TonicDM side answers."""
