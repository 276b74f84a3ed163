"""Pages that stay open: WebSockets that reconnect as a page does, and remember what they were told last."""

import asyncio
import random
import threading
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.chaos.fleet import Site

LOOK_SECONDS = (
    20.0  # realtime/static/realtime/mico-socket.js asks for a snapshot as often while something is live
)
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0  # seconds until the next try to connect
DELETED, NOT_ALLOWED = 4410, 4404
GATE = {"stt.delayed": "delayed", "stt.resumed": "resumed"}


@dataclass
class Page:
    """One open page. `recordings`: the newest version that it knows of each; `gate`: the gate's state and version."""

    meeting: int
    recordings: dict[int, int] = field(default_factory=dict)
    gate: tuple[str, int] = ("unknown", 0)
    over: bool = False  # the meeting is gone: the page tries no more
    connections: int = 0
    snapshots: int = 0
    wrong: list[str] = field(default_factory=list)
    _shown: dict[int, set[str]] = field(
        default_factory=dict
    )  # what was told of each episode, of this connection

    def hears(self, message: dict[str, Any]) -> None:
        """Remember what a message says."""
        match message["type"]:
            case "snapshot":
                self.snapshots += 1
                told = {int(key): version for key, version in message["recordings"].items()}
                known = self.recordings
                self.recordings = {key: max(version, known.get(key, 0)) for key, version in told.items()}
                if message["stt"] is not None:
                    self._see_gate(message["stt"])
            case "recording.changed":
                key, version = message["recording"], message["version"]
                self.recordings[key] = max(version, self.recordings.get(key, 0))
            case "stt.delayed" | "stt.moved" | "stt.resumed":
                self._see_gate(message)
                self._see_episode(message)

    def connects(self) -> None:
        """Begin a new connection."""
        self.connections += 1
        self._shown = {}

    def _see_gate(self, stt: dict[str, Any]) -> None:
        if stt["version"] >= self.gate[1]:
            self.gate = (stt["state"], stt["version"])

    def _see_episode(self, message: dict[str, Any]) -> None:
        kind = GATE.get(message["type"])
        if kind is None:
            return
        told = self._shown.setdefault(message["version"], set())
        if kind in told:
            self.wrong.append(f"episode {message['episode']} was {kind} twice (version {message['version']})")
        told.add(kind)


class Sockets:
    """All pages, on a thread of their own."""

    def __init__(self, webs: list[str], site: Site) -> None:
        self.pages: list[Page] = []
        self._webs = webs
        self._site = site
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sockets", daemon=True)
        self._tasks: list[asyncio.Future[None]] = []
        self._dice = random.Random(0)  # of pauses only

    def start(self) -> None:
        """Begin, without any page."""
        self._thread.start()

    def watch(self, meeting: int) -> None:
        """Open the page of a meeting at each web process."""
        for first in range(len(self._webs)):
            page = Page(meeting)
            self.pages.append(page)
            asyncio.run_coroutine_threadsafe(self._keep_open(page, first), self._loop)

    def stop(self) -> None:
        """Close all pages."""

        async def cancel() -> None:
            mine = asyncio.current_task()
            tasks = [task for task in asyncio.all_tasks() if task is not mine]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(cancel(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _keep_open(self, page: Page, first: int) -> None:
        turn, pause = first, FIRST_PAUSE
        async with aiohttp.ClientSession() as session:
            while not page.over:
                web = self._webs[turn % len(self._webs)]
                before = page.snapshots
                try:
                    code = await self._connection(session, page, web)
                    page.over = code in {DELETED, NOT_ALLOWED}
                except (aiohttp.ClientError, TimeoutError, OSError):
                    pass
                if page.snapshots > before:
                    pause = FIRST_PAUSE
                turn += 1  # a load balancer would choose the other one
                await asyncio.sleep(pause * self._dice.uniform(0.5, 1))
                pause = min(2 * pause, LONGEST_PAUSE)

    async def _connection(self, session: aiohttp.ClientSession, page: Page, web: str) -> int | None:
        """Listen until the connection ends. Return the code that it was closed with."""
        cookies = "; ".join(f"{name}={value}" for name, value in self._site.cookies.items())
        url = f"{web.replace('http', 'ws', 1)}/ws/meetings/{page.meeting}/"
        timeout = aiohttp.ClientWSTimeout(ws_close=2)
        headers = {"Cookie": cookies, "Origin": web}
        async with session.ws_connect(url, headers=headers, timeout=timeout) as socket:
            page.connects()
            asked = False
            while True:
                try:
                    message = await socket.receive(LOOK_SECONDS / 2)
                except TimeoutError:
                    if asked:
                        return None  # no answer: the connection counts as dead
                    await socket.send_json({"type": "snapshot"})
                    asked = True
                    continue
                if message.type is not aiohttp.WSMsgType.TEXT:
                    return socket.close_code
                told = message.json()
                asked = asked and told["type"] != "snapshot"
                page.hears(told)
