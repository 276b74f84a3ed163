"""Knows what each file must say, and compares everything that was promised with everything that is there."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Self

from tests.chaos.journal import Journal
from tests.chaos.sockets import Page
from tests.chaos.sounds import text_of

# Longest time in seconds until the permit of a dead worker expires (lifecycle/workflow.py), and a little more.
LONGEST_PERMIT = 130.0
LONG_LIFE = 150  # samples, one every two seconds (run.py)
GROWN_MB, GROWN_PART = 25.0, 1.25  # a process that grew by more of both is not flat


@dataclass(frozen=True)
class Problem:
    """Something that must not be. `kind` is a column of the report."""

    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"


@dataclass(frozen=True)
class Recorded:
    """A recording as it is in the end. `sent`: the hash of the file that the vendor is sent, "" if it is missing."""

    id: int
    meeting: int
    client_id: str
    audio: str
    prepared: str
    sent: str


@dataclass(frozen=True)
class Tried:
    """A transcription as it is in the end. `finished_at`: Unix seconds, 0 if it is not finished."""

    id: int
    recording: int
    status: str
    is_current: bool
    version: int
    vendor_job_id: str
    possible_duplicate: int
    error_code: str
    error_detail: str
    finished_at: float


@dataclass(frozen=True)
class Said:
    """A line as it is in the end. `vendors`: the vendor's own words."""

    id: int
    transcription: int
    version: int
    text: str
    vendors: str


@dataclass(frozen=True)
class Way:
    """The gate as it is in the end. `permits`: the seconds until each of those that are out expires by itself."""

    state: str
    permits: list[float]
    jobs: list[str]


@dataclass(frozen=True)
class Turn:
    """An event of the gate's history, of one pool or ("") of the account.

    Times are Unix seconds; `reopens_at` is 0 if it names none.
    """

    kind: str
    pool: str
    episode: int
    reason: str
    at: float
    reopens_at: float


@dataclass(frozen=True)
class End:
    """Everything as it is in the end. `vendor_jobs`: (id, hash) of each job that the vendor has accepted."""

    meetings: list[int]
    names: dict[int, str]
    recordings: list[Recorded]
    transcriptions: list[Tried]
    lines: list[Said]
    uploads: list[str]
    files: list[str]
    incoming: list[str]
    temporary: list[str]
    gate: Way
    gate_events: list[Turn]
    vendor_jobs: list[tuple[str, str]]
    pages: list[Page] = field(default_factory=list)

    @classmethod
    def of(cls, told: dict[str, Any], vendor_jobs: list[tuple[str, str]], pages: list[Page]) -> Self:
        """Build from what ending.py tells."""
        return cls(
            meetings=told["meetings"],
            names={int(key): name for key, name in told["names"].items()},
            recordings=[Recorded(**row) for row in told["recordings"]],
            transcriptions=[Tried(**row) for row in told["transcriptions"]],
            lines=[Said(**row) for row in told["lines"]],
            uploads=told["uploads"],
            files=told["files"],
            incoming=told["incoming"],
            temporary=told["temporary"],
            gate=Way(**told["gate"]),
            gate_events=[Turn(**event) for event in told["gate_events"]],
            vendor_jobs=vendor_jobs,
            pages=pages,
        )

    def current(self) -> dict[int, Tried]:
        """Return the current transcription of each recording."""
        return {row.recording: row for row in self.transcriptions if row.is_current}


@dataclass(frozen=True)
class Extras:
    """Acceptances beyond the first of each audio, by what explains them."""

    retried: int = 0  # somebody pressed Retry
    # Counted in `possible_duplicate`, also by a cancellation while it was sent; or failed as "outcome_unknown".
    counted: int = 0
    deleted: int = 0  # its meeting is deleted, and with it every count
    unexplained: int = 0


def problems(journal: Journal, end: End) -> list[Problem]:
    """Return everything that is wrong."""
    found = [Problem("promise", what) for what in journal.broken]
    for check in _kept, _words, _edits, _people, _stuck, _gate, _orphans, _pages:
        found += check(journal, end)
    _extras, unexplained = explained(journal, end)
    found += [Problem("unexplained", what) for what in unexplained]
    return found


# --- What was confirmed ---------------------------------------------------------------------------


