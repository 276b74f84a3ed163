"""Meetings and their people."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from transcription import events, meetings
from transcription.models import Meeting, Participant

pytestmark = pytest.mark.django_db


@pytest.fixture
def mina() -> User:
    """Owns the meeting."""
    return User.objects.create_user("mina")


@pytest.fixture
def jun() -> User:
    """Somebody else."""
    return User.objects.create_user("jun")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What was published about people: (meeting, version)."""
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(events, "publish_participants", lambda *args: seen.append(args))
    return seen


def test_the_owner_is_a_participant_from_the_start(mina: User) -> None:
    meeting = meetings.create_meeting(mina, "Weekly", "ko")

    assert (meeting.title, meeting.language, meeting.owner) == ("Weekly", "ko", mina)
    assert [participant.user for participant in meeting.participants.all()] == [mina]


def test_a_meeting_without_its_owner_among_the_people_is_never_left_behind(
    mina: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_fields: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(Participant.objects, "create", broken)
    with pytest.raises(RuntimeError):
        meetings.create_meeting(mina, "Weekly", "ko")
    assert not Meeting.objects.exists()


def test_who_is_invited_sees_the_meeting_and_everybody_is_told(
    mina: User, jun: User, told: list[tuple[int, int]]
) -> None:
    meeting = meetings.create_meeting(mina, "Weekly", "ko")
    assert not Meeting.objects.visible_to(jun).exists()

    participant = meetings.invite(meeting, jun)

    assert Meeting.objects.visible_to(jun).get() == meeting
    assert told == [(meeting.pk, participant.pk)]


def test_inviting_twice_changes_and_tells_nothing(mina: User, jun: User, told: list[tuple[int, int]]) -> None:
    meeting = meetings.create_meeting(mina, "Weekly", "ko")
    first = meetings.invite(meeting, jun)
    assert meetings.invite(meeting, jun) == first
    assert len(told) == 1


def test_who_is_removed_sees_it_no_more_and_everybody_is_told_once(
    mina: User, jun: User, told: list[tuple[int, int]]
) -> None:
    meeting = meetings.create_meeting(mina, "Weekly", "ko")
    participant = meetings.invite(meeting, jun)
    told.clear()

    meetings.remove(meeting, participant)
    participant.pk = told[0][1]  # deleted: Django took the number away
    meetings.remove(meeting, participant)

    assert not Meeting.objects.visible_to(jun).exists()
    assert len(told) == 1


def test_the_owner_cannot_be_removed(mina: User) -> None:
    meeting = meetings.create_meeting(mina, "Weekly", "ko")
    with pytest.raises(meetings.OwnerStays):
        meetings.remove(meeting, meeting.participants.get())


def test_a_participant_of_another_meeting_is_not_removed_with_this_one(mina: User, jun: User) -> None:
    meeting = meetings.create_meeting(mina, "Weekly", "ko")
    other = meetings.create_meeting(jun, "Other", "ko")
    guest = meetings.invite(other, User.objects.create_user("guest"))

    meetings.remove(meeting, guest)

    assert other.participants.filter(pk=guest.pk).exists()
