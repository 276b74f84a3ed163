"""The meeting page's socket: who may connect, what it sends first, which events it forwards, and when it ends.

Each test is a plain function around a coroutine, so that it sees the rows of the fixtures and they are rolled back.
"""
# Channels has no types.
# mypy: disable-error-code="no-untyped-call"

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import redis
from asgiref.sync import async_to_sync, sync_to_async
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from channels_redis.pubsub import RedisPubSubLoopLayer
from django.contrib.auth.models import User
from django.test import Client

from mico.asgi import application
from realtime import consumers
from tests.rows import a_row
from tests.waiting import patient
from transcription import events
from transcription.models import Meeting
from transcription.people import meetings

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("connections_stay_open")]

ORIGIN = (b"origin", b"http://localhost")


@pytest.fixture
def mina() -> User:
    """Owns the meeting."""
    return User.objects.create_user("mina")


@pytest.fixture
def meeting(mina: User) -> Meeting:
    """Mina's."""
    return meetings.create_meeting(mina, "Weekly", "en")


@pytest.fixture
def cookies(client: Client, mina: User) -> Client:
    """Mina's browser, signed in."""
    client.force_login(mina)
    return client


def socket(meeting_id: int, client: Client | None = None, origin: bytes = ORIGIN[1]) -> WebsocketCommunicator:
    """Return a page's connection, which is not open yet."""
    headers = [(b"origin", origin), (b"host", b"localhost")]
    if client is not None:
        cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
        headers.append((b"cookie", cookie.encode()))
    return WebsocketCommunicator(application, f"/ws/meetings/{meeting_id}/", headers=headers)


def with_socket(
    meeting_id: int, client: Client, act: Callable[[WebsocketCommunicator, dict[str, Any]], Awaitable[None]]
) -> None:
    """Open a socket, read its snapshot, and run `act(socket, snapshot)`."""

    async def run() -> None:
        open_socket = socket(meeting_id, client)
        connected, _ = await open_socket.connect(timeout=patient(5))
        assert connected
        await act(open_socket, await open_socket.receive_json_from(timeout=patient(5)))
        await open_socket.disconnect()

    async_to_sync(run)()


def refused_with(meeting_id: int, client: Client | None = None) -> int:
    """Return the code with which a new connection is refused."""

    async def run() -> int:
        open_socket = socket(meeting_id, client)
        connected, _ = await open_socket.connect(timeout=patient(5))
        assert connected, "a browser sees the code only of a connection that was accepted"
        message = await open_socket.receive_output(timeout=patient(5))
        assert message["type"] == "websocket.close"
        code: int = message["code"]
        return code

    return async_to_sync(run)()


async def send(group: str, event: dict[str, Any]) -> None:
    """Send an event to a group, as a worker in another process does."""
    await get_channel_layer().group_send(group, event)


async def heard(page: WebsocketCommunicator, kind: str) -> dict[str, Any]:
    """Return the next event of this type, and skip the others."""
    while True:
        message: dict[str, Any] = await page.receive_json_from(timeout=patient(5))
        if message["type"] == kind:
            return message


async def closed_with(page: WebsocketCommunicator) -> int:
    """Return the code with which the server closes this connection, and skip what it sends before."""
    while True:
        message = await page.receive_output(timeout=patient(5))
        if message["type"] == "websocket.close":
            code: int = message["code"]
            return code


