"""The transcript: lines in the order of speaking, who spoke, and files that players read."""

import json
import re
from datetime import UTC, datetime
from itertools import pairwise
from urllib.parse import unquote

import pytest
from django.contrib.auth.models import User
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from tests.rows import a_row
from transcription import transcript, workflow
from transcription.meetings import create_meeting, invite, remove
from transcription.models import Meeting, Participant
from transcription.transcript import Line


@pytest.fixture
def minsu(db: None) -> User:
    return User.objects.create_user("minsu", first_name="Minsu", last_name="Kim")


@pytest.fixture
def meeting(minsu: User) -> Meeting:
    return create_meeting(minsu, "Weekly", "en")


@pytest.fixture
def jane(meeting: Meeting) -> Participant:
    return invite(meeting, User.objects.create_user("jane"))


def a_line(start_ms: int = 0, duration_ms: int = 1000, speaker: str = "Jane", text: str = "Hello.") -> Line:
    return Line(1, start_ms, duration_ms, speaker, text)


def a_file(form: transcript.Format, *said: Line, title: str = "Weekly") -> str:
    return transcript.render(Meeting(pk=7, title=title, language="en"), list(said), form)


# --- Lines ----------------------------------------------------------------------------------------


def test_lines_are_in_the_order_of_speaking_across_recordings(meeting: Meeting, jane: Participant) -> None:
    a_row(meeting, offset_ms=5000, texts=[(0, 100, "", "third"), (2000, 100, "", "fifth")])
    a_row(
        meeting, offset_ms=1000, participant=jane, texts=[(3000, 100, "", "second"), (5500, 0, "", "fourth")]
    )
    first = a_row(meeting, offset_ms=0, texts=[(3999, 7, "", "first")])
    lines = transcript.lines(meeting)
    assert [(line.text, line.start_ms, line.speaker) for line in lines] == [
        ("first", 3999, "Minsu Kim"),
        ("second", 4000, "jane"),
        ("third", 5000, "Minsu Kim"),
        ("fourth", 6500, "jane"),
        ("fifth", 7000, "Minsu Kim"),
    ]
    assert lines[0] == Line(first.recording_id, 3999, 7, "Minsu Kim", "first")


def test_lines_that_begin_together_keep_the_order_of_recording_and_position(meeting: Meeting) -> None:
    a_row(meeting, texts=[(0, 1, "", "a"), (0, 1, "", "b")])
    a_row(meeting, texts=[(0, 1, "", "c")])
    assert [line.text for line in transcript.lines(meeting)] == ["a", "b", "c"]


