"""Use of the receiver as users write it; checked by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_type

from aiohttp import web

from tonicdm.errors import SignatureError
from tonicdm.types import Secret
from tonicdm.webhooks import (
    Limits,
    Payload,
    Receiver,
    Reply,
    SharedSecret,
    StandardWebhooks,
    TolerantReader,
    Unverified,
    Verifier,
    WebhookApp,
)
from tonicdm.webhooks.web import add_to


class Mine(Verifier):
    def check(self, headers: Mapping[str, str], body: bytes, now: float) -> None:
        if not body:
            raise SignatureError("empty")


def read(payload: Any) -> Payload:
    return Payload(record_type="rfis", records=tuple(payload["items"]))


async def receivers(app: web.Application) -> None:
    verifiers: list[Verifier] = [
        StandardWebhooks("new", b"old", Secret("older"), tolerance=60),
        SharedSecret("X-Key", "secret"),
        Unverified(),
        Mine(),
    ]
    for verifier in verifiers:
        add_to(app, "/hooks", Receiver.for_file("firm.db", verifier, reader=read, limits=Limits(max_body=1024)))
    async with Receiver.for_file("firm.db", Unverified(), reader=TolerantReader(record_type="offices")) as receiver:
        assert_type(receiver, Receiver)
        assert_type(await receiver.accept({}, b"{}"), Reply)
        assert_type(receiver.stored, Mapping[str, int])
        assert_type(receiver.refused, Mapping[int, int])
        WebhookApp(receiver)
