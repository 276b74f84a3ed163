"""The request and response shapes. Times of day are ISO 8601 in UTC; offsets and durations are milliseconds."""

import unicodedata
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from ninja import Field, Schema
from pydantic import AfterValidator, BaseModel, StringConstraints

from transcription.live.attendance import Attendance
from transcription.models import Meeting, Participant, Transcription
from transcription.people.names import checked
from transcription.polling import estimate
from transcription.reasons import explain
from transcription.service import standing
from transcription.vendors.registry import languages
from transcription.words import transcript
from transcription.words.editing import LONGEST_TEXT


def _one_line(text: str) -> str:
    # Databases refuse NUL, and a line break in a title breaks mail headers and file names.
    if any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in text):
        raise ValueError(_("one line of text without control characters is needed"))
    return text


def _whole(text: str) -> str:
    # Line breaks and tabs are allowed in text. Databases refuse NUL, and a lone surrogate is not a character.
    if any(unicodedata.category(char) in {"Cc", "Cs"} and char not in "\n\t" for char in text):
        raise ValueError(_("a text without control characters is needed"))
    return text


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(_("This time zone is not known. Name one such as “Asia/Seoul”."))
    return name


def _spoken(language: str) -> str:
    if language not in (able := languages()):
        raise ValueError(
            _("the speech service cannot transcribe this language; it knows %(languages)s")
            % {"languages": ", ".join(able)}
        )
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
TimeZone = Annotated[str, StringConstraints(max_length=60), AfterValidator(_zone)]
Language = Annotated[str, StringConstraints(max_length=10), AfterValidator(_spoken)]


# --- Errors ---------------------------------------------------------------------------------------


class ErrorBody(Schema):
    """`code` is stable and for programs; `message` is a sentence in the reader's language."""

    code: str
    message: str


class ErrorOut(Schema):
    """The body of every answer that is not 2xx."""

    error: ErrorBody


# --- Meetings -------------------------------------------------------------------------------------


class MeetingIn(BaseModel):
    """A meeting to create. `language` is one that the vendor has (`GET /stt`), also `detect` or `multi`.

    Without it the language is STT_LANGUAGE, or else that of the request.

    Not a Ninja Schema: one would accept the JSON string "x" as an object with the `title` "X".
    """

    title: Title
    language: Language | None = None


class MeetingOut(Schema):
    """A meeting. `owner` is a username."""

    id: int
    title: str
    language: str
    owner: str
    created_at: datetime

    @classmethod
    def of(cls, meeting: Meeting) -> Self:
        """Build from a meeting that was fetched with its owner."""
        return cls(
            id=meeting.pk,
            title=meeting.title,
            language=meeting.language,
            owner=meeting.owner.get_username(),
            created_at=meeting.created_at,
        )


# --- Recordings -----------------------------------------------------------------------------------


class UtteranceOut(Schema):
    """A line of a recording. `start_ms` counts from the start of the recording. `version` grows with each edit.

    `language` is a tag such as "ko", or "" if it is not known.
    """

    id: int
    version: int
    edited: bool
    start_ms: int
    duration_ms: int
    speaker: str
    language: str
    text: str


class RecordingSummary(Schema):
    """A recording without its lines.

    `delayed`: it waits because the vendor throttles or is unavailable; false if that is unknown.
    `queue_position`: 1 is submitted next; null if it does not wait to be submitted.
    `eta_s`: estimated seconds until its lines are there; null without a basis for an estimate, or once finished.
    `progress_ms`: how much of it the vendor has done, while it is `processing`; null if the vendor does not tell.
    `version` grows with each change of `status`.
    `read_ms` of `whole_ms`: how much of a damaged file could be read; null if all of it could, or if it is not known.
    `possible_duplicate`: how often it was submitted again after an unknown outcome; each may be paid for.
    """

    id: int
    meeting: int
    client_id: UUID | None
    kind: Literal["live", "upload"]
    offset_ms: int
    duration_ms: int | None
    read_ms: int | None
    whole_ms: int | None
    status: Literal["queued", "submitting", "processing", "done", "failed", "cancelled"]
    delayed: bool
    queue_position: int | None
    eta_s: float | None
    progress_ms: int | None
    error: ErrorBody | None
    vendor: str
    version: int
    possible_duplicate: int

    @classmethod
    def of(cls, row: Transcription, gates: standing.Gates) -> "RecordingSummary":
        """Build from a current transcription fetched with its recording, and the gates of `standing.gate_states`."""
        return RecordingSummary.model_validate(_summary(row, gates))


