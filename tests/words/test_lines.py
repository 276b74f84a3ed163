"""Windows of a transcript: what is in one, and that successive windows make up the whole."""

import re
from itertools import pairwise

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.rows import a_row
from transcription.models import Meeting
from transcription.people import meetings
from transcription.words import lines
from transcription.words.lines import Key, Line

pytestmark = pytest.mark.django_db


@pytest.fixture
def meeting() -> Meeting:
    return meetings.create_meeting(User.objects.create_user("mina"), "Weekly", "en")


@pytest.fixture
def mixed(meeting: Meeting) -> list[str]:
    """Create recordings of every kind, not in the order of speaking. Return what they say, in that order."""
    a_row(meeting, offset_ms=30_500, texts=[(0, 1, "", "e"), (8000, 1, "", "g")])
    a_row(meeting, offset_ms=20_000, status="processing")
    a_row(
        meeting,
        offset_ms=0,
        kind="upload",
        texts=[(n * 15_000, 1, "0", text) for n, text in enumerate("acd")],
    )
    a_row(meeting, offset_ms=10_000, status="failed")
    a_row(meeting, offset_ms=32_000)
    a_row(meetings.create_meeting(meeting.owner, "Other", "en"), texts=[(0, 1, "", "elsewhere")])
    return ["a", "(failed)", "c", "(stage)", "d", "e", "(silent)", "g"]


def said(found: list[Line]) -> list[str]:
    return [line.text or f"({line.kind})" for line in found]


def test_what_is_on_its_way_stands_where_it_was_spoken(meeting: Meeting, mixed: list[str]) -> None:
    window = lines.first(meeting)
    assert said(window.lines) == mixed
    assert (window.earlier, window.later, window.beyond) == (False, False, [])


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 9])
def test_windows_in_a_row_are_the_whole_in_both_directions(
    meeting: Meeting, mixed: list[str], size: int
) -> None:
    window = lines.first(meeting, size)
    assert not window.earlier
    forwards = list(window.lines)
    while window.later:
        window = lines.after(meeting, window.lines[-1].key, size)
        assert window.earlier
        forwards += window.lines
    assert said(forwards) == mixed
    assert all(a.key < b.key for a, b in pairwise(forwards))

    window = lines.latest(meeting, size)
    assert not window.later
    backwards = list(window.lines)
    while window.earlier:
        window = lines.before(meeting, window.lines[0].key, size)
        backwards = window.lines + backwards
    assert said(backwards) == mixed


def test_a_window_around_a_line_has_what_is_before_and_after_it(meeting: Meeting, mixed: list[str]) -> None:
    middle = lines.first(meeting).lines[4]
    assert middle.text == "d"
    window = lines.around(meeting, middle.recording.pk, middle.position, 3)
    assert window is not None
    assert said(window.lines) == ["(stage)", "d", "e"]
    assert (window.earlier, window.later) == (True, True)
    # For a line that does not exist, the last line of its recording before it.
    gone = lines.around(meeting, middle.recording.pk, 99, 3)
    assert gone == window
    assert lines.around(meeting, 10**9, 0) is None


def test_a_page_learns_the_state_of_every_recording_that_it_does_not_show(
    meeting: Meeting, mixed: list[str]
) -> None:
    window = lines.first(meeting, 3)
    shown = {line.recording.pk for line in window.lines}
    beyond = {int(item.split(":")[0]): item.split(":")[1:] for item in window.beyond}
    recordings = {row.pk: row.transcriptions.get() for row in meeting.recordings.all()}
    assert set(beyond) == set(recordings) - shown
    assert beyond == {pk: [str(recordings[pk].version), recordings[pk].status] for pk in beyond}
    assert ["1", "processing"] in beyond.values()


def test_lines_of_one_voice_in_a_row_are_one_turn(meeting: Meeting) -> None:
    jun = meetings.invite(meeting, User.objects.create_user("jun"))
    a_row(meeting, texts=[(0, 1, "", "a"), (1, 1, "", "b")])
    a_row(meeting, offset_ms=2, status="queued")
    a_row(meeting, offset_ms=3, participant=jun, texts=[(0, 1, "", "c")])
    a_row(meeting, offset_ms=4, kind="upload", texts=[(0, 1, "0", "d"), (1, 1, "1", "e"), (2, 1, "1", "f")])
    a_row(meeting, offset_ms=9, kind="upload", texts=[(0, 1, "1", "g")])
    assert [(line.text, line.goes_on) for line in lines.first(meeting).lines] == [
        *[("a", False), ("b", True), ("", True), ("c", False), ("d", False), ("e", False), ("f", True)],
        ("g", False),  # voice 1 of another file is another voice
    ]


@pytest.mark.parametrize(
    "text", ["", "1", "1.2", "1.2.3.4", "a.b.c", "-1.2.3", "1.2.", "1..3", f"1.2.{2**63}", "¹.2.3"]
)
def test_what_is_no_key_is_refused(client: Client, meeting: Meeting, text: str) -> None:
    with pytest.raises(ValueError, match=r"^"):
        Key.parse(text)
    client.force_login(meeting.owner)
    for where in "before", "after":
        assert client.get(reverse("transcript", args=[meeting.pk]), {where: text}).status_code == 404


