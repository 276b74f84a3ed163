"""Many people with a meeting's page open: their sockets, all held by one process of its own.

They listen, and note when each heard of the gate. They fetch no lines. Two lines of JSON go in and out:

    {"url": …, "seats": [[meeting, cookie], …]}  →  {"open": sockets, "seconds": to open them}
    report  →  {"lost": those that closed, "heard": [[socket, type, episode, t], …]}
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import aiohttp

from benchmarks.site import Site
from tests.servers import BASE_DIR, stop

AT_ONCE = 20  # handshakes
GATE = ("stt.delayed", "stt.resumed")


class Heard(NamedTuple):
    """What a socket heard of the gate, and when (unix s)."""

    socket: int
    type: str
    episode: int
    t: float


class Crowd:
    """The sockets. `opened_s`: how long it took to open them."""

    def __init__(
        self, process: subprocess.Popen[str], base_url: str, seats: Sequence[tuple[int, str]]
    ) -> None:
        self._process = process
        answer = self._ask(json.dumps({"url": base_url, "seats": seats}))
        self.open: int = answer["open"]
        self.opened_s: float = answer["seconds"]

    def heard(self) -> list[Heard]:
        """What they have heard since the last time. Raises RuntimeError if a socket closed."""
        answer = self._ask("report")
        if answer["lost"]:
            raise RuntimeError(f"{answer['lost']} of {self.open} sockets closed.")
        return [Heard(*entry) for entry in answer["heard"]]

    def _ask(self, line: str) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(line, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("The sockets' process ended.")
        return json.loads(answer)


@contextmanager
def a_crowd(site: Site, sockets: int) -> Iterator[Crowd]:
    """So many open sockets until the block ends: everybody in every meeting, with several tabs if need be."""
    everywhere = [(meeting, cookie) for cookie in site.cookies for meeting in site.meetings]
    seats = [everywhere[n % len(everywhere)] for n in range(sockets)]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.crowd"],
        cwd=BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Crowd(process, site.mico.base_url, seats)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        stop(process)  # type: ignore[arg-type]


class _Sockets:
    """Inside the process."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.lost = 0
        self._door = asyncio.Semaphore(AT_ONCE)
        self._listening: list[asyncio.Task[None]] = []

    async def open(self, session: aiohttp.ClientSession, url: str, seats: list[tuple[int, str]]) -> None:
        """All of them, each with its first snapshot."""
        await asyncio.gather(*(self._open(session, url, n, *seat) for n, seat in enumerate(seats)))

    async def _open(
        self, session: aiohttp.ClientSession, url: str, number: int, meeting: int, cookie: str
    ) -> None:
        async with self._door:
            socket = await session.ws_connect(
                f"{url}/ws/meetings/{meeting}/", headers={"Cookie": cookie, "Origin": url}
            )
            await socket.receive_json()
        self._listening.append(asyncio.create_task(self._listen(number, socket)))

    async def _listen(self, number: int, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT and '"stt.' in message.data:
                now, said = time.time(), json.loads(message.data)
                if said["type"] in GATE:
                    self.heard.append(Heard(number, said["type"], said["episode"], now))
        self.lost += 1


async def serve() -> None:
    """The process: until its input ends."""
    loop = asyncio.get_running_loop()
    wanted = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    sockets = _Sockets()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        began = time.monotonic()
        await sockets.open(session, wanted["url"], wanted["seats"])
        _say({"open": len(wanted["seats"]), "seconds": round(time.monotonic() - began, 1)})
        while await loop.run_in_executor(None, sys.stdin.readline):
            heard, sockets.heard = sockets.heard, []
            _say({"lost": sockets.lost, "heard": heard})


def _say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(serve())
