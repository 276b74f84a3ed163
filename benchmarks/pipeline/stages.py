"""Where the time of a clip goes, computed from what the client, the vendor, the workers and the database recorded.

All times are Unix seconds on one machine's clock.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

# In order. The vendor's turnaround, between the fifth and the sixth, is not Mico's and is left out.
STAGES = (
    "last byte → row",
    "row → claimed",
    "claimed → job started",
    "job started → POST at the vendor",
    "POST → accepted",
    "job done at the vendor → poll due",
    "poll due → claimed",
    "poll claimed → job started",
    "poll job started → at the vendor",
    "poll at the vendor → words saved",
    "words saved → event at the page",
    "event → line",
)


@dataclass(frozen=True)
class Clip:
    """What the client saw: when the last byte was sent (`out`), when the event came, when the line was fetched."""

    recording: int
    out: float
    done: float
    words: float


@dataclass(frozen=True)
class Row:
    """A transcription in the database. `job`: the vendor's id of its job."""

    pk: int
    recording: int
    job: str
    created: float
    finished: float


@dataclass(frozen=True)
class Way:
    """The way of one clip, in seconds.

    `added_s`: the time from the last byte to the line, without the vendor's `turnaround_s`. `late_s`: for each poll,
    the time from when it was due to its arrival at the vendor.
    """

    added_s: float
    turnaround_s: float
    stages: dict[str, float]
    late_s: tuple[float, ...]


def ways(
    clips: Iterable[Clip],
    rows: Iterable[Row],
    log: Sequence[Mapping[str, Any]],
    notes: Sequence[Mapping[str, Any]],
) -> list[Way]:
    """Return the way of each clip.

    `log`: the emulator's. `notes`: the workers'. Raises LookupError if a row is missing, or if the log and the notes
    have different numbers of polls.
    """
    row_of = {row.recording: row for row in rows}
    return [_way(clip, row_of[clip.recording], log, notes) for clip in clips]


def _way(clip: Clip, row: Row, log: Sequence[Mapping[str, Any]], notes: Sequence[Mapping[str, Any]]) -> Way:
    asked = [entry for entry in log if entry.get("job") == row.job]
    submit = next(entry for entry in asked if entry["route"] == "submit")
    polls = sorted(entry["t"] for entry in asked if entry["route"] == "poll")
    mine = [entry for entry in notes if entry["row"] == row.pk]
    jobs = sorted((entry for entry in mine if "step" in entry), key=lambda entry: entry["began"])
    sent = next(job for job in jobs if job["step"] == "submit")
    poll_jobs = [job for job in jobs if job["step"] == "poll"]
    due = [entry["due"] for entry in mine if "due" in entry]
    if not len(polls) == len(poll_jobs) == len(due):
        raise LookupError(f"Recording {row.recording}: {len(polls)} polls, {len(due)} were due.")
    accepted = submit["t"] + submit["seconds"]
    ready, last, last_due = submit["ready_at"], poll_jobs[-1], due[-1]
    points = [clip.out, row.created, sent["enqueued"], sent["began"], submit["t"], accepted]
    after = [ready, last_due, last["enqueued"], last["began"], polls[-1], row.finished, clip.done, clip.words]
    lengths = [*_steps(points), *_steps(after)]
    turnaround = ready - accepted
    return Way(
        added_s=clip.words - clip.out - turnaround,
        turnaround_s=turnaround,
        stages=dict(zip(STAGES, lengths, strict=True)),
        late_s=tuple(at - then for at, then in zip(polls, due, strict=True)),
    )


def _steps(points: Sequence[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(points)]
