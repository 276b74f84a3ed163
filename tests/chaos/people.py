"""People: they retry, cancel, edit, rename and delete, hold the gate and resume it, while everything breaks."""

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import requests

from tests.chaos.fleet import Site
from tests.chaos.journal import Journal, Line, Name

TIMEOUT = 20  # seconds for an answer
CSRF = "c" * 32  # the same in the cookie and in the form, which is all that is checked
MEETINGS = 5  # open at a time
CONSOLE = "/admin/transcription/gateevent/vendor/rtzr"


class People:
    """The person of the site, in several places at once. `opened` is called with each new meeting."""

    def __init__(
        self, webs: list[str], site: Site, journal: Journal, opened: Callable[[int], None], seed: int
    ) -> None:
        self._webs = webs
        self._headers = {"Authorization": f"Bearer {site.token}"}
        self._cookies = site.cookies | {"csrftoken": CSRF}
        self._journal = journal
        self._opened = opened
        self._meetings = list(site.meetings)
        self._number = 0
        self._renaming = threading.Lock()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(random.Random(f"{seed} person {n}"),)) for n in range(2)
        ]

    def start(self) -> None:
        """Let them begin."""
        for meeting in self._meetings:
            self._opened(meeting)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let them finish what they are doing."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(3 * TIMEOUT)

    def meetings(self) -> list[int]:
        """Return the meetings that are open."""
        with self._journal.lock:
            return list(self._meetings)

    def _run(self, dice: random.Random) -> None:
        acts: dict[Callable[[random.Random], None], int] = {
            self.retry: 8,
            self.cancel: 3,
            self.edit: 6,
            self.rename: 2,
            self.open_meeting: 1,
            self.delete_meeting: 1,
        }
        while not self._stopping.wait(dice.uniform(0.3, 1.2)):
            with suppress(requests.RequestException):
                dice.choices(list(acts), list(acts.values()))[0](dice)

    # --- what they do in meetings

    def retry(self, dice: random.Random) -> None:
        """Press Retry at what failed or was cancelled in a meeting."""
        for row in self._recordings(dice):
            if row["status"] in {"failed", "cancelled"} and self.press_retry(row["id"]):
                return

    def press_retry(self, recording: int) -> bool:
        """Press Retry. Return whether that was confirmed. Raises requests.RequestException."""
        answer = self._api("POST", f"/recordings/{recording}/retry")
        if answer.status_code == 200:
            self._journal.acts_on("retry")
        return answer.status_code == 200

    def cancel(self, dice: random.Random) -> None:
        """Cancel something that is under way."""
        under_way = [
            row for row in self._recordings(dice) if row["status"] in {"queued", "submitting", "processing"}
        ]
        if under_way:
            answer = self._api("POST", f"/recordings/{dice.choice(under_way)['id']}/cancel")
            if answer.status_code == 200:
                self._journal.acts_on("cancel")

    def edit(self, dice: random.Random) -> None:
        """Correct a line."""
        done = [row for row in self._recordings(dice) if row["status"] == "done" and row["utterances"]]
        if not done:
            return
        row = dice.choice(done)
        line = row["utterances"][0]
        with self._journal.lock:
            self._number += 1
            text = f"corrected {self._number}"
            edits = self._journal.lines.setdefault(line["id"], Line(row["id"]))
            edits.attempts[text] = line["version"]
        answer = self._api(
            "PATCH", f"/utterances/{line['id']}", json={"text": text, "version": line["version"]}
        )
        if answer.status_code != 200:
            return
        with self._journal.lock:
            if answer.json()["version"] > edits.version:
                edits.version, edits.text = answer.json()["version"], text
            self._journal.acts_on("edit")

    def rename(self, dice: random.Random) -> None:
        """Give the owner of a meeting another name in it."""
        meeting = dice.choice(self.meetings())
        answer = self._api("GET", f"/meetings/{meeting}")
        if answer.status_code != 200:
            return
        people = answer.json()["people"]
        if not people:  # deleted between the server's two queries
            return
        person = people[0]["id"]
        with self._renaming:  # one at a time, so that the last one is known
            with self._journal.lock:
                self._number += 1
                name = f"Mina {self._number}"
                names = self._journal.names.setdefault(person, Name(meeting))
                names.unknown.add(name)
            if self._form(f"/m/{meeting}/people/{person}/rename/", name=name):
                with self._journal.lock:
                    names.confirmed = name
                    names.unknown.discard(name)
                    self._journal.acts_on("rename")

    def open_meeting(self, _dice: random.Random) -> None:
        """Begin another meeting. With too many open ones the oldest is left alone from then on."""
        answer = self._api("POST", "/meetings", json={"title": "Another", "language": "en"})
        if answer.status_code == 201:
            with self._journal.lock:
                self._meetings = [*self._meetings, answer.json()["id"]][-MEETINGS:]
            self._opened(answer.json()["id"])
            self._journal.acts_on("open a meeting")

    def delete_meeting(self, dice: random.Random) -> None:
        """Delete a meeting with everything in it."""
        with self._journal.lock:
            if len(self._meetings) < 3:
                return
            meeting = self._meetings.pop(dice.randrange(len(self._meetings)))
            self._journal.to_be_deleted.add(meeting)
        if self._form(f"/m/{meeting}/delete/"):
            with self._journal.lock:
                self._journal.deleted.add(meeting)
                self._journal.acts_on("delete a meeting")

    # --- what they do in the console

    def hold(self) -> bool:
        """Hold the gate. Return whether that was confirmed."""
        return self._form(f"{CONSOLE}/hold/", reason="chaos")

    def resume(self) -> bool:
        """End every pause of the gate, also for a used-up quota. Return whether that was confirmed."""
        return self._form(f"{CONSOLE}/resume/", reason="chaos", settled="on")

    # --- how they do it

    def _recordings(self, dice: random.Random) -> list[dict[str, Any]]:
        answer = self._api("GET", f"/meetings/{dice.choice(self.meetings())}")
        if answer.status_code != 200:
            return []
        rows: list[dict[str, Any]] = answer.json()["recordings"]
        chosen = [row for row in rows if row["status"] not in {"done"}]
        done = [row["id"] for row in rows if row["status"] == "done"]
        if done:  # the lines are only in the recording itself
            answer = self._api("GET", f"/recordings/{dice.choice(done)}")
            chosen += [answer.json()] if answer.status_code == 200 else []
        return chosen

    def _api(self, method: str, path: str, **arguments: Any) -> requests.Response:
        web = random.choice(self._webs)
        return requests.request(
            method, f"{web}/api/v1{path}", headers=self._headers, timeout=TIMEOUT, **arguments
        )

    def _form(self, path: str, **fields: str) -> bool:
        """Send a form of a page, and return whether it was accepted. Raises requests.RequestException."""
        answer = requests.post(
            f"{random.choice(self._webs)}{path}",
            data=fields | {"csrfmiddlewaretoken": CSRF},
            cookies=self._cookies,
            timeout=TIMEOUT,
            allow_redirects=False,
        )
        # A sign-in page is a redirect, too.
        return answer.status_code == 302 and "/login" not in answer.headers["Location"]