def _kept(journal: Journal, end: End) -> Iterator[Problem]:
    """Each confirmed sound is there, once, in its meeting, with the audio that was sent."""
    by_id = {row.id: row for row in end.recordings}
    times = Counter(row.client_id for row in end.recordings)
    for sound in journal.confirmed():
        row = by_id.get(sound.recording or 0)
        name = f"{sound.way}, recording {sound.recording}"
        if row is None:
            yield Problem("lost", name)
        elif (row.client_id, row.meeting) != (sound.client_id, sound.meeting):
            yield Problem("lost", f"{name}: it is another one by now")
        elif not row.sent:
            yield Problem("lost", f"{name}: its file is missing")
        elif not row.prepared and row.sent != sound.sha256:
            yield Problem("lost", f"{name}: its file is not what was sent")
        if times[sound.client_id] > 1:
            yield Problem("twice", f"{name}: there are {times[sound.client_id]} of it")
    for sound in journal.unconfirmed():
        yield Problem("stuck", f"{sound.way}, {sound.client_id}: never confirmed")


def _words(_journal: Journal, end: End) -> Iterator[Problem]:
    """Each recording has one current transcription, and its line is what the vendor says of its own audio."""
    current = Counter(row.recording for row in end.transcriptions if row.is_current)
    lines: dict[int, list[Said]] = defaultdict(list)
    for line in end.lines:
        lines[line.transcription].append(line)
    now = end.current()
    for row in end.recordings:
        if current[row.id] != 1:
            yield Problem("stuck", f"recording {row.id} has {current[row.id]} current transcriptions")
            continue
        tried = now[row.id]
        said = [line.vendors for line in lines[tried.id]]
        if tried.status == "done" and row.sent and said != [text_of(row.sent)]:
            yield Problem("words", f"recording {row.id} says {said}, not {text_of(row.sent)!r}")
        elif tried.status != "done" and said:
            yield Problem("words", f"recording {row.id} is {tried.status} and says {said}")


def _edits(journal: Journal, end: End) -> Iterator[Problem]:
    """Each confirmed edit is there; and nothing was edited that nobody edited."""
    there = {line.id: line for line in end.lines}
    kept = {row.id for row in end.recordings}
    for line in end.lines:
        edits = journal.lines.get(line.id)
        if edits is None:
            if line.version != 1 or line.text != line.vendors:
                yield Problem("words", f"line {line.id} was edited by nobody: {line.text!r}")
        elif not edits.may_be(line.version, line.text):
            yield Problem("lost", f"an edit of line {line.id}: confirmed {edits}, found {line}")
    for key, edits in journal.lines.items():
        if edits.text is not None and key not in there and edits.recording in kept:
            yield Problem("lost", f"line {key} with its edits")


def _people(journal: Journal, end: End) -> Iterator[Problem]:
    """What was deleted is gone, what was not is there, and names are the last ones."""
    for meeting in journal.deleted & set(end.meetings):
        yield Problem("lost", f"the deletion of meeting {meeting}")
    gone = {sound.meeting for sound in journal.confirmed()} - set(end.meetings)
    for meeting in gone:
        yield Problem("lost", f"meeting {meeting}")
    for person, name in journal.names.items():
        found = end.names.get(person)
        if found is not None and not name.may_be(found):
            yield Problem("lost", f"a new name of participant {person}: {name}, found {found!r}")


def _stuck(_journal: Journal, end: End) -> Iterator[Problem]:
    """Everything has come to its end, and after Retry to a good one."""
    for row in end.transcriptions:
        if row.status in {"queued", "submitting", "processing"}:
            yield Problem("stuck", f"recording {row.recording} is {row.status}")
        elif row.is_current and row.status != "done":
            why = f"{row.error_code} {row.error_detail}"
            yield Problem("stuck", f"recording {row.recording} is {row.status} in spite of Retry: {why}")


# --- The vendor -----------------------------------------------------------------------------------


def explained(journal: Journal, end: End) -> tuple[Extras, list[str]]:
    """Explain each acceptance at the vendor beyond the first of each audio; return those that nothing explains.

    A job whose id a transcription has was paid for by that transcription, and only Retry makes another one. Any other
    job needs an unknown outcome that was counted, or a meeting that was deleted.
    """
    recording_of = {row.sent: row.id for row in end.recordings if row.sent}
    tries: dict[int, list[Tried]] = defaultdict(list)
    for row in end.transcriptions:
        tries[row.recording].append(row)
    deleted = {sound.sha256 for sound in journal.sounds.values() if sound.meeting in journal.to_be_deleted}
    decoded = any(
        sound.way == "to be decoded" and sound.meeting in journal.to_be_deleted
        for sound in journal.sounds.values()
    )
    jobs: dict[str, list[str]] = defaultdict(list)
    for job, sha256 in end.vendor_jobs:
        jobs[sha256].append(job)
    count: Counter[str] = Counter()
    wrong: list[str] = []
    for sha256, accepted in jobs.items():
        recording = recording_of.get(sha256)
        if recording is None:
            # The vendor was sent a decoded file, whose hash went with its meeting.
            if sha256 in deleted or decoded:
                count["deleted"] += len(accepted) - 1
            else:
                wrong.append(f"the vendor was sent audio that nobody has: {sha256[:12]}")
            continue
        rows = tries[recording]
        owned = {row.vendor_job_id for row in rows if row.vendor_job_id}
        count["retried"] += max(0, len(owned & set(accepted)) - 1)
        nobodys = len([job for job in accepted if job not in owned])
        lost = sum(row.possible_duplicate + (row.error_code == "outcome_unknown") for row in rows)
        count["counted"] += min(nobodys, lost)
        if nobodys > lost:
            wrong.append(
                f"recording {recording}: {len(accepted)} accepted, {nobodys} of them nobody's; counted {lost};"
                f" {[(row.status, row.error_code, row.possible_duplicate) for row in rows]}"
            )
    return Extras(**count, unexplained=len(wrong)), wrong


