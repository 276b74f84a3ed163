"""Assembly of the application: the speech service, and the laboratory on top of it if it is wanted."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from .laboratory import control
from .laboratory.laboratory import LABORATORY, Laboratory
from .service import routes
from .service.service import SERVICE, Service


async def _run_jobs(app: web.Application) -> AsyncIterator[None]:
    app[SERVICE].runner.start()
    yield
    await app[SERVICE].runner.stop()
    await app[SERVICE].engine.close()


def build(service: Service, *, with_laboratory: bool) -> web.Application:
    """Return the application, which serves `service` and runs its jobs while it is up."""
    laboratory = Laboratory(service) if with_laboratory else None
    front = [] if laboratory is None else [control.guard, control.explain, laboratory.middleware]
    app = web.Application(middlewares=[*front, routes.answer_errors])
    app[SERVICE] = service
    app.cleanup_ctx.append(_run_jobs)
    app.add_routes(routes.routes())
    if laboratory is not None:
        app[LABORATORY] = laboratory
        app.add_routes(control.routes())
    return app
