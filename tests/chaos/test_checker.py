"""The checker finds what is broken, in a world that was well before."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chaos.checker import (
    End,
    Extras,
    Recorded,
    Said,
    Tried,
    Turn,
    Way,
    explained,
    grown,
    problems,
)
from tests.chaos.journal import Journal, Line, Name, Sound
from tests.chaos.sockets import Page

ONE, TWO, GONE = "1" * 64, "2" * 64, "3" * 64
SAYS_ONE, SAYS_TWO = "echo 111111111111", "echo 222222222222"


def a_journal() -> Journal:
    """Two confirmed sounds in meeting 1, of which the second one's line was edited; meeting 2 was deleted."""
    journal = Journal()
    for client_id, meeting, sha256, recording in ("a", 1, ONE, 10), ("b", 1, TWO, 20), ("c", 2, GONE, 30):
        sound = Sound(client_id, meeting, sha256, "plain")
        journal.begins(sound)
        journal.confirms(sound, recording)
    journal.lines[200] = Line(20, version=2, text="corrected", attempts={"corrected": 1})
    journal.names[5] = Name(1, confirmed="Mina 2")
    journal.to_be_deleted.add(2)
    journal.deleted.add(2)
    return journal


def tried(number: int, recording: int, **changes: object) -> Tried:
    """A transcription that was done at the first try."""
    row = Tried(number, recording, "done", True, 4, f"job-{number}", 0, "", "", 1000.0)
    return replace(row, **changes)  # type: ignore[arg-type]


def turns(*kinds: str, pool: str = "") -> list[Turn]:
    return [Turn(kind, pool, 1, "rate", 1000.0 + n, 0.0) for n, kind in enumerate(kinds)]


def an_end() -> End:
    """All is well."""
    return End(
        meetings=[1],
        names={5: "Mina 2"},
        recordings=[
            Recorded(10, 1, "a", "audio/1/a", "", ONE),
            Recorded(20, 1, "b", "audio/1/b", "audio/1/p", TWO),
        ],
        transcriptions=[tried(1, 10), tried(2, 20)],
        lines=[Said(100, 1, 1, SAYS_ONE, SAYS_ONE), Said(200, 2, 2, "corrected", SAYS_TWO)],
        uploads=["u"],
        files=["audio/1/a", "audio/1/b", "audio/1/p"],
        incoming=["u"],
        temporary=[],
        gate=Way("open", [3.0], []),
        gate_events=turns("closed", "moved", "opened"),
        vendor_jobs=[("job-1", ONE), ("job-2", TWO), ("job-3", GONE)],
        pages=[Page(1, {10: 4, 20: 4}, ("open", 7)), Page(2, over=True)],
    )  # fmt: skip


def test_a_world_that_is_well_has_no_problem() -> None:
    assert problems(a_journal(), an_end()) == []


def never_confirmed(journal: Journal, end: End) -> End:
    journal.begins(Sound("d", 1, "4" * 64, "plain"))
    return end


def confirmed_as_another(journal: Journal, end: End) -> End:
    journal.confirms(journal.sounds["a"], 11)
    journal.confirms(journal.sounds["a"], 10)
    return end


