"""Meetings and their people: the few rules, used by the pages and by the API alike."""

from django.contrib.auth.models import User
from django.db import transaction

from transcription import events
from transcription.models import Meeting, Participant


class OwnerStays(Exception):  # noqa: N818 - named for the rule
    """The owner of a meeting cannot be removed from it."""


@transaction.atomic
def create_meeting(owner: User, title: str, language: str) -> Meeting:
    """A new meeting, with its owner as the first participant."""
    meeting = Meeting.objects.create(owner=owner, title=title, language=language)
    Participant.objects.create(meeting=meeting, user=owner)
    return meeting


@transaction.atomic
def invite(meeting: Meeting, user: User) -> Participant:
    """Makes `user` a participant. Somebody who is one already stays it, and nobody is told."""
    participant, created = Participant.objects.get_or_create(meeting=meeting, user=user)
    if created:
        events.publish_participants(meeting.pk, participant.pk)
    return participant


@transaction.atomic
def remove(meeting: Meeting, participant: Participant) -> None:
    """Takes a participant out; what they said stays. Safe to repeat.

    Raises OwnerStays.
    """
    if participant.user_id == meeting.owner_id:
        raise OwnerStays
    version = participant.pk
    deleted, _ = Participant.objects.filter(pk=version, meeting=meeting).delete()
    if deleted:
        events.publish_participants(meeting.pk, version)
