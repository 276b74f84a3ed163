"""The sockets of many people with a meeting's page open, held by one separate process.

The sockets note when each of them gets an event of the gate. They fetch no lines. The process reads requests from its
input and writes an answer to each, one line of JSON each:

    {"url": …, "seats": [[meeting, cookie], …]}  →  {"open": sockets, "seconds": to open them}
    report  →  {"lost": sockets that closed, "heard": [[socket, type, episode, t], …] since the last report}
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

AT_ONCE = 20  # handshakes at the same time
GATE = ("stt.delayed", "stt.resumed")


class Heard(NamedTuple):
    """An event of the gate that a socket got, and when (`t`, Unix seconds)."""

    socket: int
    type: str
    episode: int
    t: float


class Crowd:
    """The sockets. `open`: how many there are. `opened_s`: how long it took to open them, in seconds."""

    def __init__(
        self, process: subprocess.Popen[str], base_url: str, seats: Sequence[tuple[int, str]]
    ) -> None:
        self._process = process
        answer = self._ask(json.dumps({"url": base_url, "seats": seats}))
        self.open: int = answer["open"]
        self.opened_s: float = answer["seconds"]

    def heard(self) -> list[Heard]:
        """Return the events since the last call. Raises RuntimeError if a socket has closed."""
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
    """Open this many sockets and close them after the block.

    They are spread over all people and meetings. Where there are more sockets, people have several pages open.
    """
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
    """The sockets inside the separate process."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.lost = 0
        self._handshakes = asyncio.Semaphore(AT_ONCE)
        self._listening: list[asyncio.Task[None]] = []

    async def open(self, session: aiohttp.ClientSession, url: str, seats: list[tuple[int, str]]) -> None:
        """Open all sockets. Each has got its snapshot when this returns."""
        await asyncio.gather(*(self._open(session, url, n, *seat) for n, seat in enumerate(seats)))

    async def _open(
        self, session: aiohttp.ClientSession, url: str, number: int, meeting: int, cookie: str
    ) -> None:
        async with self._handshakes:
            socket = await session.ws_connect(
                f"{url}/ws/meetings/{meeting}/", headers={"Cookie": cookie, "Origin": url}
            )
            await socket.receive_json()
        self._listening.append(asyncio.create_task(self._listen(number, socket)))

    async def _listen(self, number: int, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT and '"stt.' in message.data:
                now, event = time.time(), json.loads(message.data)
                if event["type"] in GATE:
                    self.heard.append(Heard(number, event["type"], event["episode"], now))
        self.lost += 1


async def serve() -> None:
    """Run the separate process until its input ends."""
    loop = asyncio.get_running_loop()
    wanted = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    sockets = _Sockets()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        began = time.monotonic()
        await sockets.open(session, wanted["url"], wanted["seats"])
        _answer({"open": len(wanted["seats"]), "seconds": round(time.monotonic() - began, 1)})
        while await loop.run_in_executor(None, sys.stdin.readline):
            heard, sockets.heard = sockets.heard, []
            _answer({"lost": sockets.lost, "heard": heard})


def _answer(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(serve())
