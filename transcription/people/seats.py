"""Who is asking, and whether they may: the one answer for pages, API, socket, audio files and uploads.

A *visitor* is whoever makes a request: with an account, as a guest, or both. A *seat* is a visitor's place in one
meeting. Who has no seat in a meeting sees nothing of it, and learns no more than that there is nothing.

A guest's credential is a random key. The session keeps it (on the server: the browser has only the session's own
cookie) and the guest's row in one meeting has the same: it opens that meeting and no other, and no longer than
the row has it.
"""

import secrets
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.contrib.sessions.backends.base import SessionBase
from django.db.models import F, Q

from transcription.models import Meeting, Participant, ParticipantQuerySet

SESSION_KEY = "guest_keys"
# Meetings that one browser is a guest of at a time; with the next one it forgets the first.
MOST_KEYS = 50


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is asking. Nobody: no user, no keys."""

    user: User | None = None
    guest_keys: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether they have shown anything at all."""
        return self.user is not None or bool(self.guest_keys)


@dataclass(frozen=True, slots=True)
class Seat:
    """A visitor's place in a meeting."""

    meeting: Meeting
    participant: Participant

    @property
    def is_owner(self) -> bool:
        """Whether it is their meeting: only then may they change it, or its people."""
        return self.participant.user_id == self.meeting.owner_id

    @property
    def is_guest(self) -> bool:
        """Whether they came by the link, without an account."""
        return self.participant.user_id is None


def visitor_of(user: AbstractBaseUser | AnonymousUser, session: SessionBase | None) -> Visitor:
    """Who comes with this session. A session that holds something else than keys holds none."""
    keys = (session.get(SESSION_KEY) or []) if session is not None else []
    return Visitor(
        user=user if isinstance(user, User) and user.is_authenticated else None,
        guest_keys=tuple(key for key in keys if isinstance(key, str)),
    )


def seats_of(visitor: Visitor) -> ParticipantQuerySet:
    """The rows that give `visitor` a seat, over all meetings: at most two in one, as a user and as a guest."""
    mine = Q(guest_key__in=visitor.guest_keys)
    if visitor.user is not None:
        mine |= Q(user=visitor.user)
    return Participant.objects.present().filter(mine)


def seat_in(meeting_id: int, visitor: Visitor) -> Seat | None:
    """The visitor's seat in a meeting, with the meeting and its owner. None: there is nothing for them. One query."""
    if not visitor.known:
        return None
    found = (
        seats_of(visitor)
        .filter(
            meeting__pk=meeting_id
        )  # the key itself: of a number beyond 64 bits Django knows that there is none
        .select_related("meeting__owner")
        .order_by(F("user").asc(nulls_last=True))  # who has an account sits there with it
        .first()
    )
    return None if found is None else Seat(found.meeting, found)


def give_key(session: SessionBase) -> str:
    """A new key, kept in the session, which gets a new name: one that somebody planted is worth nothing."""
    key = secrets.token_urlsafe(32)
    session[SESSION_KEY] = [*session.get(SESSION_KEY, []), key][-MOST_KEYS:]
    session.cycle_key()
    return key
