"""The socket and the people of its meeting: who is here and records, who is removed, and the meeting's end."""
# Channels has no types.
# mypy: disable-error-code="no-untyped-call"

import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import redis
from asgiref.sync import async_to_sync, sync_to_async
from channels.testing import WebsocketCommunicator
from django.db import OperationalError
from django.test import Client

from realtime import consumers, pulse
from tests.realtime.test_consumer import closed_with, heard, refused_with, send, socket
from tests.visitors import INSIDE, OUTSIDE, People, everybody
from tests.waiting import patient
from transcription import events
from transcription.live import attendance
from transcription.live.attendance import attendance_of
from transcription.people import meetings

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("connections_stay_open")]


@pytest.fixture
def people() -> People:
    """A meeting and every kind of visitor."""
    return everybody()


def together(people: People, act: Callable[..., Awaitable[None]], *who: str) -> None:
    """Open a socket for each of `who`, read their snapshots, and run `act(*sockets)`."""

    async def run() -> None:
        sockets = []
        for name in who:
            opened = socket(people.meeting.pk, people.browsers[name])
            await opened.connect(timeout=patient(5))
            await heard(opened, "snapshot")
            sockets.append(opened)
        await act(*sockets)
        for opened in sockets:
            await opened.disconnect()

    async_to_sync(run)()


async def told(page: WebsocketCommunicator, here: set[int], recording: set[int]) -> None:
    """Wait until the page receives exactly this attendance."""
    while True:
        event = await heard(page, "attendance.changed")
        if (set(event["here"]), set(event["recording"])) == (here, recording):
            return


@pytest.mark.parametrize("who", INSIDE)
def test_who_is_in_the_meeting_gets_in(people: People, who: str) -> None:
    async def nothing(_page: WebsocketCommunicator) -> None:
        return

    together(people, nothing, who)


@pytest.mark.parametrize("who", OUTSIDE)
def test_who_is_not_is_refused(people: People, who: str) -> None:
    code = consumers.NOT_SIGNED_IN if who == "anonymous" else consumers.NOT_ALLOWED
    assert refused_with(people.meeting.pk, people.browsers[who]) == code


def test_the_snapshot_has_the_meeting_and_who_is_here(people: People) -> None:
    async def look(_owner: WebsocketCommunicator) -> None:
        guest = socket(people.meeting.pk, people.browsers["guest"])
        await guest.connect(timeout=patient(5))
        snapshot = await heard(guest, "snapshot")
        assert (snapshot["version"], snapshot["state"]) == (people.meeting.version, "open")
        assert snapshot["attendance"]["here"] == sorted(pk for pk in (owner, gil))
        await guest.disconnect()

    owner, gil = people.participant("mina").pk, people.participant("Gil").pk
    together(people, look, "owner")


def test_all_are_told_who_comes_records_stops_and_goes(people: People) -> None:
    owner, gil = people.participant("mina").pk, people.participant("Gil").pk

    async def watch(page: WebsocketCommunicator) -> None:
        guest = socket(people.meeting.pk, people.browsers["guest"])
        await guest.connect(timeout=patient(5))
        await told(page, {owner, gil}, set())
        for recording in True, False, True:
            await guest.send_json_to({"type": "recording", "recording": recording})
            await told(page, {owner, gil}, {gil} if recording else set())
        await guest.disconnect()  # its recording ends with the socket
        await told(page, {owner}, set())

    together(people, watch, "owner")
    assert attendance_of(people.meeting.pk)["here"] == []


@pytest.mark.parametrize(
    "said", [{"recording": 1}, {"recording": "yes"}, {}, {"recording": None}, {"recording": []}]
)
def test_only_true_and_false_say_something_about_recording(people: People, said: dict[str, Any]) -> None:
    async def say(page: WebsocketCommunicator) -> None:
        await page.send_json_to({"type": "recording", **said})
        assert await page.receive_nothing(timeout=2 * pulse.SHORTEST)

    together(people, say, "guest")


def test_a_page_that_changes_its_mind_all_the_time_is_not_repeated_to_everybody(people: People) -> None:
    async def flutter(page: WebsocketCommunicator, owner: WebsocketCommunicator) -> None:
        began = time.monotonic()
        for n in range(500):
            await page.send_json_to({"type": "recording", "recording": n % 2 == 0})
        await page.send_json_to({"type": "recording", "recording": True})
        await told(owner, {mina, gil}, {gil})
        repeated, silence = 0, 3 * pulse.SHORTEST
        while not await owner.receive_nothing(timeout=silence):
            await owner.receive_json_from()
            repeated += 1
        assert repeated <= 1 + (time.monotonic() - began - silence) / pulse.SHORTEST

    mina, gil = people.participant("mina").pk, people.participant("Gil").pk
    together(people, flutter, "guest", "owner")


def test_what_people_do_costs_no_query(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_args: Any, **_kwargs: Any) -> None:
        raise AssertionError("a query for an event")

    async def act(page: WebsocketCommunicator) -> None:
        monkeypatch.setattr(consumers, "database_sync_to_async", forbidden)
        for n, kind in enumerate(["participant.changed", "meeting.changed", "attendance.changed"]):
            event = {"type": kind, "version": n, "removed": 0, "state": "ended"}
            await send(events.meeting_group(people.meeting.pk), event)
            assert (await heard(page, kind))["version"] == n
        await page.send_json_to({"type": "recording", "recording": True})
        assert await page.receive_nothing(timeout=0.1)
        monkeypatch.undo()

    together(people, act, "owner")


