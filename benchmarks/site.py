"""A whole Mico for a benchmark, with people in meetings and an emulator that echoes as its vendor."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.processes import Mico, a_mico
from tests.servers import BASE_DIR, Emulator, running_emulator

CLIP = (
    BASE_DIR / "tests" / "audio" / "speech_slt_1.wav"
)  # 2 s of speech, in the format that a browser uploads

# Creates the meetings and the people, adds everybody to each meeting, and prints everybody's session cookie.
PEOPLE = """
import json
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from transcription.people.meetings import create_meeting
from transcription.models import Participant
with transaction.atomic():
    users = [User.objects.get_or_create(username=f"person{{n}}")[0] for n in range({people})]
    meetings = [create_meeting(users[0], f"Meeting {{n}}", "en") for n in range({meetings})]
    Participant.objects.bulk_create(
        Participant(meeting=m, user=u, name=u.username) for m in meetings for u in users[1:]
    )
    cookies = []
    for user in users:
        client = Client()
        client.force_login(user)
        cookies.append(settings.SESSION_COOKIE_NAME + "=" + client.cookies[settings.SESSION_COOKIE_NAME].value)
print(json.dumps({{"meetings": [m.pk for m in meetings], "cookies": cookies}}))
"""


@dataclass(frozen=True)
class Site:
    """A running Mico.

    `meetings`: their ids. `cookies`: the Cookie header of each person. `token`: the bearer token of the first person,
    who owns the meetings.
    """

    mico: Mico
    emulator: Emulator
    meetings: list[int]
    cookies: list[str]
    token: str

    def program(self, text: str) -> str:
        """Run Python code inside Mico and return what it prints."""
        return self.mico.manage("shell", "--no-imports", "-c", text).stdout

    def pids(self) -> dict[str, int]:
        """Return the id of each process by its name, the emulator's among them."""
        found = {name: self.mico.pid(name) for name in self.mico.running()} | {"emulator": self.emulator.pid}
        return {name: pid for name, pid in found.items() if pid}


@contextmanager
def a_site(*, meetings: int = 1, people: int = 2, **variables: str) -> Iterator[Site]:
    """Start a Mico with data and ports of its own, and stop it after the block.

    `variables` are added to its environment.
    """
    with a_mico() as mico:
        vendor_data = mico.data / "vendor"
        vendor_data.mkdir(parents=True)
        with running_emulator(vendor_data, "echo") as emulator:
            # With credentials in its environment, Mico starts no emulator of its own, which would recognise words.
            vendor = {"RTZR_CLIENT_ID": "a", "RTZR_CLIENT_SECRET": "b", "RTZR_BASE_URL": emulator.base_url}
            vendor["RTZR_JOBS_AT_ONCE"] = "10"  # of each model: the emulator has no limit by itself
            mico.environment |= vendor | variables
            mico.start()
            yield populated(mico, emulator, meetings=meetings, people=people)
            mico.stop()


def populated(mico: Mico, emulator: Emulator, *, meetings: int, people: int) -> Site:
    """Fill a running Mico with meetings that everybody is in. `emulator`: its vendor."""
    token = mico.token("person0")
    program = PEOPLE.format(people=people, meetings=meetings)
    known: dict[str, Any] = json.loads(mico.manage("shell", "--no-imports", "-c", program).stdout)
    return Site(mico, emulator, known["meetings"], known["cookies"], token)
