"""Injected faults: no answer, refused credentials, a 500 or 503, garbage, a cut connection, or a late answer.

A fault hits the next `count` requests of its routes. On a submit it strikes when the body has been read: before the
job is accepted or, with `after`, once it is. The client cannot tell the two apart.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import Final, Literal, get_args

from aiohttp import web

from ..service.protocol import VendorError
from ..service.service import Route

Kind = Literal["hang", "401", "500", "503", "garbage", "drop", "slow"]
FaultOn = Literal["submit", "poll", "auth", "all"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
FAULT_ON: Final[tuple[FaultOn, ...]] = get_args(FaultOn)

SLOW_SECONDS: Final = 3.0
_LOOK_SECONDS: Final = 0.05
_NONSENSE: Final = "<html><body><h1>502 Bad Gateway</h1></body></html>\n"


class NoAnswerError(Exception):
    """Close the connection without an answer."""


@dataclass
class Fault:
    """A fault. seconds: the delay of a slow answer, or of a hang (None: until the client disconnects)."""

    kind: Kind
    on: FaultOn
    count: int
    seconds: float | None = None
    after: bool = False

    def hits(self, route: Route, after: bool) -> bool:
        # Only a submit changes anything, so only a submit has an "after".
        later = self.after and route == "submit"
        return later == after and (self.on == "all" or route.startswith(self.on))


class Faults:
    """The pending faults, oldest first."""

    def __init__(self) -> None:
        self.pending: list[Fault] = []

    def take(self, route: Route, *, after: bool = False) -> Fault | None:
        """Return the fault that hits this request, if any, and decrement its count."""
        for fault in self.pending:
            if fault.hits(route, after):
                fault.count -= 1
                if fault.count <= 0:
                    self.pending.remove(fault)
                return fault
        return None


async def strike(fault: Fault, request: web.Request) -> web.Response | None:
    """Apply the fault. Return its answer, or None to continue as usual. Raises VendorError, NoAnswerError."""
    match fault.kind:
        case "slow":
            await asyncio.sleep(SLOW_SECONDS if fault.seconds is None else fault.seconds)
            return None
        case "garbage":
            return web.Response(text=_NONSENSE, content_type="text/html")
        case "401":
            raise VendorError("H0002")
        case "503":
            again = {} if fault.seconds is None else {"Retry-After": str(math.ceil(fault.seconds))}
            return web.Response(status=503, text=_NONSENSE, content_type="text/html", headers=again)
        case "500":
            raise VendorError("E500")
        case "hang":
            await _hold(request, fault.seconds)
    raise NoAnswerError


async def _hold(request: web.Request, seconds: float | None) -> None:
    """Keep the connection open and silent for `seconds`, or until the client has disconnected."""
    left = float("inf") if seconds is None else seconds
    while left > 0 and request.transport is not None and not request.transport.is_closing():
        await asyncio.sleep(min(left, _LOOK_SECONDS))
        left -= _LOOK_SECONDS
