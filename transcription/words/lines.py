"""A meeting's transcript as people read it: a line for each utterance, and one for each recording without utterances.

A page shows a window of the lines, because a meeting of a day has thousands. The window is chosen from the keys of
all lines, which are narrow; only the lines in the window are read whole. The number of queries is constant.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self

from django.db.models import F, FilteredRelation, Prefetch, Q

from transcription.models import Meeting, Recording, Transcription, Utterance
from transcription.reasons import Reason, explain
from transcription.words.transcript import language_tag, speaker_name

Status = Transcription.Status

# Number of lines that a page shows at first, and that it gets with each further request.
WINDOW = 150
# Marks beside the names, which tell voices apart without colour. Participants have filled ones. The voices in a file
# have hollow ones, because they are not the participants.
MARKS = "●◆▲■▼★"
VOICE_MARKS = "○◇△□▽☆"
MOST = 2**63 - 1  # the databases have no larger integers


class Key(NamedTuple):
    """A line's place among the lines of a meeting. As text: "61000.12.0"."""

    at_ms: int  # in the meeting
    recording: int
    position: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the key with this text. Raises ValueError if there is none."""
        parts = [int(part) for part in text.split(".") if part.isascii() and part.isdecimal()]
        if len(parts) != 3 or max(parts) > MOST or text.count(".") != 2:
            raise ValueError(f"{text[:80]!r} is not the key of a line.")
        return cls(*parts)

    def __str__(self) -> str:
        return ".".join(map(str, self))


def _clock(time_ms: int) -> str:
    minutes, seconds = divmod(time_ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


@dataclass(frozen=True, slots=True)
class Line:
    """One `<li>`. `kind` is words, stage (in progress), failed, cancelled or silent (nobody spoke)."""

    kind: str
    recording: Recording
    at_ms: int  # in the meeting
    start_ms: int  # in the recording, where the player begins
    duration_ms: int  # 0 if it is not known
    position: int
    version: int
    status: str
    speaker: str
    mark: str
    voice: str  # identifies the speaker: successive lines of one voice are one turn
    goes_on: bool  # the line before has the same voice
    utterance: int | None
    text: str
    edited: bool
    language: str  # of the text, as a language tag; "" if it is not known
    reason: Reason | None
    transcription: Transcription | None

    @property
    def done_ms(self) -> int | None:
        """How much of the recording the vendor has done, while it is transcribed; None if it has not told."""
        return self.transcription.progress_shown_ms if self.transcription else None

    @property
    def label(self) -> str:
        """The vendor's label of a voice in a file, which people can name; "" in a live recording."""
        upload = self.recording.kind == Recording.Kind.UPLOAD
        return self.voice.removeprefix(f"r{self.recording.pk}-") if upload else ""

    @property
    def key(self) -> Key:
        """The line's place among the lines of its meeting."""
        return Key(self.at_ms, self.recording.pk, self.position)

    @property
    def could_be_read(self) -> tuple[str, str] | None:
        """How much of a damaged file could be read, and how long it should be. None if all of it could."""
        read_ms, whole_ms = self.recording.read_ms, self.recording.whole_ms
        return None if read_ms is None or whole_ms is None else (_clock(read_ms), _clock(whole_ms))

    @property
    def times_sent(self) -> int:
        """How often the recording was sent to the vendor, and so may have been paid for."""
        return self.transcription.times_sent if self.transcription else 1

    @property
    def clock(self) -> str:
        """The line's time in the meeting, such as 1:05 or 2:03:09."""
        return _clock(self.at_ms)

    @property
    def start_s(self) -> str:
        """Where in the recording the player begins, in seconds with two decimals."""
        return f"{self.start_ms / 1000:.2f}"


@dataclass(frozen=True, slots=True)
class Window:
    """Successive lines of a meeting, and whether it has earlier and later ones."""

    lines: list[Line]
    earlier: bool
    later: bool
    # "id:version:status" of each recording without a line in the window: the page has to know of those too.
    beyond: list[str]


