"""A meeting's people and its state in the API."""

from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.contrib.auth.models import User
from django.test import Client

from tests.visitors import joined_as_guest
from transcription.live import attendance
from transcription.live.attendance import Doing, beat
from transcription.models import Meeting
from transcription.people import meetings


def test_a_meeting_says_who_is_in_it_and_what_they_do(
    client: Client, meeting: Meeting, stranger: User
) -> None:
    joined_as_guest(meeting, "Gil")
    gone = meetings.invite(meeting, stranger)
    meetings.remove(meeting, gone)
    owner, guest = meeting.participants.present().order_by("pk")
    beat(meeting.pk, guest.pk, "a", Doing.RECORDING)

    answer = client.get(f"/api/v1/meetings/{meeting.pk}").json()

    assert answer["participants"] == ["minsu"]
    shown = [
        {key: value for key, value in person.items() if key != "joined_at"} for person in answer["people"]
    ]
    quiet, busy = {"here": False, "recording": False}, {"here": True, "recording": True}
    assert shown == [
        {"id": owner.pk, "name": "Minsu Kim", "username": "minsu", "role": "owner", **quiet},
        {"id": guest.pk, "name": "Gil", "username": None, "role": "guest", **busy},
    ]
    assert (answer["state"], answer["ended_at"]) == ("open", None)


def test_without_redis_nobody_knows_who_is_here(
    client: Client, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: Any) -> None:
        raise redis.ConnectionError

    monkeypatch.setattr(attendance, "attendance_of", away)
    [owner] = client.get(f"/api/v1/meetings/{meeting.pk}").json()["people"]
    assert (owner["here"], owner["recording"]) == (None, None)


def test_the_version_grows_with_people_and_state(client: Client, meeting: Meeting, stranger: User) -> None:
    def version() -> int:
        found: int = client.get(f"/api/v1/meetings/{meeting.pk}").json()["version"]
        return found

    seen = [version()]
    person = meetings.invite(meeting, stranger)
    seen.append(version())
    meetings.rename(meeting, person, "Another")
    seen.append(version())
    meetings.remove(meeting, person)
    seen.append(version())
    meetings.end(meeting)
    seen.append(version())
    assert seen == [1, 2, 3, 4, 5]


@pytest.mark.usefixtures("media")
def test_an_ended_meeting_says_so_and_takes_nothing_new(
    client: Client, meeting: Meeting, speech: Callable[[], Any]
) -> None:
    meetings.end(meeting)
    answer = client.get(f"/api/v1/meetings/{meeting.pk}").json()
    assert answer["state"] == "ended"
    assert answer["ended_at"] is not None

    refused = client.post(f"/api/v1/meetings/{meeting.pk}/recordings", {"audio": speech()})

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "meeting_ended")


@pytest.mark.usefixtures("media")
def test_what_a_guest_says_has_their_name(meeting: Meeting, speech: Callable[[], Any]) -> None:
    guest = joined_as_guest(meeting, "Gil")
    answer = guest.post(f"/api/v1/meetings/{meeting.pk}/recordings", {"audio": speech(), "kind": "live"})
    assert answer.status_code == 201
    assert meeting.recordings.get().participant == meeting.participants.get(name="Gil")


def test_a_bearer_token_is_not_also_the_guest_whose_cookie_came_along(
    meeting: Meeting, stranger: User, as_user: Callable[[User], Client]
) -> None:
    program = as_user(stranger)
    program.cookies = joined_as_guest(meeting, "Gil").cookies
    assert program.get(f"/api/v1/meetings/{meeting.pk}").status_code == 404