BROKEN: dict[str, tuple[str, Callable[[Journal, End], End]]] = {
    "a recording is gone": ("lost", lambda _, e: replace(
        e, recordings=e.recordings[1:], transcriptions=e.transcriptions[1:], lines=e.lines[1:],
        files=e.files[1:], vendor_jobs=e.vendor_jobs[1:], pages=[]
    )),
    "its id is another recording's": ("lost", lambda _, e: replace(
        e, recordings=[replace(e.recordings[0], client_id="z"), e.recordings[1]]
    )),
    "its file is gone": ("lost", lambda _, e: replace(
        e, recordings=[replace(e.recordings[0], sent=""), e.recordings[1]], vendor_jobs=e.vendor_jobs[1:]
    )),
    "there are two of it": ("twice", lambda _, e: replace(e, recordings=[*e.recordings, e.recordings[0]])),
    "it was never confirmed": ("stuck", never_confirmed),
    "two answers named two recordings": ("promise", confirmed_as_another),
    "an edit is gone": ("lost", lambda _, e: replace(
        e, lines=[e.lines[0], Said(200, 2, 1, SAYS_TWO, SAYS_TWO)]
    )),
    "an edited line is gone": ("lost", lambda _, e: replace(
        e, lines=[e.lines[0], Said(201, 2, 1, SAYS_TWO, SAYS_TWO)]
    )),
    "a line is somebody else's": ("words", lambda _, e: replace(
        e, lines=[Said(100, 1, 1, SAYS_TWO, SAYS_TWO), e.lines[1]]
    )),
    "a line is an error": ("words", lambda _, e: replace(
        e, lines=[Said(100, 1, 1, "429 Too Many Requests", "429 Too Many Requests"), e.lines[1]]
    )),
    "a line is there twice": ("words", lambda _, e: replace(
        e, lines=[*e.lines, Said(101, 1, 1, SAYS_ONE, SAYS_ONE)]
    )),
    "a line is missing": ("words", lambda _, e: replace(e, lines=e.lines[1:])),
    "a line was edited by nobody": ("words", lambda _, e: replace(
        e, lines=[Said(100, 1, 2, "other", SAYS_ONE), e.lines[1]]
    )),
    "a deleted meeting is there": ("lost", lambda _, e: replace(e, meetings=[1, 2])),
    "a meeting is gone": ("lost", lambda _, e: replace(e, meetings=[], pages=[])),
    "a new name is gone": ("lost", lambda _, e: replace(e, names={5: "Mina 1"})),
    "it waits for ever": ("stuck", lambda _, e: replace(
        e, transcriptions=[tried(1, 10, status="processing"), tried(2, 20)], lines=e.lines[1:]
    )),
    "it failed in spite of Retry": ("stuck", lambda _, e: replace(
        e, transcriptions=[tried(1, 10, status="failed"), tried(2, 20)], lines=e.lines[1:]
    )),
    "nothing transcribes it": ("stuck", lambda _, e: replace(
        e, transcriptions=e.transcriptions[1:], lines=e.lines[1:],
        vendor_jobs=e.vendor_jobs[1:], pages=[Page(1, {20: 4}, ("open", 7))]
    )),
    "the gate stays closed": ("stuck", lambda _, e: replace(e, gate=Way("blocked", [], []), pages=[])),
    "a permit stays": ("permits", lambda _, e: replace(e, gate=Way("open", [500.0], []))),
    "a finished job still counts": ("book", lambda _, e: replace(e, gate=Way("open", [], ["job-1"]))),
    "the last episode has no end": ("episodes", lambda _, e: replace(e, gate_events=e.gate_events[:2])),
    "an earlier one has no end": ("episodes", lambda _, e: replace(
        e, gate_events=turns("closed", "closed", "moved", "opened")
    )),
    "one ended twice": ("episodes", lambda _, e: replace(e, gate_events=turns("closed", "opened", "opened"))),
    "a job is nobody's": ("unexplained", lambda _, e: replace(e, vendor_jobs=[*e.vendor_jobs, ("job-9", ONE)])),
    "the vendor has audio of nobody": ("unexplained", lambda _, e: replace(
        e, vendor_jobs=[*e.vendor_jobs, ("job-9", "9" * 64)]
    )),
    "a file is nobody's": ("orphan", lambda _, e: replace(e, files=[*e.files, "audio/2/c"])),
    "a part is nobody's": ("orphan", lambda _, e: replace(e, uploads=[])),
    "a temporary file stays": ("orphan", lambda _, e: replace(e, temporary=["uploads/x"])),
    "a page is behind": ("socket", lambda _, e: replace(e, pages=[Page(1, {10: 4, 20: 3}, ("open", 7))])),
    "a page knows one that is gone": ("socket", lambda _, e: replace(
        e, pages=[Page(1, {10: 4, 20: 4, 30: 1}, ("open", 7))]
    )),
    "a page says that it waits": ("socket", lambda _, e: replace(
        e, pages=[Page(1, {10: 4, 20: 4}, ("blocked", 6))]
    )),
    "a page of a deleted meeting was not told": ("socket", lambda _, e: replace(e, pages=[Page(2)])),
}  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_world_has_its_problem(broken: str) -> None:
    kind, breaks = BROKEN[broken]
    journal = a_journal()
    end = breaks(journal, an_end())
    assert kind in {problem.kind for problem in problems(journal, end)}


