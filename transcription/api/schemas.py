"""The shapes of everything that goes in and out. Times of day are ISO 8601 in UTC, the rest milliseconds."""

import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from ninja import Field, Schema
from pydantic import AfterValidator, BaseModel, StringConstraints

from transcription.gate import GateState
from transcription.live.attendance import Attendance
from transcription.models import Meeting, Participant, Transcription
from transcription.people.names import checked
from transcription.polling import estimate
from transcription.reasons import explain
from transcription.service import standing
from transcription.vendors.registry import get_vendor
from transcription.words import transcript
from transcription.words.editing import LONGEST_TEXT


def _one_line(text: str) -> str:
    # A database refuses NUL, and a title with line breaks breaks what it is written into: mails, file names.
    if any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in text):
        raise ValueError(_("one line of text without control characters is needed"))
    return text


def _whole(text: str) -> str:
    # Line breaks and tabs are a text's own; a database refuses NUL, and half of a surrogate is no character.
    if any(unicodedata.category(char) in {"Cc", "Cs"} and char not in "\n\t" for char in text):
        raise ValueError(_("a text without control characters is needed"))
    return text


def _spoken(language: str) -> str:
    if not get_vendor(settings.STT_VENDOR).supports(language):
        raise ValueError(_("a language of two small letters is needed, such as ko or en"))
    return language


def _name(name: str) -> str:
    try:
        return checked(name) if name.strip() else ""
    except ValidationError as error:
        raise ValueError(error.messages[0]) from None


Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_one_line)
]
Spoken = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_TEXT),
    AfterValidator(_whole),
]
Language = Annotated[str, StringConstraints(max_length=10), AfterValidator(_spoken)]


# --- Errors ---------------------------------------------------------------------------------------


class ErrorBody(Schema):
    """`code` is for programs and does not change; `message` is a sentence in the reader's language."""

    code: str
    message: str


class ErrorOut(Schema):
    """Every answer that is not 2xx."""

    error: ErrorBody


# --- Meetings -------------------------------------------------------------------------------------


class MeetingIn(BaseModel):
    """A meeting to be made. Without `language` it is spoken in this Mico's own (STT_LANGUAGE).

    Not a Schema of Ninja's: to one of those the JSON string "x" is an object whose `title` is "X".
    """

    title: Title
    language: Language | None = None


class MeetingOut(Schema):
    """A meeting; `owner` is a username."""

    id: int
    title: str
    language: str
    owner: str
    created_at: datetime

    @classmethod
    def of(cls, meeting: Meeting) -> Self:
        """From a meeting that was fetched with its owner."""
        return cls(
            id=meeting.pk,
            title=meeting.title,
            language=meeting.language,
            owner=meeting.owner.get_username(),
            created_at=meeting.created_at,
        )


# --- Recordings -----------------------------------------------------------------------------------


class UtteranceOut(Schema):
    """A line of a recording. `start_ms` is in the recording. `version` grows with each edit."""

    id: int
    version: int
    edited: bool
    start_ms: int
    duration_ms: int
    speaker: str
    text: str


class RecordingSummary(Schema):
    """A recording without its words.

    `delayed`: it waits because the vendor throttles or is unavailable (false as well while nobody knows).
    `queue_position`: 1 is sent next; null: it is not waiting to be sent. `eta_s`: about how many seconds until its
    words are there; null where there is nothing to base it on, and while it is finished.
    `version` grows with each change of `status`. `possible_duplicate`: how often it was sent again because
    an answer was lost.
    """

    id: int
    meeting: int
    client_id: UUID | None
    kind: Literal["live", "upload"]
    offset_ms: int
    duration_ms: int | None
    status: Literal["queued", "submitting", "processing", "done", "failed", "cancelled"]
    delayed: bool
    queue_position: int | None
    eta_s: float | None
    error: ErrorBody | None
    vendor: str
    version: int
    possible_duplicate: int

    @classmethod
    def of(cls, row: Transcription, gates: Mapping[str, GateState | None]) -> "RecordingSummary":
        """From a current transcription with its recording, and the gates of `stt.gate_states`."""
        return RecordingSummary.model_validate(_summary(row, gates))


class SpeakerIn(BaseModel):
    """A voice of a file (`label`: the vendor's, "0" is Speaker 1) and what to call it; "" is its number again."""

    label: Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_one_line)]
    name: Annotated[str, AfterValidator(_name)]


