"""The shapes of everything that goes in and out. Times of day are ISO 8601 in UTC, the rest milliseconds."""

import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _
from ninja import Field, Schema
from pydantic import AfterValidator, BaseModel, StringConstraints

from transcription import stt, transcript
from transcription.gate import GateState
from transcription.models import Meeting, Transcription
from transcription.reasons import explain
from transcription.vendors.registry import get_vendor


def _one_line(text: str) -> str:
    # A database refuses NUL, and a title with line breaks breaks what it is written into: mails, file names.
    if any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in text):
        raise ValueError(_("one line of text without control characters is needed"))
    return text


def _spoken(language: str) -> str:
    if not get_vendor(settings.STT_VENDOR).supports(language):
        raise ValueError(_("a language of two small letters is needed, such as ko or en"))
    return language


Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_one_line)
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
    """A line of a recording. `start_ms` is in the recording."""

    start_ms: int
    duration_ms: int
    speaker: str
    text: str


class RecordingSummary(Schema):
    """A recording without its words.

    `delayed`: it waits because the vendor throttles or is unavailable (false as well while nobody knows).
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
    error: ErrorBody | None
    vendor: str
    version: int
    possible_duplicate: int

    @classmethod
    def of(cls, row: Transcription, gates: Mapping[str, GateState | None]) -> "RecordingSummary":
        """From a current transcription with its recording, and the gates of `stt.gate_states`."""
        return RecordingSummary.model_validate(_summary(row, gates))


class RecordingOut(RecordingSummary):
    """A recording with its words, which are there once it is done."""

    utterances: list[UtteranceOut]

    @classmethod
    def of(cls, row: Transcription, gates: Mapping[str, GateState | None]) -> "RecordingOut":
        """As RecordingSummary's; two queries more than none for what was not fetched along."""
        said = transcript.utterances(row.recording, row.utterances.defer("words").order_by("position"))
        return RecordingOut.model_validate(
            _summary(row, gates)
            | {
                "utterances": [
                    {
                        "start_ms": line.start_ms,
                        "duration_ms": line.duration_ms,
                        "speaker": line.speaker,
                        "text": line.text,
                    }
                    for line in said
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
        "delayed": stt.is_delayed(row, gates.get(row.vendor)),
        "error": {"code": row.error_code, "message": str(explain(row.error_code).what)} if failed else None,
        "vendor": row.vendor,
        "version": row.version,
        "possible_duplicate": row.possible_duplicate,
    }


class MeetingDetail(MeetingOut):
    """A meeting with its people (usernames) and its recordings, in the order in which they were spoken."""

    participants: list[str]
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
