"""Helpers of the tests of the admin console."""

from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse

from tests.rows import a_row
from transcription.models import (
    ApiToken,
    GateEvent,
    Meeting,
    Participant,
    Recording,
    Transcription,
    Utterance,
)
from transcription.people import tokens
from transcription.people.meetings import create_meeting

TABLES = [Meeting, Participant, Recording, Transcription, Utterance, GateEvent, ApiToken]


def url(model: type, page: str = "changelist", *args: object) -> str:
    return reverse(f"admin:transcription_{model.__name__.lower()}_{page}", args=args)


def rows_of_everything(count: int, start: int) -> None:
    """Create `count` rows in every table. No two rows of a table share a row that they point to."""
    for n in range(start, start + count):
        user = User.objects.create_user(f"user{n}")
        meeting = create_meeting(user, f"Meeting {n}", "en")
        row = a_row(meeting, status="failed", texts=[(0, 1, "0", f"word {n}")])
        GateEvent.objects.create(vendor="rtzr", kind="closed", episode=n, transcription=row, user=user)
        tokens.make(user)


def shown_ids(response: Any) -> set[int]:
    return {row.pk for row in response.context["cl"].result_list}
