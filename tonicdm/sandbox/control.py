"""The paths under /__: a sandbox in another process is watched and steered through them, without token or units."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tonicdm.sandbox.calls import to_json

if TYPE_CHECKING:
    from tonicdm.sandbox.sandbox import Sandbox

Action = Callable[["Sandbox", web.BaseRequest], Awaitable[Any]]


class Control:
    """Answers the control paths of one sandbox."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a control request: 200 with JSON, 400 with a reason, 404."""
        action = _ACTIONS.get((request.method, request.path))
        if action is None:
            return _json(404, {"message": f"no control {request.method} {request.path}"})
        try:
            return _json(200, await action(self._box, request))
        except (ValueError, KeyError, TypeError) as error:
            return _json(400, {"message": str(error)})


def _json(status: int, value: Any) -> web.Response:
    return web.Response(status=status, body=to_json(value), content_type="application/json")


async def _health(box: Sandbox, _: web.BaseRequest) -> Any:
    return {"ok": True, "url": box.url}


async def _clock(box: Sandbox, _: web.BaseRequest) -> Any:
    return {"now": box.now()}


async def _advance(box: Sandbox, request: web.BaseRequest) -> Any:
    box.advance(float((await request.json())["advance"]))
    return {"now": box.now()}


_ACTIONS: dict[tuple[str, str], Action] = {
    ("GET", "/__health"): _health,
    ("GET", "/__clock"): _clock,
    ("POST", "/__clock"): _advance,
}
