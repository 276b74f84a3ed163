"""A running Mico, a browser, and pages of signed-in people. A warning or error in a page's console fails the test."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from channels_redis.pubsub import RedisPubSubChannelLayer
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from tests.chromium import arguments, chromium, spoken
from tests.processes import Mico, a_mico
from tests.stt import AUDIO

# Creates the people, signs them in, and prints their session cookies by name.
PEOPLE = """
import json
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
cookies = {}
for name, full in {"mina": "Mina", "jun": "Jun"}.items():
    user, _ = User.objects.update_or_create(username=name, defaults={"first_name": full})
    client = Client()
    client.force_login(user)
    cookies[name] = client.cookies[settings.SESSION_COOKIE_NAME].value
print(json.dumps(cookies))
"""


class Site:
    """A Mico with people, and ways to act on it as a worker on another machine would."""

    def __init__(self, mico: Mico) -> None:
        self.mico = mico
        self.token = mico.token("mina")
        self.cookies: dict[str, str] = json.loads(self.program(PEOPLE))

    def program(self, text: str) -> str:
        """Run Python source inside Mico and return what it prints."""
        return self.mico.manage("shell", "--no-imports", "-c", text).stdout

    def meeting(self, title: str = "Weekly") -> int:
        """Create a meeting of Mina's and return its id."""
        answer = self.mico.api("post", "/meetings", self.token, json={"title": title, "language": "en"})
        meeting: int = answer.json()["id"]
        return meeting

    def invite(self, meeting: int, name: str) -> None:
        """Make the user `name` a participant of the meeting."""
        self.program(
            "from transcription.people.meetings import invite; from transcription.models import Meeting;"
            "from django.contrib.auth.models import User;"
            f"invite(Meeting.objects.get(pk={meeting}), User.objects.get(username={name!r}))"
        )

    def rows(self, meeting: int, rows: str) -> None:
        """Create recordings as the workflow leaves them. `rows`: calls of tests.rows.a_row, as source text."""
        self.program(
            "from tests.rows import a_row; from transcription.models import Meeting;"
            f"meeting = Meeting.objects.get(pk={meeting});\n{rows}"
        )

    def publish(self, group: str, event: dict[str, Any]) -> None:
        """Send an event to a group, as a worker does. In a thread, because playwright runs a loop in this one."""

        async def send() -> None:
            host = f"unix://{self.mico.data}/redis.sock?db=0"
            layer = RedisPubSubChannelLayer(hosts=[host], prefix="mico")
            await layer.group_send(group, event)
            await layer.flush()

        thread = threading.Thread(target=lambda: asyncio.run(send()))
        thread.start()
        thread.join()

    def gate(self, kind: str, version: int, **values: Any) -> None:
        """Publish an event of the gate. `version` is added to a number above the real gate's versions."""
        now = datetime.now(UTC)
        event = {
            "type": f"stt.{kind}",
            "vendor": "rtzr",
            "state": "open" if kind == "resumed" else "blocked",
            "scope": None if kind == "resumed" else "all",
            "reason": None if kind == "resumed" else "rate",
            "since": None if kind == "resumed" else (now - timedelta(minutes=2)).isoformat(),
            "reopens_at": None if kind == "resumed" else (now + timedelta(seconds=40)).isoformat(),
            "episode": 1,
            "version": 10**14 + version,
            "now": now.isoformat(),
        }
        self.publish("stt.rtzr", event | values)


@pytest.fixture(scope="package")
def site() -> Iterator[Site]:
    """The Mico that all browser tests share."""
    with a_mico() as mico:
        mico.start()
        yield Site(mico)


@pytest.fixture(scope="package")
def browser(chromium_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The browser that all browser tests share. Its microphone hears one sentence."""
    speech = tmp_path_factory.mktemp("speech") / "microphone.wav"
    spoken(speech, AUDIO / "speech_slt_1.wav")
    with chromium(chromium_path, speech) as browser:
        yield browser


@pytest.fixture
def another_browser(
    browser: Browser, chromium_path: Path, tmp_path: Path
) -> Iterator[Callable[..., Browser]]:
    """Return a function that starts one more browser, whose microphone hears the named files of tests/audio."""
    started: list[Browser] = []

    def start(*files: str) -> Browser:
        speech = tmp_path / "microphone.wav"
        spoken(speech, *(AUDIO / file for file in files))
        other = browser.browser_type.launch(executable_path=chromium_path, args=arguments(speech))
        started.append(other)
        return other

    yield start
    for other in started:
        other.close()


class Complaints(list[str]):
    """Messages of the pages' consoles. `expected` lists substrings of those that the test causes on purpose."""

    def __init__(self) -> None:
        super().__init__()
        self.expected: list[str] = []

    def unexpected(self) -> list[str]:
        """Return the messages that contain none of the expected substrings."""
        return [text for text in self if not any(part in text for part in self.expected)]


def listen(context: BrowserContext, complaints: Complaints) -> None:
    """Collect the complaints of every page of a browser context, also of pages that open later.

    These are errors, warnings, violations of the content policy, error responses and failed requests.
    """

    def said(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    context.on("console", said)
    context.on("weberror", lambda error: complaints.append(str(error.error)))


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """The complaints of every page of this test. An unexpected one fails it."""
    found = Complaints()
    yield found
    assert found.unexpected() == []


@pytest.fixture
def visit(site: Site, browser: Browser, complaints: Complaints) -> Iterator[Callable[..., Page]]:
    """Return visit(address, name="mina", **options), which opens a page in a new browser context.

    The user `name` is signed in there; None leaves the visitor anonymous. The options are those of the context.
    """
    contexts: list[BrowserContext] = []

    def open_page(address: str, name: str | None = "mina", **options: Any) -> Page:
        context = browser.new_context(base_url=site.mico.base_url, **options)
        contexts.append(context)
        listen(context, complaints)
        if name:
            context.add_cookies(
                [
                    {
                        "name": f"mico_session_{site.mico.port}",
                        "value": site.cookies[name],
                        "url": site.mico.base_url,
                    }
                ]
            )
        page = context.new_page()
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()


def connected(page: Page) -> Page:
    """Wait until the page's socket is open, and return the page."""
    expect(page.locator("mico-socket")).to_have_attribute("data-state", "open")
    return page


@pytest.fixture
def meeting(site: Site) -> int:
    """A new meeting of Mina's."""
    return site.meeting()


@pytest.fixture
def page(visit: Callable[..., Page], meeting: int) -> Page:
    """Mina's page of the meeting, with a microphone."""
    return connected(visit(f"/m/{meeting}/", permissions=["microphone"]))
