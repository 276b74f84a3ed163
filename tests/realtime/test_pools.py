"""Two meetings in two languages, whose jobs the vendor counts apart: only the page of the full pool is told so."""
# Channels has no types.
# mypy: disable-error-code="no-untyped-call"

from typing import Any, Literal

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.test import Client

from tests.realtime.test_consumer import heard, socket
from tests.rows import a_row
from tests.waiting import patient
from transcription.gate import Ok, Permit, Purpose, Refused
from transcription.models import Meeting
from transcription.people import meetings
from transcription.service import reports
from transcription.service.accounts import gate_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("connections_stay_open", "pooled"),
]


@pytest.fixture
def mina() -> User:
    return User.objects.create_user("mina")


@pytest.fixture
def korean(mina: User) -> Meeting:
    return meetings.create_meeting(mina, "주간 회의", "ko")


@pytest.fixture
def english(mina: User) -> Meeting:
    return meetings.create_meeting(mina, "Weekly", "en")


@pytest.fixture
def cookies(client: Client, mina: User) -> Client:
    client.force_login(mina)
    return client


def refuse(pool: str, scope: Literal["all", "submit"]) -> None:
    gate = gate_of("rtzr")
    permit = gate.acquire(Purpose.SUBMIT, pool=pool)
    assert isinstance(permit, Permit)
    reports.report(gate, permit, Refused(scope, 60.0))


def resume() -> None:
    change = gate_of("rtzr").resume()
    assert change is not None
    reports.record(change)


async def heard_of_the_gate(page: WebsocketCommunicator) -> dict[str, Any]:
    """Return the next event of the gate, and skip the others."""
    while True:
        message: dict[str, Any] = await page.receive_json_from(timeout=patient(5))
        if message["type"].startswith("stt."):
            return message


def test_only_the_page_that_waits_for_the_full_pool_is_delayed(
    cookies: Client, korean: Meeting, english: Meeting
) -> None:
    async def run() -> None:
        pages = [socket(meeting.pk, cookies) for meeting in (korean, english)]
        for page in pages:
            await page.connect(timeout=patient(5))
            assert (await heard(page, "snapshot"))["stt"]["state"] == "open"
        await sync_to_async(refuse)("whisper", "submit")
        told = await heard(pages[1], "stt.delayed")
        assert (told["pool"], told["scope"], told["reason"]) == ("whisper", "submit", "concurrency")
        await sync_to_async(refuse)("sommers", "all")
        first = await heard_of_the_gate(pages[0])  # of all that happened, only the account's closing
        assert (first["type"], first["pool"]) == ("stt.delayed", "")
        moved = await heard(pages[1], "stt.moved")
        assert (moved["pool"], moved["reason"]) == ("", "rate")
        await sync_to_async(resume)()
        kinds = [(await heard(page, "stt.resumed"))["state"] for page in pages]
        assert kinds == ["open", "open"]
        for page in pages:
            await page.disconnect()

    async_to_sync(run)()


def test_a_page_that_connects_sees_its_own_pools(cookies: Client, korean: Meeting, english: Meeting) -> None:
    refuse("whisper", "submit")
    a_row(korean, status="processing", language="en", pool="whisper")  # from before its language was changed
    other = meetings.create_meeting(User.objects.get(username="mina"), "日本", "ja")

    async def first(meeting: Meeting) -> dict[str, Any]:
        page = socket(meeting.pk, cookies)
        await page.connect(timeout=patient(5))
        snapshot = await heard(page, "snapshot")
        await page.disconnect()
        return snapshot

    for meeting, pools, delayed in (
        (other, {"sommers"}, False),
        (english, {"whisper"}, True),
        (korean, {"sommers", "whisper"}, True),
    ):
        snapshot = async_to_sync(first)(meeting)
        assert set(snapshot["pools"]) == pools
        assert (snapshot["stt"]["state"] == "blocked") is delayed


def test_a_meeting_in_another_language_waits_for_its_new_pool(cookies: Client, korean: Meeting) -> None:
    refuse("whisper", "submit")

    async def run() -> None:
        page = socket(korean.pk, cookies)
        await page.connect(timeout=patient(5))
        assert (await heard(page, "snapshot"))["stt"]["state"] == "open"
        await sync_to_async(meetings.set_language)(korean, "en")
        assert (await heard(page, "meeting.changed"))["language"] == "en"
        assert (await heard(page, "snapshot"))["stt"]["pool"] == "whisper"
        await page.disconnect()

    async_to_sync(run)()


def test_the_delay_of_a_recording_is_that_of_its_pool(
    cookies: Client, korean: Meeting, english: Meeting
) -> None:
    korean_row = a_row(korean, status="queued", language="ko", pool="sommers")
    english_row = a_row(english, status="queued", language="en", pool="whisper")
    old = a_row(english, status="queued", language="en")  # of the version before

    def delayed() -> list[bool]:
        answers = [
            cookies.get(f"/api/v1/recordings/{row.recording_id}").json()
            for row in (korean_row, english_row, old)
        ]
        return [answer["delayed"] for answer in answers]

    assert delayed() == [False, False, False]
    refuse("whisper", "submit")
    assert delayed() == [False, True, True]
    [stt] = cookies.get("/api/v1/stt").json()
    assert (stt["state"], stt["pool"], stt["waiting"]) == ("blocked", "whisper", 3)
    shown = [(pool["pool"], pool["state"], pool["waiting"], pool["cap"]) for pool in stt["pools"]]
    assert shown == [("sommers", "open", 1, 10), ("whisper", "blocked", 2, 1)]


def test_a_job_is_reported_to_the_pool_of_its_permit() -> None:
    gate = gate_of("rtzr")
    permit = gate.acquire(Purpose.SUBMIT, pool="whisper")
    assert isinstance(permit, Permit)
    reports.report(gate, permit, Ok("job", running=True))
    assert (gate.figures(pool="whisper").jobs, gate.figures(pool="sommers").jobs) == (1, 0)