class TestWhoGetsIn:
    """Refused connections, each with the close code that the page explains."""

    def test_not_signed_in(self, meeting: Meeting) -> None:
        assert refused_with(meeting.pk) == consumers.NOT_SIGNED_IN

    def test_not_in_the_meeting(self, client: Client, meeting: Meeting) -> None:
        client.force_login(User.objects.create_user("stranger"))
        assert refused_with(meeting.pk, client) == consumers.NOT_ALLOWED

    def test_no_such_meeting(self, cookies: Client) -> None:
        assert refused_with(987654, cookies) == consumers.NOT_ALLOWED

    def test_another_sites_page(self, cookies: Client, meeting: Meeting) -> None:
        async def run() -> bool:
            connected, _ = await socket(meeting.pk, cookies, b"https://evil.example").connect(
                timeout=patient(5)
            )
            return bool(connected)

        assert not async_to_sync(run)()

    def test_redis_away(self, cookies: Client, meeting: Meeting, monkeypatch: pytest.MonkeyPatch) -> None:
        async def away(*_args: Any) -> None:
            raise redis.ConnectionError

        monkeypatch.setattr(RedisPubSubLoopLayer, "group_add", away)
        assert refused_with(meeting.pk, cookies) == consumers.TRY_AGAIN


class TestSnapshot:
    """The snapshot: the first message, and the answer whenever the page asks for it."""

    def test_says_where_everything_is(self, cookies: Client, meeting: Meeting) -> None:
        rows = [a_row(meeting, version=n + 1) for n in range(2)]
        a_row(meetings.create_meeting(User.objects.create_user("x"), "Other", "en"))

        async def look(_socket: WebsocketCommunicator, snapshot: dict[str, Any]) -> None:
            assert snapshot["type"] == "snapshot"
            assert snapshot["recordings"] == {str(row.recording_id): row.version for row in rows}
            assert snapshot["stt"]["state"] == "open"
            assert snapshot["presence"] == {"workers": 0, "dispatchers": 0}

        with_socket(meeting.pk, cookies, look)

    def test_comes_again_when_asked_for(
        self, cookies: Client, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(consumers, "SNAPSHOT_EVERY", 0)

        async def ask(page: WebsocketCommunicator, _snapshot: dict[str, Any]) -> None:
            row = await sync_to_async(a_row)(meeting)
            await page.send_json_to({"type": "snapshot"})
            again = await page.receive_json_from(timeout=patient(5))
            assert again["recordings"] == {str(row.recording_id): row.version}

        with_socket(meeting.pk, cookies, ask)

    def test_impatient_pages_are_not_answered_each_time(self, cookies: Client, meeting: Meeting) -> None:
        async def hammer(page: WebsocketCommunicator, _snapshot: dict[str, Any]) -> None:
            for _ in range(50):
                await page.send_json_to({"type": "snapshot"})
            assert await page.receive_nothing(timeout=0.3)

        with_socket(meeting.pk, cookies, hammer)

    def test_a_session_that_is_over_is_noticed(
        self, cookies: Client, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(consumers, "SNAPSHOT_EVERY", 0)

        async def sign_out(page: WebsocketCommunicator, _snapshot: dict[str, Any]) -> None:
            await sync_to_async(cookies.post)("/accounts/logout/")
            await page.send_json_to({"type": "snapshot"})
            message = await page.receive_output(timeout=patient(5))
            assert message == {"type": "websocket.close", "code": consumers.NOT_SIGNED_IN}

        with_socket(meeting.pk, cookies, sign_out)


class TestEvents:
    """Which events are forwarded, to whom, and with how many queries."""

    def test_events_of_the_meeting_and_of_the_gate_are_handed_on_as_they_are(
        self, cookies: Client, meeting: Meeting
    ) -> None:
        changed = {
            "type": "recording.changed",
            "meeting": meeting.pk,
            "recording": 5,
            "version": 2,
            "status": "done",
        }
        delayed = {"type": "stt.delayed", "vendor": "rtzr", "state": "blocked", "version": 10**14}

        async def listen(page: WebsocketCommunicator, _snapshot: dict[str, Any]) -> None:
            await send(events.meeting_group(meeting.pk), changed)
            assert await page.receive_json_from(timeout=patient(5)) == changed
            await send(events.stt_group("rtzr"), delayed)
            assert await page.receive_json_from(timeout=patient(5)) == delayed

        with_socket(meeting.pk, cookies, listen)

    def test_nothing_of_other_meetings(self, cookies: Client, meeting: Meeting) -> None:
        async def listen(page: WebsocketCommunicator, _snapshot: dict[str, Any]) -> None:
            await send(events.meeting_group(meeting.pk + 1), {"type": "recording.changed", "meeting": 0})
            assert await page.receive_nothing(timeout=0.3)

        with_socket(meeting.pk, cookies, listen)

    def test_an_event_costs_no_query(
        self, cookies: Client, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def listen(page: WebsocketCommunicator, _snapshot: dict[str, Any]) -> None:
            def forbidden(*_args: Any, **_kwargs: Any) -> None:
                raise AssertionError("a query for an event")

            monkeypatch.setattr(consumers, "database_sync_to_async", forbidden)
            for n in range(20):
                event = {"type": "recording.changed", "meeting": meeting.pk, "recording": n, "version": n}
                await send(events.meeting_group(meeting.pk), event)
            for n in range(20):
                assert (await page.receive_json_from(timeout=patient(5)))["recording"] == n
            monkeypatch.undo()

        with_socket(meeting.pk, cookies, listen)

    @pytest.mark.parametrize("kind", ["unheard.of", "connect", "send_json", "http.request", "dispatch"])
    def test_an_unknown_type_ends_nothing(self, cookies: Client, meeting: Meeting, kind: str) -> None:
        known = {"type": "recording.changed", "meeting": meeting.pk, "recording": 1, "version": 1}

        async def listen(page: WebsocketCommunicator, _snapshot: dict[str, Any]) -> None:
            await send(events.meeting_group(meeting.pk), {"type": kind})
            await send(events.meeting_group(meeting.pk), known)
            assert await page.receive_json_from(timeout=patient(5)) == known

        with_socket(meeting.pk, cookies, listen)

    @pytest.mark.parametrize(
        "said", ["{", "[]", "null", '"snapshot"', '{"type": 5}', '{"type": {}}', "x" * 9000, "[" * 100_000]
    )
    def test_nonsense_from_a_page_ends_nothing(self, cookies: Client, meeting: Meeting, said: str) -> None:
        known = {"type": "recording.changed", "meeting": meeting.pk, "recording": 1, "version": 1}

        async def listen(page: WebsocketCommunicator, _snapshot: dict[str, Any]) -> None:
            await page.send_to(text_data=said)
            await page.send_to(bytes_data=b"\x00\xff")
            await send(events.meeting_group(meeting.pk), known)
            assert await page.receive_json_from(timeout=patient(5)) == known

        with_socket(meeting.pk, cookies, listen)

    def test_who_is_removed_is_shown_out_and_the_others_are_told(
        self, client: Client, cookies: Client, meeting: Meeting
    ) -> None:
        guest = User.objects.create_user("guest")
        participant = meetings.invite(meeting, guest)
        guests = Client()
        guests.force_login(guest)

        async def remove(owners: WebsocketCommunicator, _snapshot: dict[str, Any]) -> None:
            page = socket(meeting.pk, guests)
            await page.connect(timeout=patient(5))
            await page.receive_json_from(timeout=patient(5))
            event = {
                "type": "participant.changed",
                "meeting": meeting.pk,
                "version": 9,
                "removed": participant.pk,
            }
            await send(events.meeting_group(meeting.pk), event)
            assert await closed_with(page) == consumers.NOT_ALLOWED
            assert (await heard(owners, "participant.changed"))["removed"] == participant.pk

        with_socket(meeting.pk, cookies, remove)


def test_redis_going_away_at_the_end_is_no_error(
    cookies: Client, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_args: Any) -> None:
        raise redis.ConnectionError

    async def leave(_page: WebsocketCommunicator, _snapshot: dict[str, Any]) -> None:
        monkeypatch.setattr(RedisPubSubLoopLayer, "group_discard", away)
        await asyncio.sleep(0)

    with_socket(meeting.pk, cookies, leave)
