"""The transcript as files, read back with independent libraries: srt, webvtt-py, python-docx."""
# srt has no types.
# mypy: disable-error-code="no-untyped-call"

import io
import json
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import unquote

import docx
import pytest
import srt
import webvtt
from django.utils.translation import override
from hypothesis import given, settings
from hypothesis import strategies as st

from transcription.models import Meeting
from transcription.words import export
from transcription.words.export import captions
from transcription.words.export.options import ExportOptions, plain
from transcription.words.transcript import SpokenLine, SpokenWord

CREATED = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def a_line(
    start_ms: int = 0, duration_ms: int = 1000, speaker: str = "Jane", text: str = "Hello.", **more: Any
) -> SpokenLine:
    return SpokenLine(more.pop("recording", 1), start_ms, duration_ms, speaker, text, **more)


def a_file(form: export.Format, *said: SpokenLine, title: str = "Weekly", **options: Any) -> str:
    meeting = Meeting(pk=7, title=title, language="en", created_at=CREATED)
    return export.render(meeting, said, form, ExportOptions(**options)).decode()


def ms(time: timedelta) -> int:
    return round(time.total_seconds() * 1000)


def read_srt(*said: SpokenLine) -> list[tuple[int, int, str]]:
    """Return (start, end, text) of each caption, parsed strictly by the library srt."""
    content = a_file("srt", *said)
    return [(ms(cue.start), ms(cue.end), cue.content) for cue in srt.parse(content, ignore_errors=False)]


def read_vtt(*said: SpokenLine) -> list[tuple[int, int, str, str]]:
    """Return (start, end, voice, text) of each caption, parsed by webvtt-py."""
    cues = webvtt.from_string(a_file("vtt", *said)).captions
    return [(at(cue.start), at(cue.end), cue.voice or "", cue.text) for cue in cues]


def at(stamp: str) -> int:
    """Return a WebVTT time in ms."""
    hours, minutes, rest = stamp.split(":")
    seconds, thousandths = rest.split(".")
    return ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(thousandths)


# --- Subtitles ------------------------------------------------------------------------------------


def test_srt_is_numbered_has_commas_and_ends_its_lines_as_its_players_expect() -> None:
    assert a_file("srt", a_line(1500, 900), a_line(61_001, 5900, "민수", "안녕")) == (
        "1\r\n00:00:01,500 --> 00:00:02,400\r\nJane: Hello.\r\n\r\n"
        "2\r\n00:01:01,001 --> 00:01:06,901\r\n민수: 안녕\r\n\r\n"
    )


def test_vtt_has_points_and_voices() -> None:
    assert a_file("vtt", a_line(1500, 900), a_line(61_001, 5900, "", "안녕")) == (
        "WEBVTT\n\n"
        "1\n00:00:01.500 --> 00:00:02.400\n<v Jane>Hello.\n\n"
        "2\n00:01:01.001 --> 00:01:06.901\n안녕\n\n"
    )


@pytest.mark.parametrize(
    ("start_ms", "stamp"),
    [
        (0, "00:00:00,000"),
        (3_599_999, "00:59:59,999"),
        (360_000_000, "100:00:00,000"),
        (10**12, "277777:46:40,000"),
    ],
)
def test_times_of_any_size_are_written_out(start_ms: int, stamp: str) -> None:
    assert a_file("srt", a_line(start_ms, 1000)).splitlines()[1].split(" --> ")[0] == stamp
    assert a_file("vtt", a_line(start_ms, 1000)).splitlines()[3].split(" --> ")[0] == stamp.replace(",", ".")


def test_what_has_no_length_is_shown_for_a_moment_and_what_is_long_not_for_ever() -> None:
    assert read_srt(a_line(1000, 0)) == [(1000, 2000, "Jane: Hello.")]
    assert read_srt(a_line(1000, 1)) == [(1000, 1001, "Jane: Hello.")]
    assert read_srt(a_line(1000, 60_000)) == [(1000, 8000, "Jane: Hello.")]


