"""People of every kind, who may or may not see a meeting, each with a browser of their own."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from transcription.models import Meeting, Participant
from transcription.people import joining, meetings


def joined_as_guest(meeting: Meeting, name: str) -> Client:
    """Return a browser without an account that has joined by the meeting's link."""
    if not joining.token_of(meeting):
        joining.allow(meeting, allowed=True)
    browser = Client()
    answer = browser.post(reverse("join", args=[joining.token_of(meeting)]), {"name": name})
    assert answer.status_code == 302, answer.text
    return browser


def signed_in(user: User) -> Client:
    """Return a browser in which `user` is signed in."""
    browser = Client()
    browser.force_login(user)
    return browser


@dataclass
class People:
    """Browsers by the relation of their people to `meeting`."""

    meeting: Meeting
    browsers: dict[str, Client]

    def participant(self, name: str) -> Participant:
        """Return the participant of the meeting with this name."""
        return self.meeting.participants.get(name=name)


# Those who may see the meeting come first, in the order of their rights.
INSIDE = ("owner", "participant", "guest")
OUTSIDE = ("anonymous", "other user", "guest of another meeting", "removed participant", "removed guest")


def everybody() -> People:
    """Create a meeting of Mina's with Jun and the guest Gil, and the people who are not in it."""
    mina, jun, rae, other = (User.objects.create_user(name) for name in ("mina", "jun", "rae", "other"))
    meeting = meetings.create_meeting(mina, "Weekly", "en")
    elsewhere = meetings.create_meeting(other, "Elsewhere", "en")
    meetings.invite(meeting, jun)
    browsers = {
        "owner": signed_in(mina),
        "participant": signed_in(jun),
        "guest": joined_as_guest(meeting, "Gil"),
        "anonymous": Client(),
        "other user": signed_in(other),
        "guest of another meeting": joined_as_guest(elsewhere, "Eve"),
        "removed participant": signed_in(rae),
        "removed guest": joined_as_guest(meeting, "Rob"),
    }
    meetings.remove(meeting, meetings.invite(meeting, rae))
    meetings.remove(meeting, meeting.participants.get(name="Rob"))
    meeting.refresh_from_db()
    return People(meeting, browsers)