class SpeakerIn(BaseModel):
    """A name for a speaker of a file. `label` is the vendor's ("0" is Speaker 1); an empty name removes the name."""

    label: Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_one_line)]
    name: Annotated[str, AfterValidator(_name)]


class RecordingOut(RecordingSummary):
    """A recording with its lines. The list is empty until the recording is done."""

    utterances: list[UtteranceOut]

    @classmethod
    def of(cls, row: Transcription, gates: standing.Gates) -> "RecordingOut":
        """Build as `RecordingSummary.of` does. One query for the lines; more if `row` lacks its participant."""
        rows = list(row.utterances.with_names().defer("words").order_by("position"))
        said = transcript.utterances(row, rows)
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
                        "language": line.language,
                        "text": line.text,
                    }
                    for utterance, line in zip(rows, said, strict=True)
                ]
            }
        )


def _summary(row: Transcription, gates: standing.Gates) -> dict[str, object]:
    recording = row.recording
    failed = row.status == Transcription.Status.FAILED
    return {
        "id": recording.pk,
        "meeting": row.meeting_id,
        "client_id": recording.client_id,
        "kind": recording.kind,
        "offset_ms": recording.offset_ms,
        "duration_ms": recording.duration_ms,
        "read_ms": recording.read_ms,
        "whole_ms": recording.whole_ms,
        "status": row.status,
        "delayed": standing.is_delayed(row, gates),
        **estimate.of(row),
        "progress_ms": row.progress_shown_ms,
        "error": {"code": row.error_code, "message": str(explain(row.error_code).what)} if failed else None,
        "vendor": row.vendor,
        "version": row.version,
        "possible_duplicate": row.possible_duplicate,
    }


class PersonOut(Schema):
    """A person in a meeting. `name` is their name in that meeting; a guest has no `username`.

    `here`: has the meeting's page open. `here` and `recording` are null if that is unknown.
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
        """Build from a participant that was fetched with their user. `now` is None if the attendance is unknown."""
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
    """A meeting with its people, and its recordings in the order of speaking.

    `participants` are the usernames of those `people` who have one. `version` grows with each change of the people or
    the state.
    """

    state: Literal["open", "ended"]
    ended_at: datetime | None
    version: int
    participants: list[str]
    people: list[PersonOut]
    recordings: list[RecordingSummary]


# --- The transcript, and the way to the vendor ----------------------------------------------------


class LineOut(Schema):
    """A line of a meeting. `start_ms` counts from the start of the meeting. `language` is a tag, or ""."""

    recording: int
    start_ms: int
    duration_ms: int
    speaker: str
    language: str
    text: str


class TranscriptOut(Schema):
    """The transcript in the format `json`."""

    meeting: int
    title: str
    language: str
    lines: list[LineOut]


class PresenceOut(Schema):
    """The number of live processes of each kind."""

    workers: int
    dispatchers: int


class GateOut(Schema):
    """The state of a gate, or of one of its pools. While Redis is away `state` is `unknown`."""

    pool: str = Field(
        description='Whose state this is: a pool\'s, which holds up only who waits for it; or ""'
    )
    state: Literal["open", "blocked", "probing", "held", "unknown"]
    scope: Literal["all", "submit"] | None = Field(description="What waits; null while open")
    reason: Literal["rate", "concurrency", "quota", "credentials", "unavailable", "hold"] | None
    since: datetime | None
    reopens_at: datetime | None = Field(description="When the next try is; null while open or held")
    note: str = Field(description="Why an administrator holds it, or what was remarkable about the refusal")
    episode: int
    version: int
    now: datetime = Field(description="The server's clock")
    waiting: int = Field(description="Recordings that the vendor does not have yet")
    in_flight: int = Field(description="Recordings that the vendor works on")


class PoolOut(GateOut):
    """A pool: a vendor's model whose jobs it counts apart. Its state is its own, whatever the account's is."""

    cap: int | None = Field(description="Jobs at once that the vendor takes; null if unknown")
    jobs: int | None = Field(description="Jobs that it has; null while Redis is away")


class SttOut(GateOut):
    """The state of the gate to a vendor, and of its pools. While Redis is away `presence` is null, too.

    The state is the account's if that is closed, else that of the closed pool whose next try is the latest.
    """

    vendor: str
    languages: list[str] = Field(
        description="What a meeting can be in; also `detect` and `multi` if it has them"
    )
    pools: list[PoolOut] = Field(description="Empty for a vendor that counts all jobs together")
    presence: PresenceOut | None
