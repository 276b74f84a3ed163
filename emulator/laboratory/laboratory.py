"""The laboratory: limits, faults and counts on top of the speech service, each set by a control."""

from __future__ import annotations

import time
from typing import Final

from aiohttp import web

from ..service.protocol import VendorError
from ..service.routes import Handler, refusal
from ..service.service import OUTCOME, ROUTES, Outcome, Route, Rules, Service
from .faults import Faults, NoAnswerError, strike
from .limits import Limits
from .stats import Entry, Stats
from .turnaround import Turnaround

_DRAIN_BYTES: Final = 256 * 1024


class Laboratory:
    """The state of the controls. It takes its place in front of the service's routes as a middleware."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.limits = Limits(time.monotonic)
        self.faults = Faults()
        self.stats = Stats()
        service.door = self.limits
        self.restore_rules()

    def restore_rules(self) -> None:
        """Restore the service's own lifetimes, sizes and turnaround."""
        self.service.rules = Rules(shortest=Turnaround(self.service.engine.shortest_seconds).draw)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count a request of the service's routes, and apply the faults."""
        route = next((known for known in ROUTES if known == request.match_info.route.name), None)
        if route is None:
            return await handler(request)
        request[OUTCOME] = outcome = Outcome()
        with self.stats.request(route) as entry:
            try:
                response = await self._answer(request, handler, route, entry)
            except NoAnswerError:
                if request.transport is not None:
                    request.transport.abort()
                return web.Response()  # for aiohttp; the client never reads it
            except VendorError as error:
                outcome.code, response = error.code, refusal(error)
            except web.HTTPException as error:
                entry.status = error.status
                raise
            finally:
                entry.code, entry.job, entry.ready_at = outcome.code, outcome.job, outcome.ready_at
            entry.status = response.status if outcome.answered else None
            return response

    async def _answer(
        self, request: web.Request, handler: Handler, route: Route, entry: Entry
    ) -> web.StreamResponse:
        if (fault := self.faults.take(route)) is not None:
            entry.fault = fault.kind
            if fault.kind != "slow":
                async for _ in request.content.iter_chunked(_DRAIN_BYTES):
                    pass
            if (instead := await strike(fault, request)) is not None:
                return instead
        response = await handler(request)
        if response.status < 400 and (fault := self.faults.take(route, after=True)) is not None:
            entry.fault = fault.kind
            return await strike(fault, request) or response
        return response


LABORATORY: Final = web.AppKey("laboratory", Laboratory)
