"""Coming in by the meeting's link, with an account or with no more than a name.

The link is `/j/<meeting>-<secret>/`: the number finds the row, and the secret is compared in constant time. Its
owner turns it on and off, and renews it: whoever is in stays in, the old link is dead.
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
# The limit of a meeting's people is also one in time: who leaves and joins again counts once more.
COUNTED_FOR = timedelta(hours=1)

_TOKEN = re.compile(r"(\d{1,18})-([A-Za-z0-9_-]{20,64})", re.ASCII)


class Full(Exception):
    """Nobody more can join this meeting by its link, at least for now."""


def token_of(meeting: Meeting) -> str:
    """What stands in the meeting's link. "": there is none, or it is turned off."""
    return f"{meeting.pk}-{meeting.join_secret}" if meeting.join_open and meeting.join_secret else ""


def meeting_of(token: str) -> Meeting | None:
    """Whose link this is. None: nobody's, an old one, or turned off."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        return None
    meeting = Meeting.objects.select_related("owner").filter(pk=int(match[1]), join_open=True).first()
    if meeting is None or not meeting.join_secret:
        return None
    return meeting if secrets.compare_digest(meeting.join_secret, match[2]) else None


class Over(Exception):
    """Since the link was followed it was turned off or renewed, or the meeting was deleted."""


@transaction.atomic
def allow(meeting: Meeting, *, allowed: bool, renew: bool = False) -> None:
    """Turns joining by link on or off. `renew`: with another link from now on. The old one is the same again
    when it is turned on without that.
    """
    # As it is now, and locked: what was read before another renewal would bring the old link back.
    meeting.refresh_from_db(fields=["join_secret"], from_queryset=Meeting.objects.select_for_update())
    if allowed and (renew or not meeting.join_secret):
        meeting.join_secret = secrets.token_urlsafe(SECRET_BYTES)
    meeting.join_open = allowed
    meeting.save(update_fields=["join_secret", "join_open"])
    people_changed(meeting)


@transaction.atomic
def join_with_account(meeting: Meeting, user: User) -> Participant:
    """`user` becomes a participant; who is one already stays it. Raises Full and Over."""
    if not Participant.objects.present().filter(meeting=meeting, user=user).exists():
        _room_in(meeting)
    return invite(meeting, user)


@transaction.atomic
def join_as_guest(meeting: Meeting, name: str, session: SessionBase) -> Participant:
    """A guest called `name` (checked: names.py), whose key goes into `session`.

    Raises Full, Over, and ValidationError: an account of this meeting has that name, and nobody is to pass for
    another.
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
    # Locked: of two who come for one place, one gets it.
    still = Meeting.objects.select_for_update().filter(
        pk=meeting.pk, join_open=True, join_secret=meeting.join_secret
    )
    if still.first() is None:
        raise Over
    lately = Participant.objects.filter(joined_at__gt=timezone.now() - COUNTED_FOR)
    people = (Participant.objects.present() | lately).filter(meeting=meeting)
    if people.count() >= settings.MEETING_MAX_PEOPLE:
        raise Full
