"""Another participant's page without a browser: a client that gets events on its socket and fetches lines."""

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

# As in mico-transcript.js: words are fetched at once; other changes are collected for TOGETHER_S seconds. One request
# fetches at most AT_ONCE recordings.
TOGETHER_S = 0.200
AT_ONCE = 50
LINE = re.compile(r'<li\s+class="line (\w+)"\s+id="line-(\d+)-')


class Reader:
    """The client.

    `done`: when the socket said that a recording is done. `words`: when its line had been fetched. Both by recording,
    in Unix seconds. `fetches`: the number of requests.
    """

    def __init__(self, session: aiohttp.ClientSession, page: str) -> None:
        self.done: dict[int, float] = {}
        self.words: dict[int, float] = {}
        self.fetches = 0
        self._session = session
        self._page = page
        self._wanted: set[int] = set()
        self._loading: asyncio.Task[None] | None = None
        self._words = asyncio.Event()  # set while there are words to fetch
        self._awaited: dict[int, asyncio.Event] = {}

    async def shown(self, recording: int, within_s: float = 120.0) -> None:
        """Wait until the words of a recording have been fetched. Raises TimeoutError after `within_s` seconds."""
        if recording not in self.words:
            event = self._awaited.setdefault(recording, asyncio.Event())
            async with asyncio.timeout(within_s):
                await event.wait()

    async def listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Handle events until the socket closes."""
        async for message in socket:
            event = json.loads(message.data)
            if event["type"] != "recording.changed":
                continue
            if event["status"] == "done":
                self.done.setdefault(event["recording"], time.time())
                self._words.set()
            self._wanted.add(event["recording"])
            if self._loading is None or self._loading.done():
                self._loading = asyncio.create_task(self._load())

    async def finish(self) -> None:
        """Wait for the fetch in progress. Raises its error, if it has failed."""
        if self._loading is not None:
            await self._loading

    async def _load(self) -> None:
        while self._wanted:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._words.wait(), TOGETHER_S)
            self._words.clear()
            ids = sorted(self._wanted)[:AT_ONCE]
            self._wanted.difference_update(ids)
            self.fetches += 1
            query = [("id", str(number)) for number in ids]
            async with self._session.get(f"{self._page}recordings/", params=query) as answer:
                answer.raise_for_status()
                html = await answer.text()
            now = time.time()
            for kind, number in LINE.findall(html):
                if kind == "words":
                    self.words.setdefault(int(number), now)
                    if event := self._awaited.pop(int(number), None):
                        event.set()


@asynccontextmanager
async def a_reader(base_url: str, meeting: int, cookie: str) -> AsyncIterator[Reader]:
    """Open a reader on a meeting, and close it after the block. Raises the error of a failed fetch."""
    headers = {"Cookie": cookie, "Origin": base_url, "X-Requested-With": "fetch"}
    async with (
        aiohttp.ClientSession(headers=headers, cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.ws_connect(f"{base_url}/ws/meetings/{meeting}/") as socket,
    ):
        await socket.receive_json()  # the snapshot
        reader = Reader(session, f"{base_url}/m/{meeting}/")
        listening = asyncio.create_task(reader.listen(socket))
        yield reader
        await socket.close()
        await listening
        await reader.finish()