@pytest.mark.parametrize(
    ("meetings_own", "of_the_words", "tag"),
    [
        ("en", "", "en"),
        ("en", "ko", "ko"),
        ("detect", "ko", "ko"),
        ("multi", "jw", "jv"),
        ("multi", "", ""),
        ("detect", "detect", ""),
    ],
)
def test_a_line_has_the_language_of_its_words(
    client: Client, meeting: Meeting, meetings_own: str, of_the_words: str, tag: str
) -> None:
    row = a_row(meeting, language=meetings_own, texts=[(0, 500, "", "hello")])
    row.utterances.update(language=of_the_words)
    assert [line.language for line in lines.first(meeting).lines] == [tag]
    client.force_login(meeting.owner)
    html = client.get(reverse("meeting", args=[meeting.pk])).text
    attribute = f' lang="{tag}"' if tag else ""
    assert re.search(rf'<p class="text" ?{attribute}>hello</p>', html)


@pytest.mark.parametrize("text", ["", "1", "1.", ".1", "1.2.3", "a.b", "-1.2", "¹.2", "1.2", f"{2**64}.0"])
def test_a_window_around_nothing_is_not_found(client: Client, meeting: Meeting, text: str) -> None:
    client.force_login(meeting.owner)
    assert client.get(reverse("transcript", args=[meeting.pk]), {"at": text}).status_code == 404
    assert client.get(reverse("meeting", args=[meeting.pk]), {"at": text}).status_code == 404


def test_a_key_is_read_as_it_is_written() -> None:
    assert Key.parse(str(Key(61_000, 12, 0))) == Key(61_000, 12, 0)


def test_a_recording_with_more_lines_than_a_window_is_named_and_not_sent(meeting: Meeting) -> None:
    many = a_row(meeting, version=3, texts=[(n, 1, "", f"line {n}") for n in range(lines.WINDOW + 1)])
    few = a_row(meeting, texts=[(n, 1, "", f"line {n}") for n in range(lines.WINDOW)])
    found = lines.of_recordings(meeting, {many.recording_id, few.recording_id})
    assert found.many == [f"{many.recording_id}:3:done"]
    assert len(found.lines) == lines.WINDOW
    assert {line.recording.pk for line in found.lines} == {few.recording_id}


def test_a_page_of_a_long_meeting_holds_a_window_and_says_where_the_rest_is(
    client: Client, meeting: Meeting
) -> None:
    for recording in range(3):
        a_row(
            meeting,
            offset_ms=recording * 1000,
            texts=[(n, 1, "", f"line {recording}-{n}.") for n in range(100)],
        )
    client.force_login(meeting.owner)
    address = reverse("meeting", args=[meeting.pk])

    html = client.get(address).text
    assert html.count('data-testid="line"') == lines.WINDOW
    assert "line 1-49." in html
    assert "line 1-50." not in html
    assert 'data-more="after"' in html
    assert 'data-more="before"' not in html

    key = lines.first(meeting).lines[-1].key
    more = client.get(reverse("transcript", args=[meeting.pk]), {"after": str(key)}).text
    assert "line 1-50." in more
    assert "line 1-49." not in more
    assert 'data-more="after"' not in more

    assert "line 2-99." in client.get(address, {"at": "latest"}).text
    assert "line 2-0." in client.get(address, {"at": f"{key.recording + 1}.0"}).text


def test_a_window_takes_the_same_queries_however_long_the_meeting_is(
    client: Client, meeting: Meeting, mixed: list[str]
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(reverse("transcript", args=[meeting.pk]), {"at": "latest"})
        return len(captured)

    client.force_login(meeting.owner)
    queries()  # the first request also loads the estimates, for those that follow
    before = queries()
    for n in range(30):
        a_row(meeting, offset_ms=n, texts=[(k, 1, "", "x") for k in range(20)])
        a_row(meeting, offset_ms=n, status="queued")
    assert queries() == before


def test_other_meetings_cost_nothing(meeting: Meeting) -> None:
    """Every query finds this meeting's rows by an index. None reads a whole table."""
    for _ in range(30):
        other = meetings.create_meeting(meeting.owner, "Other", "en")
        for _ in range(10):
            a_row(other, texts=[(0, 1, "", "x")])
    a_row(meeting, texts=[(0, 1, "", "x")])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with CaptureQueriesContext(connection) as captured:
        lines.first(meeting)
    assert captured.captured_queries
    for query in captured.captured_queries:
        with connection.cursor() as cursor:
            explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
            cursor.execute(f"{explain} {query['sql']}")
            plan = "\n".join(str(row[-1]) for row in cursor.fetchall())
        assert "SCAN transcription_" not in plan, plan
        assert "Seq Scan on transcription_utterance" not in plan, plan
        assert "Seq Scan on transcription_recording" not in plan, plan