def test_lines_cost_one_query_however_many(
    meeting: Meeting, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(10):
        a_row(meeting, texts=[(n, 1, "", "x") for n in range(10)])
    with django_assert_num_queries(1):
        assert len(transcript.lines(meeting)) == 100


def test_lines_of_another_meeting_and_of_attempts_that_were_replaced_are_not_there(
    meeting: Meeting, minsu: User
) -> None:
    a_row(create_meeting(minsu, "Other", "en"), texts=[(0, 1, "", "elsewhere")])
    replaced = a_row(meeting, status="failed", texts=[(0, 1, "", "before the retry")])
    assert workflow.retry(replaced.recording) is not None
    assert transcript.lines(meeting) == []


def test_a_file_has_the_speakers_that_the_vendor_heard_counted_from_one(meeting: Meeting) -> None:
    a_row(
        meeting,
        kind="upload",
        texts=[(0, 1, "0", "a"), (1, 1, "11", "b"), (2, 1, "", "c"), (3, 1, "Anna", "d"), (4, 1, "²", "e")],
    )
    assert [line.speaker for line in transcript.lines(meeting)] == [
        "Speaker 1",
        "Speaker 12",
        "",
        "Anna",
        "²",
    ]


def test_who_was_removed_leaves_their_words(meeting: Meeting, jane: Participant) -> None:
    a_row(meeting, participant=jane, texts=[(0, 1, "0", "still here")])
    remove(meeting, jane)
    [line] = transcript.lines(meeting)
    assert (line.speaker, line.text) == ("Someone who left", "still here")


# --- SubRip and WebVTT ----------------------------------------------------------------------------


def test_srt_is_numbered_and_has_commas() -> None:
    assert a_file("srt", a_line(1500, 900), a_line(61_001, 59_000, "민수", "안녕")) == (
        "1\n00:00:01,500 --> 00:00:02,400\nJane: Hello.\n\n2\n00:01:01,001 --> 00:02:00,001\n민수: 안녕\n\n"
    )


def test_vtt_has_points_and_voices() -> None:
    assert a_file("vtt", a_line(1500, 900), a_line(61_001, 59_000, "", "안녕")) == (
        "WEBVTT\n\n"
        "1\n00:00:01.500 --> 00:00:02.400\n<v Jane>Hello.\n\n"
        "2\n00:01:01.001 --> 00:02:00.001\n안녕\n\n"
    )


@pytest.mark.parametrize(
    ("ms", "srt"),
    [
        (0, "00:00:00,000"),
        (3_599_999, "00:59:59,999"),
        (360_000_000, "100:00:00,000"),
        (10**12, "277777:46:40,000"),
    ],
)
def test_times_of_any_size_are_written_out(ms: int, srt: str) -> None:
    assert a_file("srt", a_line(ms, 1000)).splitlines()[1].split(" --> ")[0] == srt
    assert a_file("vtt", a_line(ms, 1000)).splitlines()[3].split(" --> ")[0] == srt.replace(",", ".")


def test_what_has_no_length_is_shown_for_a_moment() -> None:
    assert a_file("srt", a_line(1000, 0)).splitlines()[1] == "00:00:01,000 --> 00:00:01,500"
    assert a_file("srt", a_line(1000, 1)).splitlines()[1] == "00:00:01,000 --> 00:00:01,001"


def test_people_who_talk_at_once_are_shown_at_once() -> None:
    said = (a_line(0, 5000, "A", "long"), a_line(1000, 500, "B", "short"))
    assert a_file("srt", *said).count("-->") == 2
    assert "00:00:00.000 --> 00:00:05.000" in a_file("vtt", *said)
    assert "00:00:01.000 --> 00:00:01.500" in a_file("vtt", *said)


def test_nothing_in_a_text_ends_or_begins_a_caption() -> None:
    nasty = a_line(
        speaker="A>\n<B> & C", text="one\n\n2\n00:00:09,000 --> 00:00:10,000\nfake\r\n\r\n<i>&amp;"
    )
    srt, vtt = a_file("srt", nasty), a_file("vtt", nasty)
    assert srt == (
        "1\n00:00:00,000 --> 00:00:01,000\nA> <B> & C: one 2 00:00:09,000 → 00:00:10,000 fake <i>&amp;\n\n"
    )
    assert vtt == (
        "WEBVTT\n\n1\n00:00:00.000 --> 00:00:01.000\n"
        "<v A&gt; &lt;B&gt; &amp; C>one 2 00:00:09,000 --&gt; 00:00:10,000 fake &lt;i&gt;&amp;amp;\n\n"
    )


def test_a_line_without_words_is_no_caption() -> None:
    said = (a_line(text=" \n"), a_line(text="\x00\x07"), a_line(text="word"))
    assert a_file("srt", *said) == "1\n00:00:00,000 --> 00:00:01,000\nJane: word\n\n"
    assert a_file("vtt", *said).startswith("WEBVTT\n\n1\n")


def test_a_meeting_without_words_is_a_valid_file() -> None:
    assert a_file("srt") == ""
    assert a_file("vtt") == "WEBVTT\n\n"


SAID = st.lists(
    st.builds(
        Line,
        recording=st.integers(1, 9),
        start_ms=st.integers(0, 2**53),
        duration_ms=st.integers(0, 2**31),
        speaker=st.text(max_size=8),
        text=st.text(
            alphabet=st.characters(exclude_categories=["Cs"]) | st.sampled_from("\n\r->&<\u2028"), max_size=30
        ),
    ),
    max_size=4,
)
STAMP = r"\d{2,}:[0-5]\d:[0-5]\d"


def seconds(stamp: str) -> float:
    hours, minutes, rest = stamp.replace(",", ".").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


@given(SAID)
def test_whatever_was_said_the_captions_are_whole(said: list[Line]) -> None:
    shown = [line for line in said if transcript._plain(line.text)]
    for form, separator, head in (("srt", ",", ""), ("vtt", r"\.", "WEBVTT\n\n")):
        content = a_file(form, *said)  # type: ignore[arg-type]
        assert content.startswith(head)
        blocks = content.removeprefix(head).split("\n\n")
        assert blocks.pop() == ""
        assert len(blocks) == len(shown)
        for number, block in enumerate(blocks, start=1):
            name, times, payload = block.split("\n")
            assert name == str(number)
            found = re.fullmatch(rf"({STAMP}{separator}\d{{3}}) --> ({STAMP}{separator}\d{{3}})", times)
            assert found is not None
            assert (
                seconds(found[1]) < seconds(found[2]) or seconds(found[1]) > 1e9
            )  # beyond a float's thousandths
            assert payload.strip()
            assert len(payload.splitlines()) == 1
            assert "-->" not in payload


# --- Text and JSON --------------------------------------------------------------------------------


def test_txt_begins_with_the_meeting_and_has_a_line_for_each_line() -> None:
    created = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    meeting = Meeting(pk=7, title="주간\u2028회의", language="ko", created_at=created)
    content = transcript.render(
        meeting, [a_line(3_661_999, 5, "민수", "두\n줄"), a_line(3_662_000, 5, "", "nobody")], "txt"
    )
    assert content == "주간 회의\n2026-03-01 09:30 UTC\n\n[01:01:01] 민수: 두 줄\n[01:01:02] nobody\n"


def test_json_keeps_the_text_as_it_is() -> None:
    content = json.loads(a_file("json", a_line(text="a\nb <b>")))
    assert content == {
        "meeting": 7,
        "title": "Weekly",
        "language": "en",
        "lines": [
            {"recording": 1, "start_ms": 0, "duration_ms": 1000, "speaker": "Jane", "text": "a\nb <b>"}
        ],
    }


# --- The file's name ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Weekly", "Weekly.srt"),
        ("주간 회의 / 3월", "주간 회의 3월.srt"),
        ("../../etc/passwd", "etc passwd.srt"),
        ('a"b\\c\r\nX-Evil: 1', "a b c X-Evil 1.srt"),
        ("...", "meeting-7.srt"),
        ("\u202egpj.exe", "gpj.exe.srt"),
        ("x" * 200, "x" * 80 + ".srt"),
        ("50% \u2019quoted\u2019; ok", "50% \u2019quoted\u2019; ok.srt"),
    ],
)
def test_a_file_is_named_after_the_title_and_safely(title: str, name: str) -> None:
    header = transcript.disposition(Meeting(pk=7, title=title), "srt")
    assert header.isascii()
    assert "\n" not in header
    found = re.fullmatch(r"attachment; filename=\"meeting-7\.srt\"; filename\*=UTF-8''([\w.~%-]+)", header)
    assert found is not None
    assert unquote(found[1]) == name


def test_overlapping_recordings_stay_sorted_in_every_form(meeting: Meeting) -> None:
    for offset in (900, 0, 450):
        a_row(meeting, offset_ms=offset, texts=[(n * 300, 1000, "", f"{offset}/{n}") for n in range(4)])
    content = transcript.render(meeting, transcript.lines(meeting), "vtt")
    starts = [seconds(stamp) for stamp in re.findall(rf"({STAMP}\.\d+) -->", content)]
    assert len(starts) == 12
    assert all(a <= b for a, b in pairwise(starts))
