"""Assembly of the application."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from .laboratory import control
from .service import routes as vendor
from .service.routes import VENDOR, Vendor


async def healthz(request: web.Request) -> web.Response:
    """Answer that the process is up."""
    return web.json_response({"emulator": "rtzr", "engine": request.app[VENDOR].engine_name})


async def _run_jobs(app: web.Application) -> AsyncIterator[None]:
    app[VENDOR].runner.start()
    yield
    await app[VENDOR].runner.stop()
    await app[VENDOR].engine.close()


def build(shared: Vendor) -> web.Application:
    """Return the application, which serves `shared` and runs its jobs while it is up."""
    app = web.Application(middlewares=[control.explain, vendor.front_door])
    app[VENDOR] = shared
    app.cleanup_ctx.append(_run_jobs)
    app.add_routes([web.get("/", healthz), web.get("/healthz", healthz), *vendor.routes(), *control.routes()])
    return app