def test_what_is_said_at_length_is_cut_at_the_words_times() -> None:
    times = [(n * 600, f"word{n:02}") for n in range(20)]  # 12 s
    # The words come faster towards the end. Divided in proportion, the second half would begin at 6 s.
    times = [(t if n < 15 else 9000 + (n - 15) * 100, text) for n, (t, text) in enumerate(times)]
    line = a_line(
        10_000,
        9600,
        text=" ".join(text for _, text in times),
        words=tuple(SpokenWord(10_000 + t, 90, text) for t, text in times),
    )
    cues = read_vtt(line)
    assert len(cues) == 2
    starts = {text: 10_000 + t for t, text in times}
    for start, end, voice, text in cues:
        assert start == starts[text.split()[0]]
        assert end <= start + 7000
        assert voice == "Jane"
    assert " ".join(text for *_, text in cues).split() == [text for _, text in times]
    assert cues[0][1] <= cues[1][0]
    assert cues[-1][1] == 10_000 + 9400 + 90


def test_what_is_left_of_a_line_does_not_flash_by() -> None:
    """Its last word alone would be shown for 0.3 s."""
    text = (
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen end"
    )
    words = tuple(SpokenWord(400 * n, 300, word) for n, word in enumerate(text.split()))
    cues = read_vtt(a_line(0, 400 * len(words) - 100, text=text, words=words))
    assert len(cues) == 2
    assert all(end - start >= 1000 for start, end, *_ in cues)
    assert " ".join(said.replace("\n", " ") for *_, said in cues) == text


def test_words_that_were_not_corrected_keep_their_times() -> None:
    words = tuple(
        SpokenWord(1000 * n, 500, word) for n, word in enumerate(("we", "meat", "in", "so", "all", "room"))
    )
    line = a_line(0, 6000, text="we meet in Seoul room", words=words)
    timed = captions.timed_words(line)
    assert timed[:3] == [("we", 0, 500), ("meet", 1000, 1500), ("in", 2000, 2500)]
    assert timed[3] == ("Seoul", 2500, 5000)  # in place of two words
    assert timed[4] == ("room", 5000, 5500)


def test_without_words_times_it_is_cut_in_proportion() -> None:
    text = " ".join(["abcd"] * 30)
    cues = read_vtt(a_line(0, 30_000, text=text))
    assert " ".join(cue[3] for cue in cues).split() == text.split()
    for start, _, _, said in cues[1:]:
        before = sum(len(cue[3].split()) for cue in cues if cue[0] < start)
        assert start == pytest.approx(1000 * before, abs=2)
        assert said
    assert cues[-1][1] == 30_000


def test_a_corrected_text_is_shown_and_not_the_words_that_the_vendor_heard() -> None:
    words = (SpokenWord(0, 400, "their"), SpokenWord(500, 400, "are"))
    [(_, _, text)] = read_srt(a_line(text="There are!", words=words))
    assert text == "Jane: There are!"


def test_a_caption_ends_with_a_sentence_or_a_pause_where_it_can() -> None:
    text = "This is the first sentence and it is not very short. Then there comes a second one which is long too."
    assert [cue[3].replace("\n", " ") for cue in read_vtt(a_line(0, 8000, text=text))] == [
        "This is the first sentence and it is not very short.",
        "Then there comes a second one which is long too.",
    ]
    words = (SpokenWord(0, 400, "So"), SpokenWord(4000, 400, "yes"))
    cues = read_vtt(a_line(0, 4400, text="So yes", words=words))
    assert [(start, end) for start, end, *_ in cues] == [(0, 400), (4000, 4400)]


def test_hangul_is_as_wide_as_two_letters_and_long_words_are_cut() -> None:
    korean = "가나다라마바사아자차카타파하 " * 6
    for cue in read_vtt(a_line(0, 5000, text=korean)):
        rows = cue[3].split("\n")
        assert len(rows) <= 2
        assert all(captions.columns(row) <= 42 for row in rows)
    japanese = "これはとても長い文で空白がひとつもありませんがそれでも切られなければなりません" * 3
    cues = read_vtt(a_line(0, 9000, text=japanese))
    assert "".join(cue[3].replace("\n", "") for cue in cues) == japanese


@pytest.mark.parametrize(
    ("text", "wide"), [("", 0), ("abc", 3), ("회의", 4), ("회의 a", 6), ("cafe\u0301", 4), ("\u0301", 0)]
)
def test_hangul_takes_two_columns_and_an_accent_of_its_own_none(text: str, wide: int) -> None:
    assert captions.columns(text) == wide


