"""The receiver behind each server that it is made for, on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import fastapi
import starlette.applications
import starlette.routing
import uvicorn
from aiohttp import web

from tonicdm.webhooks.asgi import WebhookApp
from tonicdm.webhooks.web import add_to


@contextlib.asynccontextmanager
async def behind_aiohttp(receiver, path="/hooks", **settings):
    app = web.Application(client_max_size=10)
    add_to(app, path, receiver)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1, lingering_time=0.2, **settings)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}{path}"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def under_uvicorn(app):
    """Run *app*, its lifespan too, and yield the address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, lifespan="on", timeout_graceful_shutdown=2, ws="none")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            while not server.started and not task.done():
                await asyncio.sleep(0.005)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


@contextlib.asynccontextmanager
async def behind_uvicorn(receiver):
    async with under_uvicorn(WebhookApp(receiver)) as url:
        yield f"{url}/hooks"


@contextlib.asynccontextmanager
async def inside_fastapi(receiver):
    @contextlib.asynccontextmanager
    async def lifespan(_app):
        async with receiver:
            yield

    app = fastapi.FastAPI(lifespan=lifespan)
    app.add_route("/hooks", WebhookApp(receiver))

    @app.get("/other")
    def other():
        return {"other": True}

    async with under_uvicorn(app) as url:
        yield f"{url}/hooks"


@contextlib.asynccontextmanager
async def inside_starlette(receiver):
    @contextlib.asynccontextmanager
    async def lifespan(_app):
        async with receiver:
            yield

    mount = starlette.routing.Mount("/hooks", app=WebhookApp(receiver))
    async with under_uvicorn(starlette.applications.Starlette(routes=[mount], lifespan=lifespan)) as url:
        yield f"{url}/hooks/"


SERVERS = {
    "aiohttp": behind_aiohttp,
    "uvicorn": behind_uvicorn,
    "fastapi": inside_fastapi,
    "starlette": inside_starlette,
}