def test_nobody_records_in_an_ended_meeting(people: People) -> None:
    gil = people.participant("Gil").pk

    async def end(guest: WebsocketCommunicator) -> None:
        await guest.send_json_to({"type": "recording", "recording": True})
        await told(guest, {gil}, {gil})
        event = {"type": "meeting.changed", "meeting": people.meeting.pk, "version": 90, "state": "ended"}
        await send(events.meeting_group(people.meeting.pk), event)
        await heard(guest, "meeting.changed")
        await told(guest, {gil}, set())
        await send(events.meeting_group(people.meeting.pk), {**event, "version": 91, "state": "open"})
        await told(guest, {gil}, {gil})  # its page never stopped recording

    together(people, end, "guest")


def test_nobody_records_in_a_meeting_that_was_over_before(people: People) -> None:
    meetings.end(people.meeting)

    async def record(guest: WebsocketCommunicator) -> None:
        await guest.send_json_to({"type": "recording", "recording": True})
        assert await guest.receive_nothing(timeout=2 * pulse.SHORTEST)
        assert (await sync_to_async(attendance_of)(people.meeting.pk))["recording"] == []

    together(people, record, "guest")


def test_a_deleted_meeting_ends_every_socket_with_a_code_of_its_own(people: People) -> None:
    async def delete(owner: WebsocketCommunicator, guest: WebsocketCommunicator) -> None:
        event = {"type": "meeting.changed", "meeting": people.meeting.pk, "version": 90, "state": "deleted"}
        await send(events.meeting_group(people.meeting.pk), event)
        for page in owner, guest:
            assert await closed_with(page) == consumers.DELETED

    together(people, delete, "owner", "guest")


def test_a_removed_guests_socket_ends(people: People) -> None:
    gil = people.participant("Gil")

    async def remove(owner: WebsocketCommunicator, guest: WebsocketCommunicator) -> None:
        # The event would follow the commit, which this test has none of, so it is sent below.
        await sync_to_async(meetings.remove)(people.meeting, gil)
        event = {
            "type": "participant.changed",
            "meeting": people.meeting.pk,
            "version": 90,
            "removed": gil.pk,
        }
        await send(events.meeting_group(people.meeting.pk), event)
        assert await closed_with(guest) == consumers.NOT_ALLOWED
        assert (await heard(owner, "participant.changed"))["removed"] == gil.pk

    together(people, remove, "owner", "guest")


@pytest.mark.parametrize("change", ["removed", "ended"])
def test_what_happens_while_a_page_connects_is_not_missed(
    people: People, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    join = consumers.PageConsumer._join

    def happens() -> None:
        if change == "ended":
            meetings.end(people.meeting)
        else:
            meetings.remove(people.meeting, people.participant("Gil"))

    async def before_it_listens(page: consumers.PageConsumer, *groups: str) -> None:
        await sync_to_async(happens)()  # the event comes before this page is in the group
        await join(page, *groups)

    monkeypatch.setattr(consumers.PageConsumer, "_join", before_it_listens)

    async def connect() -> None:
        guest = socket(people.meeting.pk, people.browsers["guest"])
        await guest.connect(timeout=patient(5))
        if change == "removed":
            assert await closed_with(guest) == consumers.NOT_ALLOWED
        else:
            snapshot = await heard(guest, "snapshot")
            assert (snapshot["state"], snapshot["version"]) == ("ended", people.meeting.version)
        await guest.disconnect()

    async_to_sync(connect)()


def test_a_socket_that_an_error_ends_leaves_nobody_here(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    gil = people.participant("Gil").pk
    asked = []

    def no_database(_page: consumers.MeetingConsumer) -> None:
        asked.append(attendance_of(people.meeting.pk)["here"])
        raise OperationalError

    async def fail() -> None:
        guest = socket(people.meeting.pk, people.browsers["guest"])
        monkeypatch.setattr(consumers.MeetingConsumer, "snapshot", no_database)
        await guest.connect(timeout=patient(5))
        with pytest.raises(OperationalError):
            await guest.wait(timeout=patient(5))
        assert asked == [[gil]]
        assert (await sync_to_async(attendance_of)(people.meeting.pk))["here"] == []

    async_to_sync(fail)()


def test_without_redis_people_still_read(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_args: Any) -> None:
        raise redis.ConnectionError

    monkeypatch.setattr(pulse, "beat", away)
    monkeypatch.setattr(attendance, "attendance_of", away)

    async def look(_owner: WebsocketCommunicator) -> None:
        guest = socket(people.meeting.pk, people.browsers["guest"])
        await guest.connect(timeout=patient(5))
        assert (await heard(guest, "snapshot"))["attendance"] is None
        await guest.disconnect()

    together(people, look, "owner")


def test_a_session_with_a_new_key_is_asked_to_come_again(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "SNAPSHOT_EVERY", 0)
    guest: Client = people.browsers["guest"]

    async def rotate(page: WebsocketCommunicator) -> None:
        await sync_to_async(guest.session.cycle_key)()
        await page.send_json_to({"type": "snapshot"})
        assert await closed_with(page) == consumers.NOT_SIGNED_IN

    together(people, rotate, "guest")
