"""Meetings and their people."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from transcription import events
from transcription.models import Meeting, Participant
from transcription.people import meetings

pytestmark = pytest.mark.django_db

Told = tuple[int, int, int | None]


@pytest.fixture
def mina() -> User:
    """Owns the meeting."""
    return User.objects.create_user("mina")


@pytest.fixture
def jun() -> User:
    """Another user."""
    return User.objects.create_user("jun")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Told]:
    """Return the published `participant.changed` events as (meeting, version, removed participant)."""
    seen: list[Told] = []
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
    mina: User, jun: User, told: list[Told]
) -> None:
    meeting = meetings.create_meeting(mina, "Weekly", "ko")
    assert not Meeting.objects.visible_to(jun).exists()

    meetings.invite(meeting, jun)

    assert Meeting.objects.visible_to(jun).get() == meeting
    assert told == [(meeting.pk, 2, None)]


def test_inviting_twice_changes_and_tells_nothing(mina: User, jun: User, told: list[Told]) -> None:
    meeting = meetings.create_meeting(mina, "Weekly", "ko")
    first = meetings.invite(meeting, jun)
    assert meetings.invite(meeting, jun) == first
    assert len(told) == 1


def test_who_is_removed_sees_it_no_more_and_everybody_is_told_once(
    mina: User, jun: User, told: list[Told]
) -> None:
    meeting = meetings.create_meeting(mina, "Weekly", "ko")
    participant = meetings.invite(meeting, jun)
    told.clear()

    meetings.remove(meeting, participant)
    meetings.remove(meeting, participant)

    assert not Meeting.objects.visible_to(jun).exists()
    assert told == [(meeting.pk, 3, participant.pk)]


def test_who_was_removed_can_be_invited_again_and_is_the_same_person(
    mina: User, jun: User, told: list[Told]
) -> None:
    meeting = meetings.create_meeting(mina, "Weekly", "ko")
    participant = meetings.invite(meeting, jun)
    meetings.remove(meeting, participant)

    assert meetings.invite(meeting, jun) == participant

    assert Meeting.objects.visible_to(jun).get() == meeting
    assert [version for _, version, _ in told] == [2, 3, 4]


def test_the_owner_cannot_be_removed(mina: User) -> None:
    meeting = meetings.create_meeting(mina, "Weekly", "ko")
    with pytest.raises(meetings.OwnerStays):
        meetings.remove(meeting, meeting.participants.get())


def test_a_participant_of_another_meeting_is_not_removed_with_this_one(mina: User, jun: User) -> None:
    meeting = meetings.create_meeting(mina, "Weekly", "ko")
    other = meetings.create_meeting(jun, "Other", "ko")
    guest = meetings.invite(other, User.objects.create_user("guest"))

    meetings.remove(meeting, guest)

    assert other.participants.present().filter(pk=guest.pk).exists()


def test_a_name_is_that_of_the_account_until_the_owner_changes_it_here(mina: User, told: list[Told]) -> None:
    jun = User.objects.create_user("jun", first_name="Jun", last_name="Park")
    meeting, other = (meetings.create_meeting(mina, title, "ko") for title in ("Weekly", "Other"))
    here, there = meetings.invite(meeting, jun), meetings.invite(other, jun)
    assert (here.name, there.name) == ("Jun Park", "Jun Park")
    told.clear()

    for _ in range(2):
        meetings.rename(meeting, here, "JP")

    assert set(meeting.participants.values_list("name", flat=True)) == {"mina", "JP"}
    assert set(other.participants.values_list("name", flat=True)) == {"mina", "Jun Park"}
    assert told == [(meeting.pk, 3, None)]


def test_the_name_outlives_the_account(mina: User, jun: User) -> None:
    meeting = meetings.create_meeting(mina, "Weekly", "ko")
    meetings.invite(meeting, jun)
    jun.delete()
    (gone,) = meeting.participants.exclude(user=mina)
    assert gone.name == "jun"
    assert not gone.is_present
    assert list(meeting.participants.present()) == [meeting.participants.get(user=mina)]


def test_ending_and_reopening_are_told_once_each(mina: User, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(events, "publish_meeting", lambda *args: seen.append(args))
    meeting = meetings.create_meeting(mina, "Weekly", "ko")

    for change in meetings.end, meetings.end, meetings.reopen, meetings.reopen:
        change(meeting)

    assert seen == [(meeting.pk, 2, "ended"), (meeting.pk, 3, "open")]
    assert Meeting.objects.get().ended_at is None
