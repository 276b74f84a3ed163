"""The rules of meetings and their people, which the pages and the API share.

Every change of a meeting's people or state counts the meeting's `version` up, and is published with that number.
"""

from typing import Literal

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from transcription import events
from transcription.models import Meeting, Participant, Recording
from transcription.people.names import name_of

# The newest meetings of a person, whose languages are suggested for the next one.
RECENT = 50


class OwnerStays(Exception):
    """The owner of a meeting cannot be removed from it."""


@transaction.atomic
def create_meeting(owner: User, title: str, language: str) -> Meeting:
    """Create a meeting with its owner as the first participant."""
    meeting = Meeting.objects.create(owner=owner, title=title, language=language)
    Participant.objects.create(meeting=meeting, user=owner, name=name_of(owner))
    return meeting


def languages_used(user: User) -> list[str]:
    """Return the languages of the user's newest meetings, the latest first. One query."""
    newest = Meeting.objects.visible_to(user).order_by("-created_at", "-pk")[:RECENT]
    return list(dict.fromkeys(newest.values_list("language", flat=True)))


def people(meeting: Meeting) -> QuerySet[Participant]:
    """Return the present participants and the removed ones who recorded something, by time of joining. One query."""
    said = Recording.objects.filter(participant=OuterRef("pk"))
    return (
        Participant.objects.filter(meeting=meeting)
        .filter(Q(removed_at__isnull=True) | Exists(said))
        .select_related("user")
        .order_by("joined_at", "pk")
    )


@transaction.atomic
def invite(meeting: Meeting, user: User) -> Participant:
    """Make `user` a participant, or a present one again if they were removed.

    A present participant stays one; no event is published then.
    """
    participant, created = Participant.objects.get_or_create(
        meeting=meeting, user=user, defaults={"name": name_of(user)}
    )
    back = Participant.objects.filter(pk=participant.pk, removed_at__isnull=False).update(removed_at=None)
    participant.removed_at = None
    if created or back:
        people_changed(meeting)
    return participant


@transaction.atomic
def remove(meeting: Meeting, participant: Participant) -> None:
    """Remove a participant at once; a guest's key is deleted. Their recordings stay, under their name. Idempotent.

    Raises OwnerStays.
    """
    if participant.user_id == meeting.owner_id:
        raise OwnerStays
    present = Participant.objects.filter(pk=participant.pk, meeting=meeting, removed_at__isnull=True)
    if present.update(removed_at=timezone.now(), guest_key=None):
        people_changed(meeting, removed=participant.pk)


@transaction.atomic
def rename(meeting: Meeting, participant: Participant, name: str) -> None:
    """Give a participant, present or removed, a new name in this meeting. `name` was checked (names.py)."""
    changed = Participant.objects.filter(pk=participant.pk, meeting=meeting).exclude(name=name)
    if changed.update(name=name):
        people_changed(meeting)


@transaction.atomic
def set_language(meeting: Meeting, language: str) -> None:
    """Change the language of what is recorded from now on, and of what is tried again. `language` was checked."""
    if Meeting.objects.filter(pk=meeting.pk).update(language=language, version=F("version") + 1):
        meeting.refresh_from_db(fields=["ended_at", "version"])
        state: Literal["open", "ended"] = "open" if meeting.ended_at is None else "ended"
        events.publish_meeting(meeting.pk, meeting.version, state, language=language)


@transaction.atomic
def end(meeting: Meeting) -> None:
    """End the meeting, which then takes nothing that is recorded later (intake.py). Idempotent.

    The recordings that it has are still transcribed.
    """
    _set_end(meeting, was_over=False)


@transaction.atomic
def reopen(meeting: Meeting) -> None:
    """Reopen a meeting that was ended. Idempotent."""
    _set_end(meeting, was_over=True)


def _set_end(meeting: Meeting, *, was_over: bool) -> None:
    now = None if was_over else timezone.now()
    at_that_state = Meeting.objects.filter(pk=meeting.pk, ended_at__isnull=not was_over)
    if at_that_state.update(ended_at=now, version=F("version") + 1):
        meeting.refresh_from_db(fields=["ended_at", "version"])
        events.publish_meeting(meeting.pk, meeting.version, "open" if was_over else "ended")


def people_changed(meeting: Meeting, removed: int | None = None) -> None:
    """Count the meeting's `version` up and publish `participant.changed`. Must be called inside a transaction.

    `removed` is the id of the participant whose pages have to close, if any.
    """
    Meeting.objects.filter(pk=meeting.pk).update(version=F("version") + 1)
    meeting.refresh_from_db(fields=["version"])
    events.publish_participants(meeting.pk, meeting.version, removed)