@dataclass(frozen=True, slots=True)
class Fragment:
    """The lines of some recordings. In the meeting, other lines may lie between them."""

    lines: list[Line]
    # "id:version:status" of each recording with more lines than a window: the page has to fetch its window again.
    many: list[str]


class _Entry(NamedTuple):
    """A line's key, and the id of its utterance."""

    key: Key
    utterance: int | None  # None for a recording without utterances


@dataclass(frozen=True, slots=True)
class _Index:
    """All lines of a meeting in the order of their keys, and the (version, status) of every recording."""

    entries: list[_Entry]
    recordings: dict[int, tuple[int, str]]


def first(meeting: Meeting, size: int = WINDOW) -> Window:
    """Return the window at the beginning of the meeting."""
    return _window(_index(meeting), 0, size)


def latest(meeting: Meeting, size: int = WINDOW) -> Window:
    """Return the window at the end of the meeting."""
    index = _index(meeting)
    return _window(index, len(index.entries) - size, len(index.entries))


def around(meeting: Meeting, recording: int, position: int, size: int = WINDOW) -> Window | None:
    """Return the window around a line, or around the last line of its recording before it.

    Return None if the meeting has no such recording.
    """
    index = _index(meeting)
    places = {e.key.position: n for n, e in enumerate(index.entries) if e.key.recording == recording}
    if not places:
        return None
    middle = places[max((p for p in places if p <= position), default=min(places))]
    start = max(0, min(middle - size // 2, len(index.entries) - size))
    return _window(index, start, start + size)


def before(meeting: Meeting, key: Key, size: int = WINDOW) -> Window:
    """Return the window that ends before `key`."""
    index = _index(meeting)
    end = bisect_left(index.entries, key, key=lambda entry: entry.key)
    return _window(index, end - size, end)


def after(meeting: Meeting, key: Key, size: int = WINDOW) -> Window:
    """Return the window that begins after `key`."""
    index = _index(meeting)
    start = bisect_right(index.entries, key, key=lambda entry: entry.key)
    return _window(index, start, start + size)


def of_recordings(meeting: Meeting, only: Collection[int]) -> Fragment:
    """Return the lines of the recordings with an id in `only`, but none of a recording with more than a window."""
    index = _index(meeting, only)
    count = Counter(entry.key.recording for entry in index.entries)
    many = [f"{pk}:{v}:{status}" for pk, (v, status) in index.recordings.items() if count[pk] > WINDOW]
    return Fragment(list(_lines([e for e in index.entries if count[e.key.recording] <= WINDOW])), many)


def _index(meeting: Meeting, only: Collection[int] | None = None) -> _Index:
    recordings = Recording.objects.filter(meeting=meeting)
    utterances = Utterance.objects.filter(transcription__meeting=meeting, transcription__is_current=True)
    if only is not None:
        recordings = recordings.filter(pk__in=only)
        utterances = utterances.filter(transcription__recording__in=only)
    entries = [
        _Entry(Key(at_ms, recording, position), utterance)
        for at_ms, recording, position, utterance in utterances.values_list(
            F("transcription__recording__offset_ms") + F("start_ms"),
            *("transcription__recording_id", "position", "pk"),
        )
    ]
    spoken = {entry.key.recording for entry in entries}
    states: dict[int, tuple[int, str]] = {}
    current = FilteredRelation("transcriptions", condition=Q(transcriptions__is_current=True))
    for recording, offset_ms, version, status in recordings.annotate(current=current).values_list(
        "pk", "offset_ms", "current__version", "current__status"
    ):
        states[recording] = (version or 0, status or str(Status.QUEUED))
        if recording not in spoken:
            entries.append(_Entry(Key(offset_ms, recording, 0), None))
    entries.sort(key=lambda entry: entry.key)
    return _Index(entries, states)


def _window(index: _Index, start: int, end: int) -> Window:
    start = max(0, start)
    entries = index.entries[start:end]
    shown = {entry.key.recording for entry in entries}
    return Window(
        lines=list(_lines(entries)),
        earlier=start > 0,
        later=end < len(index.entries),
        beyond=[f"{pk}:{v}:{status}" for pk, (v, status) in index.recordings.items() if pk not in shown],
    )


def _lines(entries: list[_Entry]) -> Iterator[Line]:
    """Read the lines of `entries`: two queries, and a third if there are recordings without utterances."""
    spoken = _utterances(entry.utterance for entry in entries if entry.utterance is not None)
    others = _recordings({entry.key.recording for entry in entries if entry.utterance is None})
    voice = None
    for entry in entries:
        if entry.utterance is not None:
            said = spoken.get(entry.utterance)
            if said is None:
                continue  # a retry replaced it between the queries; the page gets an event about that
            line = _line(said.transcription.recording, said.transcription, said, voice)
        elif (recording := others.get(entry.key.recording)) is not None:
            line = _line(recording, next(iter(recording.transcriptions.all()), None), None, voice)
        else:
            continue
        yield line
        voice = line.voice


def _utterances(ids: Iterable[int]) -> dict[int, Utterance]:
    rows = Utterance.objects.with_names().filter(pk__in=list(ids)).defer("words")
    return {row.pk: row for row in rows.select_related("transcription__recording__participant")}


def _recordings(ids: Collection[int]) -> dict[int, Recording]:
    current = Prefetch("transcriptions", queryset=Transcription.objects.current())
    rows = Recording.objects.filter(pk__in=ids).select_related("participant").prefetch_related(current)
    return {row.pk: row for row in rows}


def line_of(utterance: Utterance) -> Line:
    """Return the line of `utterance`.

    It must have been fetched with its transcription, recording and participant, and with names (`with_names`).
    """
    return _line(utterance.transcription.recording, utterance.transcription, utterance, None)


def _kind(status: str) -> str:
    """Return the kind of the line that a recording without utterances has."""
    match status:
        case Status.DONE:
            return "silent"
        case Status.FAILED | Status.CANCELLED:
            return status
        case _:
            return "stage"


def _line(
    recording: Recording,
    transcription: Transcription | None,
    utterance: Utterance | None,
    voice_before: str | None,
) -> Line:
    start_ms = utterance.start_ms if utterance else 0
    status = str(transcription.status) if transcription else str(Status.QUEUED)
    kind = "words" if utterance else _kind(status)
    name, mark, voice = _speaker(recording, utterance)
    return Line(
        kind=kind,
        recording=recording,
        at_ms=recording.offset_ms + start_ms,
        start_ms=start_ms,
        duration_ms=utterance.duration_ms if utterance else recording.duration_ms or 0,
        position=utterance.position if utterance else 0,
        version=transcription.version if transcription else 0,
        status=status,
        speaker=name,
        mark=mark,
        voice=voice,
        goes_on=voice == voice_before,
        utterance=utterance.pk if utterance else None,
        text=utterance.text if utterance else "",
        edited=utterance is not None and utterance.original is not None,
        language=language_tag(utterance.language, transcription.language)
        if utterance and transcription
        else "",
        reason=explain(transcription.error_code) if transcription and kind == "failed" else None,
        transcription=transcription,
    )


def _speaker(recording: Recording, utterance: Utterance | None) -> tuple[str, str, str]:
    """Return the speaker's name, mark and voice.

    In a file whose voices the vendor did not tell apart, the name is the file's.
    """
    label = utterance.speaker if utterance else ""
    person = recording.participant.name if recording.participant else ""
    named = utterance.named if utterance else None  # type: ignore[attr-defined]
    name = speaker_name(recording.kind, label, person, named or "")
    if recording.kind == Recording.Kind.LIVE:
        number = recording.participant.pk if recording.participant else None
        voice, marks = f"p{number or 0}", MARKS
    else:
        number = int(label) if label.isascii() and label.isdecimal() else None
        voice, marks = f"r{recording.pk}-{label}", VOICE_MARKS
    return name or str(recording), "" if number is None else marks[number % len(marks)], voice
