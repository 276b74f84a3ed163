"""Access to meetings: who is asking, and what they may see. Pages, API, sockets, audio and uploads all ask here.

A *visitor* is the sender of a request: with an account, as a guest, or both. A *seat* is a visitor's place in one
meeting. A visitor without a seat in a meeting gets the same answer as if the meeting did not exist.

A guest's credential is a random key. The session keeps it on the server (the browser has only the session's cookie),
and the guest's row in one meeting has the same key. The key opens only that meeting, and only while the row has it.
"""

import secrets
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.contrib.sessions.backends.base import SessionBase
from django.db.models import F, Q

from transcription.models import Meeting, Participant, ParticipantQuerySet

SESSION_KEY = "guest_keys"
# Guest keys that one session keeps at most. A further key replaces the oldest one.
MOST_KEYS = 50


@dataclass(frozen=True, slots=True)
class Visitor:
    """The sender of a request. One without a user or keys is unknown."""

    user: User | None = None
    guest_keys: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether the visitor has an account or a guest key."""
        return self.user is not None or bool(self.guest_keys)


@dataclass(frozen=True, slots=True)
class Seat:
    """A visitor's place in a meeting."""

    meeting: Meeting
    participant: Participant

    @property
    def is_owner(self) -> bool:
        """Whether the visitor owns the meeting: only the owner may change it or its people."""
        return self.participant.user_id == self.meeting.owner_id


def visitor_of(user: AbstractBaseUser | AnonymousUser, session: SessionBase | None) -> Visitor:
    """Return the visitor with this user and session. Keys in the session that are not strings are ignored."""
    keys = (session.get(SESSION_KEY) or []) if session is not None else []
    return Visitor(
        user=user if isinstance(user, User) and user.is_authenticated else None,
        guest_keys=tuple(key for key in keys if isinstance(key, str)),
    )


def seats_of(visitor: Visitor) -> ParticipantQuerySet:
    """Return the participants that give `visitor` a seat, in all meetings.

    A visitor can have two in one meeting: as a user and as a guest.
    """
    mine = Q(guest_key__in=visitor.guest_keys)
    if visitor.user is not None:
        mine |= Q(user=visitor.user)
    return Participant.objects.present().filter(mine)


def seat_in(meeting_id: int, visitor: Visitor) -> Seat | None:
    """Return the visitor's seat in a meeting, with the meeting and its owner fetched; None without one. One query."""
    if not visitor.known:
        return None
    found = (
        seats_of(visitor)
        # The primary key and not `meeting_id`: Django then finds no row for a number beyond 64 bits.
        .filter(meeting__pk=meeting_id)
        .select_related("meeting__owner")
        .order_by(F("user").asc(nulls_last=True))  # the account's seat goes before a guest's
        .first()
    )
    return None if found is None else Seat(found.meeting, found)


def give_key(session: SessionBase) -> str:
    """Make a guest key and add it to the session. The session gets a new id, against session fixation."""
    key = secrets.token_urlsafe(32)
    session[SESSION_KEY] = [*session.get(SESSION_KEY, []), key][-MOST_KEYS:]
    session.cycle_key()
    return key