def test_people_who_talk_at_once_are_shown_at_once_and_nobody_twice() -> None:
    said = (a_line(0, 5000, "A", "long"), a_line(1000, 500, "B", "short"), a_line(3000, 500, "A", "again"))
    assert [(start, end, voice) for start, end, voice, _ in read_vtt(*said)] == [
        (0, 3000, "A"),
        (1000, 1500, "B"),
        (3000, 3500, "A"),
    ]


def test_nothing_in_a_text_ends_or_begins_a_caption() -> None:
    nasty = a_line(
        speaker="A>\n<B> & C", text="one\n\n2\n00:00:09,000 --> 00:00:10,000\nfake\r\n\r\n<i>&amp;"
    )
    [(_, _, shown)] = read_srt(nasty)
    assert " ".join(shown.split()) == "A> <B> & C: one 2 00:00:09,000 → 00:00:10,000 fake <i>&amp;"
    content = a_file("vtt", nasty)
    assert content.count("-->") == 1
    assert "<v A&gt; &lt;B&gt; &amp; C>one 2 00:00:09,000 --&gt; 00:00:10,000" in content
    assert "&lt;i&gt;&amp;amp;" in content


def test_a_line_without_words_is_no_caption() -> None:
    said = (a_line(text=" \n"), a_line(text="\x00\x07"), a_line(text="word"))
    assert [text for *_, text in read_srt(*said)] == ["Jane: word"]
    assert a_file("vtt", *said).startswith("WEBVTT\n\n1\n")


def test_a_meeting_without_words_is_a_valid_file() -> None:
    assert a_file("srt") == ""
    assert a_file("vtt") == "WEBVTT\n\n"
    assert a_file("txt").startswith("Weekly\n")
    assert a_file("md").startswith("# Weekly\n")


TEXTS = st.text(
    alphabet=st.characters(exclude_categories=["Cs"]) | st.sampled_from("\n\r->&< .?!가나漢\u2028"),
    max_size=300,
)
SAID = st.lists(
    st.builds(
        SpokenLine,
        recording=st.integers(1, 9),
        start_ms=st.integers(0, 2**40),
        duration_ms=st.integers(0, 2**25),
        speaker=st.sampled_from(["", "A", "<B> & C", "민수"]) | st.text(max_size=60),
        text=TEXTS,
        words=st.just(())
        | st.lists(st.builds(SpokenWord, st.integers(0, 2**40), st.integers(0, 9999), TEXTS), max_size=9).map(
            tuple
        ),
    ),
    max_size=6,
).map(lambda said: sorted(said, key=lambda line: line.start_ms))


@settings(deadline=None)
@given(SAID)
def test_whatever_was_said_subtitles_keep_the_rules_of_subtitles(said: list[SpokenLine]) -> None:
    for named in True, False:
        made = captions.captions(said, ExportOptions(), named=named)
        assert all(a.start_ms <= b.start_ms for a, b in pairwise(made))
        for cue in made:
            assert 0 < cue.end_ms - cue.start_ms <= 7000
            assert all(row and captions.columns(row) <= 42 + 2 for row in cue.rows)
        for speaker in {cue.speaker for cue in made}:
            own = [cue for cue in made if cue.speaker == speaker]
            assert all(a.end_ms <= b.start_ms for a, b in pairwise(own))
    shown = "".join("".join(plain(line.text).split()) for line in said)
    in_captions = "".join(
        "".join("".join(cue.rows).split()) for cue in captions.captions(said, ExportOptions(), named=False)
    )
    assert sorted(in_captions) == sorted(shown)


@settings(deadline=None)
@given(SAID)
def test_whatever_was_said_both_forms_have_the_same_captions_for_their_readers(
    said: list[SpokenLine],
) -> None:
    numbered = a_file("srt", *said).split("\r\n\r\n")
    assert numbered.pop() == ""
    assert len(list(srt.parse(a_file("srt", *said)))) == len(numbered)
    vtt_blocks = a_file("vtt", *said).removeprefix("WEBVTT\n\n").split("\n\n")
    assert vtt_blocks.pop() == ""
    assert len(webvtt.from_string(a_file("vtt", *said))) == len(vtt_blocks)


