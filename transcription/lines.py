"""A meeting's transcript as people read it: one line for each utterance, one for each recording without any.

Always three queries, however many recordings: the recordings with who spoke, what became of each, the words.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.db.models import Prefetch

from transcription.models import Meeting, Recording, Transcription, Utterance
from transcription.reasons import Reason, explain
from transcription.transcript import speaker_name

Status = Transcription.Status

# Small marks beside the names, so that voices can be told apart without colour.
MARKS = "●◆▲■▼★"


@dataclass(frozen=True, slots=True)
class Line:
    """One `<li>`. `kind`: words, stage (still on its way), failed, cancelled, silent (nobody spoke)."""

    kind: str
    recording: Recording
    at_ms: int  # in the meeting; lines are sorted by (at_ms, recording, position)
    start_ms: int  # in the recording: where its player begins
    position: int
    version: int
    status: str
    speaker: str
    mark: str
    text: str
    language: str  # of the text
    reason: Reason | None
    transcription: Transcription | None

    @property
    def order(self) -> tuple[int, int, int]:
        """Its place among the lines of a meeting."""
        return (self.at_ms, self.recording.pk, self.position)

    @property
    def clock(self) -> str:
        """Its time in the meeting: 1:05, 2:03:09."""
        minutes, seconds = divmod(self.at_ms // 1000, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"

    @property
    def start_s(self) -> str:
        """Where the player begins, s."""
        return f"{self.start_ms / 1000:.2f}"


def of_meeting(meeting: Meeting, only: Collection[int] | None = None) -> list[Line]:
    """The lines of a meeting in the order in which they were spoken; with `only`, those of some recordings."""
    recordings = (
        Recording.objects.filter(meeting=meeting)
        .select_related("participant__user")
        .prefetch_related(
            Prefetch(
                "transcriptions",
                queryset=Transcription.objects.current().prefetch_related(
                    Prefetch("utterances", queryset=Utterance.objects.defer("words").order_by("position"))
                ),
            )
        )
        .order_by("offset_ms", "pk")
    )
    if only is not None:
        recordings = recordings.filter(pk__in=only)
    return sorted(
        (line for recording in recordings for line in _of_recording(recording)), key=lambda line: line.order
    )


def _of_recording(recording: Recording) -> Iterator[Line]:
    transcription = next(iter(recording.transcriptions.all()), None)
    status = Status.QUEUED if transcription is None else Status(transcription.status)
    if transcription is not None and status is Status.DONE:
        utterances = list(transcription.utterances.all())
        for utterance in utterances:
            yield _line(recording, transcription, "words", utterance)
        if not utterances:
            yield _line(recording, transcription, "silent")
    elif status is Status.FAILED:
        yield _line(recording, transcription, "failed")
    elif status is Status.CANCELLED:
        yield _line(recording, transcription, "cancelled")
    else:
        yield _line(recording, transcription, "stage")


def _line(
    recording: Recording,
    transcription: Transcription | None,
    kind: str,
    utterance: Utterance | None = None,
) -> Line:
    start_ms = utterance.start_ms if utterance else 0
    name, mark = _speaker(recording, utterance)
    return Line(
        kind=kind,
        recording=recording,
        at_ms=recording.offset_ms + start_ms,
        start_ms=start_ms,
        position=utterance.position if utterance else 0,
        version=transcription.version if transcription else 0,
        status=str(transcription.status) if transcription else str(Status.QUEUED),
        speaker=name,
        mark=mark,
        text=utterance.text if utterance else "",
        language=(utterance.language or transcription.language) if utterance and transcription else "",
        reason=explain(transcription.error_code) if transcription and kind == "failed" else None,
        transcription=transcription,
    )


def _speaker(recording: Recording, utterance: Utterance | None) -> tuple[str, str]:
    """Who spoke, and their mark; a file whose voices nobody told apart goes by its own name."""
    label = utterance.speaker if utterance else ""
    user = recording.participant.user if recording.participant else None
    person = (user.get_full_name() or user.get_username()) if user else ""
    name = speaker_name(recording.kind, label, person)
    if recording.kind == Recording.Kind.LIVE:
        voice = recording.participant.pk if recording.participant else None
    else:
        voice = int(label) if label.isascii() and label.isdecimal() else None
    return name or str(recording), "" if voice is None else MARKS[voice % len(MARKS)]
