"""The load: clients of several kinds that hand audio in until the server has confirmed it.

Each is a thread of its own that goes on after every error, as the pages' outbox does, and keeps the `client_id`.
"""

import base64
import hashlib
import random
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import requests

from tests.chaos import sounds
from tests.chaos.journal import Journal, Sound

TIMEOUT = 20  # seconds for an answer
PAUSE = 0.3  # seconds between two tries
PART = 48 * 1024  # bytes of one part of a resumable upload
TUS = {"Tus-Resumable": "1.0.0"}
# Answers that say "not now". Any other refusal of a good file is a broken promise.
NOT_NOW = frozenset({408, 423, 429, 500, 502, 503, 504, 507})


class MeetingGone(Exception):
    """The meeting does not exist (any more)."""


class Clients:
    """All clients together. `meetings` returns the meetings that are open to them."""

    def __init__(
        self, webs: list[str], token: str, journal: Journal, meetings: Callable[[], list[int]], seed: int
    ) -> None:
        self.webs = webs
        self.headers = {"Authorization": f"Bearer {token}"}
        self.journal = journal
        self.stopping = threading.Event()  # no new sound is begun
        self.giving_up = threading.Event()  # and none is tried again
        ways = [self.plain, self.twice, self.cut_off, self.answer_lost, self.in_parts, self.to_be_decoded]
        self._threads = [
            threading.Thread(target=self._run, args=(way, random.Random(f"{seed} {way.__name__}"), meetings))
            for way in ways
        ]

    def start(self) -> None:
        """Let them begin."""
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float) -> None:
        """Begin nothing new, and wait up to so many seconds until everything that was begun is confirmed."""
        self.stopping.set()
        for thread in self._threads:
            thread.join(seconds)
        self.giving_up.set()
        for thread in self._threads:
            thread.join(2 * TIMEOUT)

    def _run(
        self,
        way: Callable[[random.Random, int], None],
        dice: random.Random,
        meetings: Callable[[], list[int]],
    ) -> None:
        while not self.stopping.wait(dice.uniform(1, 6)):
            with suppress(MeetingGone):
                way(dice, dice.choice(meetings()))

    # --- the kinds of clients

    def plain(self, dice: random.Random, meeting: int) -> None:
        """Send it; after an error send it again."""
        sound, audio = self._begin(dice, meeting, "plain")
        self._until_confirmed(dice, sound, audio)

    def twice(self, dice: random.Random, meeting: int) -> None:
        """Send it to both web processes at once, as two open pages of one browser do."""
        sound, audio = self._begin(dice, meeting, "twice")
        with ThreadPoolExecutor(2) as both:
            for done in [both.submit(self._post, web, sound, audio) for web in self.webs]:
                done.result()
        self._until_confirmed(dice, sound, audio)

    def cut_off(self, dice: random.Random, meeting: int) -> None:
        """Lose the connection in the middle of the body, and send it again."""
        sound, audio = self._begin(dice, meeting, "cut off")
        self._half(dice.choice(self.webs), sound, audio, dice.uniform(0.1, 0.9))
        self._until_confirmed(dice, sound, audio)

    def answer_lost(self, dice: random.Random, meeting: int) -> None:
        """Lose the connection before the answer, and send it again."""
        sound, audio = self._begin(dice, meeting, "answer lost")
        self._half(dice.choice(self.webs), sound, audio, 1.0)
        self._until_confirmed(dice, sound, audio)

    def to_be_decoded(self, dice: random.Random, meeting: int) -> None:
        """Send a file that a worker has to decode first."""
        sound, audio = self._begin(dice, meeting, "to be decoded")
        self._until_confirmed(dice, sound, audio)

    def in_parts(self, dice: random.Random, meeting: int) -> None:
        """Send a resumable upload (tus); after an error ask where it stands."""
        sound, audio = self._begin(dice, meeting, "in parts")
        url, kept = "", 0  # what the server has confirmed of it
        for _ in self._tries(dice):
            web = dice.choice(self.webs)
            try:
                url = url or self._create(web, sound, len(audio))
                if not url:
                    continue
                answer = self._request("HEAD", f"{web}{url}", headers=TUS)
                if answer.status_code in {404, 410}:
                    if kept and self._exists(web, sound.meeting):
                        self.journal.breaks(f"in parts {sound.client_id}: {kept} confirmed bytes are gone")
                    url, kept = "", 0
                    continue
                if answer.status_code != 200:
                    continue
                if "Mico-Recording" in answer.headers:
                    self.journal.confirms(sound, int(answer.headers["Mico-Recording"]))
                    return
                stands = int(answer.headers["Upload-Offset"])
                if stands < kept:
                    self.journal.breaks(f"in parts {sound.client_id}: {kept} bytes confirmed, {stands} kept")
                kept = stands
                part = audio[stands : stands + PART]
                if dice.random() < 0.2:  # the connection is lost in the middle of a part
                    self._cut_part(web, url, stands, part)
                    continue
                headers = TUS | {
                    "Upload-Offset": str(stands),
                    "Content-Type": "application/offset+octet-stream",
                }
                answer = self._request("PATCH", f"{web}{url}", headers=headers, data=part)
                if answer.status_code == 204:
                    kept = int(answer.headers["Upload-Offset"])
                elif answer.status_code not in NOT_NOW | {404, 409, 410}:
                    self._refused(sound, answer)
            except requests.RequestException:
                continue

    # --- their requests

    def _begin(self, dice: random.Random, meeting: int, way: str) -> tuple[Sound, bytes]:
        seconds = dice.uniform(0.2, 1.0)
        if way == "to be decoded":
            audio = sounds.ogg(dice, seconds)
        else:
            audio = sounds.wav(dice, 10 * seconds if way == "in parts" else seconds)
        client_id = str(uuid.UUID(bytes=dice.randbytes(16), version=4))
        sound = Sound(client_id, meeting, hashlib.sha256(audio).hexdigest(), way)
        self.journal.begins(sound)
        return sound, audio

    def _tries(self, dice: random.Random) -> Iterator[None]:
        while not self.giving_up.is_set():
            yield
            self.giving_up.wait(dice.uniform(0.5, 1.5) * PAUSE)

    def _until_confirmed(self, dice: random.Random, sound: Sound, audio: bytes) -> None:
        for _ in self._tries(dice):
            if self._post(dice.choice(self.webs), sound, audio):
                return

    def _post(self, web: str, sound: Sound, audio: bytes) -> bool:
        """Send it once. Return whether the server has confirmed it. Raises MeetingGone."""
        try:
            answer = self._request(
                "POST",
                f"{web}/api/v1/meetings/{sound.meeting}/recordings",
                files={"audio": ("sound", audio)},
                data=self._fields(sound),
            )
        except requests.RequestException:
            return False
        if answer.status_code in {200, 201}:
            self.journal.confirms(sound, answer.json()["id"])
            return True
        self._refused(sound, answer)
        return False

    def _refused(self, sound: Sound, answer: requests.Response) -> None:
        """Raises MeetingGone."""
        if answer.status_code == 404:
            if sound.meeting not in self.journal.to_be_deleted:
                self.journal.breaks(f"{sound.way} {sound.client_id}: meeting {sound.meeting} is not found")
            raise MeetingGone
        if answer.status_code not in NOT_NOW:
            said = answer.text[:200]
            self.journal.breaks(f"{sound.way} {sound.client_id}: refused {answer.status_code} {said}")

    @staticmethod
    def _fields(sound: Sound) -> dict[str, str]:
        kind = "live" if sound.way in {"plain", "cut off", "answer lost"} else "upload"
        return {"client_id": sound.client_id, "kind": kind}

    def _request(self, method: str, url: str, **arguments: Any) -> requests.Response:
        headers = self.headers | arguments.pop("headers", {})
        return requests.request(method, url, headers=headers, timeout=TIMEOUT, **arguments)

    def _exists(self, web: str, meeting: int) -> bool:
        """Whether the meeting is known to be there."""
        if meeting in self.journal.to_be_deleted:
            return False
        return self._request("GET", f"{web}/api/v1/meetings/{meeting}").status_code == 200

    def _create(self, web: str, sound: Sound, size: int) -> str:
        """Create a resumable upload. Return its path, "" if that failed. Raises MeetingGone."""
        key = base64.b64encode(sound.client_id.encode()).decode()
        headers = TUS | {"Upload-Length": str(size), "Upload-Metadata": f"client_id {key}"}
        answer = self._request("POST", f"{web}/api/v1/meetings/{sound.meeting}/uploads", headers=headers)
        if answer.status_code != 201:
            self._refused(sound, answer)
            return ""
        return urlsplit(answer.headers["Location"]).path

    def _half(self, web: str, sound: Sound, audio: bytes, part: float) -> None:
        """Send a part of the request, 0 to 1, and close the connection. Nobody reads the answer."""
        request = requests.Request(
            "POST",
            f"{web}/api/v1/meetings/{sound.meeting}/recordings",
            headers=self.headers,
            files={"audio": ("sound", audio)},
            data=self._fields(sound),
        ).prepare()
        self._throw(web, request, part)

    def _cut_part(self, web: str, url: str, offset: int, part: bytes) -> None:
        headers = (
            self.headers
            | TUS
            | {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        )
        self._throw(web, requests.Request("PATCH", f"{web}{url}", headers=headers, data=part).prepare(), 0.5)

    @staticmethod
    def _throw(web: str, request: requests.PreparedRequest, part: float) -> None:
        host = urlsplit(web)
        lines = [f"{request.method} {request.path_url} HTTP/1.1", f"Host: {host.netloc}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        body = request.body if isinstance(request.body, bytes) else b""
        whole = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        head = len(whole) - len(body)
        with (
            suppress(OSError),
            socket.create_connection((host.hostname or "", host.port or 80), TIMEOUT) as line,
        ):
            line.sendall(whole[: head + int(part * len(body))])