# --- For people who read --------------------------------------------------------------------------


def test_txt_begins_with_the_meeting_and_has_a_line_for_each_line() -> None:
    said = [a_line(3_661_999, 5, "민수", "두\n줄"), a_line(3_662_000, 5, "", "nobody")]
    head = "주간 회의\n2026-03-01 09:30 UTC\n\n"
    title = "주간\u2028회의"
    assert a_file("txt", *said, title=title) == head + "[01:01:01] 민수: 두 줄\n[01:01:02] nobody\n"
    assert a_file("txt", *said, title=title, times=False) == head + "민수: 두 줄\nnobody\n"
    assert a_file("txt", *said, title=title, speakers=False) == head + "[01:01:01] 두 줄\n[01:01:02] nobody\n"


TALK = (
    a_line(1000, 500, "Jane", "Hello."),
    a_line(2000, 500, "Jane", "*Who* is_there?"),
    a_line(3000, 500, "민수", "1. Me <b>"),
    a_line(4000, 500, "", "a", recording=2),
    a_line(5000, 500, "", "b", recording=3),
)


def test_markdown_has_a_paragraph_for_each_turn_and_no_mark_of_the_speakers_own() -> None:
    assert a_file("md", *TALK, title="Q1 # [x]") == (
        "# Q1 \\# \\[x\\]\n\nMarch 1, 2026, 9:30 a.m. UTC\n"
        "\n**Jane** · 00:00:01\n\nHello. \\*Who\\* is\\_there?\n"
        "\n**민수** · 00:00:03\n\n1\\. Me \\<b\\>\n"
        "\n00:00:04\n\na\n"
        "\n00:00:05\n\nb\n"
    )
    assert "**" not in a_file("md", *TALK, speakers=False)
    assert "00:0" not in a_file("md", *TALK, times=False)
    assert "\n\na\n\nb\n" in a_file("md", *TALK, times=False)


def paragraphs(*said: SpokenLine, **options: Any) -> list[str]:
    meeting = Meeting(pk=7, title="주간 회의", language="ko", created_at=CREATED)
    content = export.render(meeting, said, "docx", ExportOptions(**options))
    return [paragraph.text for paragraph in docx.Document(io.BytesIO(content)).paragraphs]


def test_a_word_document_reads_back_as_the_same_turns() -> None:
    with override("ko"):
        assert paragraphs(*TALK) == [
            "주간 회의",
            "2026년 3월 1일 9:30 오전 UTC",
            "Jane  00:00:01",
            "Hello. *Who* is_there?",
            "민수  00:00:03",
            "1. Me <b>",
            "00:00:04",
            "a",
            "00:00:05",
            "b",
        ]
    assert paragraphs(TALK[0], times=False)[2:] == ["Jane", "Hello."]
    assert paragraphs(TALK[0], speakers=False)[2:] == ["00:00:01", "Hello."]
    assert paragraphs(TALK[0], times=False, speakers=False)[2:] == ["Hello."]


def test_a_word_document_stands_what_xml_does_not() -> None:
    assert paragraphs(a_line(text="a\x0bb\ufffe\x00c", speaker="x\x1by"))[2:] == ["xy  00:00:00", "a bc"]


def test_json_keeps_the_text_as_it_is_and_has_no_options() -> None:
    line = a_line(text="a\nb <b>", language="ko", words=(SpokenWord(0, 1, "a"),))
    expected = {
        "meeting": 7,
        "title": "Weekly",
        "language": "en",
        "lines": [
            {
                "recording": 1,
                "start_ms": 0,
                "duration_ms": 1000,
                "speaker": "Jane",
                "language": "ko",
                "text": "a\nb <b>",
            }
        ],
    }
    assert json.loads(a_file("json", line)) == expected
    assert json.loads(a_file("json", line, times=False, speakers=False)) == expected


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
    header = export.disposition(Meeting(pk=7, title=title), "srt")
    assert header.isascii()
    assert "\n" not in header
    found = re.fullmatch(r"attachment; filename=\"meeting-7\.srt\"; filename\*=UTF-8''([\w.~%-]+)", header)
    assert found is not None
    assert unquote(found[1]) == name