class RecordingOut(RecordingSummary):
    """A recording with its words, which are there once it is done."""

    utterances: list[UtteranceOut]

    @classmethod
    def of(cls, row: Transcription, gates: Mapping[str, GateState | None]) -> "RecordingOut":
        """As RecordingSummary's; two queries more than none for what was not fetched along."""
        rows = list(row.utterances.with_names().defer("words").order_by("position"))
        said = transcript.utterances(row.recording, rows)
        return RecordingOut.model_validate(
            _summary(row, gates)
            | {
                "utterances": [
                    {
                        "id": utterance.pk,
                        "version": utterance.version,
                        "edited": utterance.original is not None,
                        "start_ms": line.start_ms,
                        "duration_ms": line.duration_ms,
                        "speaker": line.speaker,
                        "text": line.text,
                    }
                    for utterance, line in zip(rows, said, strict=True)
                ]
            }
        )


def _summary(row: Transcription, gates: Mapping[str, GateState | None]) -> dict[str, object]:
    recording = row.recording
    failed = row.status == Transcription.Status.FAILED
    return {
        "id": recording.pk,
        "meeting": row.meeting_id,
        "client_id": recording.client_id,
        "kind": recording.kind,
        "offset_ms": recording.offset_ms,
        "duration_ms": recording.duration_ms,
        "status": row.status,
        "delayed": standing.is_delayed(row, gates.get(row.vendor)),
        **estimate.of(row),
        "error": {"code": row.error_code, "message": str(explain(row.error_code).what)} if failed else None,
        "vendor": row.vendor,
        "version": row.version,
        "possible_duplicate": row.possible_duplicate,
    }


class PersonOut(Schema):
    """Somebody who is in a meeting. `name` is what they are called there; a guest has no `username`.

    `here`: has the meeting's page open. Both that and `recording` are null while nobody knows.
    """

    id: int
    name: str
    username: str | None
    role: Literal["owner", "participant", "guest"]
    joined_at: datetime
    here: bool | None
    recording: bool | None

    @classmethod
    def of(cls, person: Participant, meeting: Meeting, now: Attendance | None) -> Self:
        """From a participant that was fetched with their user."""
        role: Literal["owner", "participant", "guest"] = "participant" if person.user else "guest"
        return cls(
            id=person.pk,
            name=person.name,
            username=person.user.get_username() if person.user else None,
            role="owner" if person.user_id == meeting.owner_id else role,
            joined_at=person.joined_at,
            here=None if now is None else person.pk in now["here"],
            recording=None if now is None else person.pk in now["recording"],
        )


class MeetingDetail(MeetingOut):
    """A meeting with its people and its recordings, in the order in which they were spoken.

    `participants` are the usernames of those among `people` who have one. `version` grows with each change of the
    people or the state.
    """

    state: Literal["open", "ended"]
    ended_at: datetime | None
    version: int
    participants: list[str]
    people: list[PersonOut]
    recordings: list[RecordingSummary]


# --- The transcript, and the way to the vendor ----------------------------------------------------


class LineOut(Schema):
    """A line of a meeting. `start_ms` is in the meeting."""

    recording: int
    start_ms: int
    duration_ms: int
    speaker: str
    text: str


class TranscriptOut(Schema):
    """The transcript in its form `json`."""

    meeting: int
    title: str
    language: str
    lines: list[LineOut]


class PresenceOut(Schema):
    """How many of each are alive."""

    workers: int
    dispatchers: int


class SttOut(Schema):
    """How the way to a vendor stands. `state` is unknown, and `presence` null, while Redis is away."""

    vendor: str
    state: Literal["open", "blocked", "probing", "held", "unknown"]
    scope: Literal["all", "submit"] | None = Field(description="What waits; null while open")
    reason: Literal["rate", "concurrency", "quota", "unavailable", "hold"] | None
    since: datetime | None
    reopens_at: datetime | None = Field(description="When the next try is; null while open or held")
    note: str = Field(description="Why an administrator holds it, or what was remarkable about the refusal")
    episode: int
    version: int
    now: datetime = Field(description="The server's clock")
    waiting: int = Field(description="Recordings that the vendor does not have yet")
    in_flight: int = Field(description="Recordings that the vendor works on")
    presence: PresenceOut | None