def _gate(_journal: Journal, end: End) -> Iterator[Problem]:
    """The gate is open, its permits and its book of jobs are empty, and each episode has its two ends."""
    if end.gate.state != "open":
        yield Problem("stuck", f"the gate is {end.gate.state}")
    for left in end.gate.permits:
        if left > LONGEST_PERMIT:
            yield Problem("permits", f"one that stays for {left:.0f} s")
    # The vendor works on what was cancelled here; nobody asks when it is done, and the book forgets it by itself.
    unasked = {row.vendor_job_id for row in end.transcriptions if row.status == "cancelled"}
    known = {row.vendor_job_id for row in end.transcriptions}
    for job in end.gate.jobs:
        if job in known and job not in unasked:
            yield Problem("book", f"job {job} still counts, though its transcription has ended")
    # The account has episodes of its own, and so has each pool of its jobs.
    of_pool: dict[str, list[str]] = defaultdict(list)
    for event in end.gate_events:
        if event.kind != "moved":
            of_pool[event.pool].append(event.kind)
    for pool, kinds in of_pool.items():
        if kinds[-1] != "opened":
            yield Problem("episodes", f"the last of {len(kinds)} events of {pool or 'all'} is {kinds[-1]!r}")
        for number, (one, other) in enumerate(pairwise(kinds)):
            if one == other:
                yield Problem("episodes", f"event {number + 2} of {pool or 'all'} is {other!r} again")


# --- What must not be there, and what people see --------------------------------------------------


def _orphans(_journal: Journal, end: End) -> Iterator[Problem]:
    """Each file belongs to a row."""
    named = {name for row in end.recordings for name in (row.audio, row.prepared) if name}
    for name in end.files:
        if name not in named:
            yield Problem("orphan", name)
    for name in end.incoming:
        if name not in end.uploads:
            yield Problem("orphan", f"incoming/{name}")
    for name in end.temporary:
        yield Problem("orphan", name)


def _pages(_journal: Journal, end: End) -> Iterator[Problem]:
    """Each open page knows the newest version of each recording, and the gate."""
    truth: dict[int, dict[int, int]] = defaultdict(dict)
    meeting_of = {row.id: row.meeting for row in end.recordings}
    for recording, row in end.current().items():
        truth[meeting_of[recording]][recording] = row.version
    for page in end.pages:
        yield from (Problem("socket", f"meeting {page.meeting}: {what}") for what in page.wrong)
        if page.meeting not in end.meetings:
            if not page.over:
                yield Problem("socket", f"nobody told a page that meeting {page.meeting} is deleted")
            continue
        now = truth[page.meeting]
        behind = {key for key in now if page.recordings.get(key) != now[key]}
        if behind or set(page.recordings) - set(now):
            gone = set(page.recordings) - set(now)
            yield Problem("socket", f"meeting {page.meeting}: behind with {behind}, gone {gone}")
        if page.gate[0] != end.gate.state:
            yield Problem("socket", f"meeting {page.meeting}: shows {page.gate[0]}")


def grown(samples: Iterable[tuple[str, int, float]]) -> list[Problem]:
    """Return the processes whose memory is not flat. `samples`: (name, process id, MB), oldest first.

    The second quarter of a process's life, when modules are loaded and caches are full, is compared with the last.
    """
    lives: dict[tuple[str, int], list[float]] = defaultdict(list)
    for name, pid, size in samples:
        lives[name, pid].append(size)
    found = []
    for (name, pid), sizes in lives.items():
        if len(sizes) < LONG_LIFE:  # it may still be filling its caches
            continue
        quarter = len(sizes) // 4
        before = sum(sizes[quarter : 2 * quarter]) / quarter
        after = sum(sizes[-quarter:]) / quarter
        if after > before + GROWN_MB and after > before * GROWN_PART:
            found.append(Problem("memory", f"{name} ({pid}) grew from {before:.0f} to {after:.0f} MB"))
    return found
