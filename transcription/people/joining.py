"""Joining a meeting by its link, with an account or as a guest with a name.

The link is `/j/<meeting>-<secret>/`: the number finds the row, and the secret is compared in constant time. The
meeting's owner turns the link on and off, and can renew it. A renewal ends the old link; participants stay.
"""

import re
import secrets
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from transcription.models import Meeting, Participant
from transcription.people import names
from transcription.people.meetings import invite, people_changed
from transcription.people.seats import give_key

SECRET_BYTES = 32
# The limit on a meeting's people counts everyone who joined within this time, so that leaving frees no place at once.
COUNTED_FOR = timedelta(hours=1)

_TOKEN = re.compile(r"(\d{1,18})-([A-Za-z0-9_-]{20,64})", re.ASCII)


class Full(Exception):
    """The meeting has `MEETING_MAX_PEOPLE`: nobody can join it by its link for now."""


def token_of(meeting: Meeting) -> str:
    """Return the token in the meeting's link, or "" if the meeting has no link or it is turned off."""
    return f"{meeting.pk}-{meeting.join_secret}" if meeting.join_open and meeting.join_secret else ""


def meeting_of(token: str) -> Meeting | None:
    """Return the meeting that `token` opens, or None if the token is unknown, old or turned off."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        return None
    meeting = Meeting.objects.select_related("owner").filter(pk=int(match[1]), join_open=True).first()
    if meeting is None or not meeting.join_secret:
        return None
    return meeting if secrets.compare_digest(meeting.join_secret, match[2]) else None


class Over(Exception):
    """The link was turned off or renewed, or the meeting deleted, after the person opened the link."""


@transaction.atomic
def allow(meeting: Meeting, *, allowed: bool, renew: bool = False) -> None:
    """Turn joining by link on or off, and publish the change.

    `renew` replaces the link's secret when `allowed` is set. Without it, the link that is turned on is the one that
    the meeting had before.
    """
    # Lock the row and read the secret again: one that was read before another renewal would restore the old link.
    meeting.refresh_from_db(fields=["join_secret"], from_queryset=Meeting.objects.select_for_update())
    if allowed and (renew or not meeting.join_secret):
        meeting.join_secret = secrets.token_urlsafe(SECRET_BYTES)
    meeting.join_open = allowed
    meeting.save(update_fields=["join_secret", "join_open"])
    people_changed(meeting)


@transaction.atomic
def join_with_account(meeting: Meeting, user: User) -> Participant:
    """Make `user` a participant, unless they are one. Return the participant. Raises Full and Over."""
    if not Participant.objects.present().filter(meeting=meeting, user=user).exists():
        _room_in(meeting)
    return invite(meeting, user)


@transaction.atomic
def join_as_guest(meeting: Meeting, name: str, session: SessionBase) -> Participant:
    """Create a guest named `name`, which was checked (names.py), and add the guest's key to `session`.

    Raises Full and Over. Raises ValidationError if a participant with an account has a name that looks the same,
    because no guest may pass for somebody else.
    """
    _room_in(meeting)
    accounts = Participant.objects.present().filter(meeting=meeting, user__isnull=False)
    if names.alike(name) in map(names.alike, accounts.values_list("name", flat=True)):
        raise ValidationError(
            _("Somebody in this meeting is called that already. Add something to your name."), code="taken"
        )
    guest = Participant.objects.create(meeting=meeting, name=name, guest_key=give_key(session))
    people_changed(meeting)
    return guest


def _room_in(meeting: Meeting) -> None:
    # Lock the meeting: when two people join for one free place, only one gets it.
    still = Meeting.objects.select_for_update().filter(
        pk=meeting.pk, join_open=True, join_secret=meeting.join_secret
    )
    if still.first() is None:
        raise Over
    lately = Participant.objects.filter(joined_at__gt=timezone.now() - COUNTED_FOR)
    people = (Participant.objects.present() | lately).filter(meeting=meeting)
    if people.count() >= settings.MEETING_MAX_PEOPLE:
        raise Full