@pytest.mark.parametrize(
    ("changes", "extras"),
    [
        ({"possible_duplicate": 1}, Extras(counted=1)),
        ({"status": "failed", "error_code": "outcome_unknown", "is_current": False}, Extras(counted=1)),
        ({"status": "cancelled"}, Extras(unexplained=1)),
        ({"vendor_job_id": "job-9", "is_current": False}, Extras(retried=1)),
        ({}, Extras(unexplained=1)),
    ],
)
def test_each_extra_acceptance_needs_its_own_explanation(changes: dict[str, object], extras: Extras) -> None:
    end = an_end()
    again = tried(3, 10, **({"vendor_job_id": "", "status": "failed", "is_current": False} | changes))
    end = replace(
        end, transcriptions=[*end.transcriptions, again], vendor_jobs=[*end.vendor_jobs, ("job-9", ONE)]
    )
    assert explained(a_journal(), end)[0] == extras
    twice = replace(end, vendor_jobs=[*end.vendor_jobs, ("job-10", ONE)])
    assert explained(a_journal(), twice)[0].unexplained == 1


def test_the_episodes_of_a_pool_are_its_own() -> None:
    account, pool = turns("closed", "opened"), turns("closed", "opened", pool="whisper")
    mixed = replace(an_end(), gate_events=[account[0], pool[0], account[1], pool[1]])
    assert problems(a_journal(), mixed) == []
    unended = replace(an_end(), gate_events=[account[0], pool[0], account[1]])
    assert [problem.kind for problem in problems(a_journal(), unended)] == ["episodes"]


def test_an_edit_whose_answer_was_lost_may_have_been_written_later() -> None:
    line = Line(20, version=3, text="c", attempts={"a": 1, "c": 2, "d": 3})
    assert line.may_be(3, "c")
    assert line.may_be(4, "d")
    assert not line.may_be(2, "a")
    assert not line.may_be(4, "a")
    assert not line.may_be(3, "d")


def test_memory_that_grows_is_seen_and_that_of_a_start_is_not() -> None:
    start = [60.0, 90.0, 100.0, 100.0]
    flat = [("web-1", 1, size) for size in [*start, *[101.0] * 196]]
    leak = [("web-2", 2, 100.0 + n) for n in range(200)]
    young = [("web-3", 3, 100.0 + n) for n in range(100)]
    assert [problem.what.split()[0] for problem in grown(flat + leak + young)] == ["web-2"]


def test_a_page_takes_the_newest_version_whatever_comes_last() -> None:
    page = Page(1)
    page.connects()
    page.hears({"type": "snapshot", "recordings": {"10": 2}, "stt": None})
    page.hears({"type": "recording.changed", "recording": 10, "version": 5})
    page.hears({"type": "recording.changed", "recording": 10, "version": 4})
    page.hears({"type": "stt.delayed", "state": "blocked", "version": 8, "episode": 1})
    page.hears({"type": "stt.resumed", "state": "open", "version": 9, "episode": 1})
    page.hears({"type": "stt.moved", "state": "blocked", "version": 8, "episode": 1})
    assert (page.recordings, page.gate, page.wrong) == ({10: 5}, ("open", 9), [])


def test_a_page_notices_when_it_is_told_the_same_change_twice() -> None:
    page = Page(1)
    page.connects()
    for _ in range(2):
        page.hears({"type": "stt.delayed", "state": "blocked", "version": 8, "episode": 1})
    assert len(page.wrong) == 1
