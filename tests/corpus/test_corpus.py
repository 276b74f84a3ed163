"""A part of the corpus for every run of the tests; `python -m tests.corpus` makes and judges all of it."""

import pytest

from tests.corpus import harm
from tests.corpus.judge import Judged, judge
from tests.corpus.material import Made, speech, write
from tests.corpus.shapes import expected_of

SOUND = speech(1)
# One for each way in which a container keeps its times, and of which many people have files.
COMMON = [
    Made("wav", "pcm_s16le"),
    Made("mp3", "libmp3lame"),
    Made("ipod", "aac"),
    Made("webm", "libopus"),
    Made("ogg", "libopus"),
    Made("flac", "flac"),
    Made("avi", "libmp3lame"),
    Made("mpegts", "mp2"),
]
RARE = [
    *(Made("aiff", "pcm_s16be"), Made("w64", "pcm_s16le"), Made("au", "pcm_mulaw"), Made("caf", "alac")),
    *(
        Made("asf", "libmp3lame"),
        Made("flv", "libmp3lame"),
        Made("mpeg", "mp2"),
        Made("vob", "ac3"),
        Made("ac3", "ac3"),
    ),
    *(
        Made("wv", "wavpack"),
        Made("tta", "tta"),
        Made("amr", "libopencore_amrnb"),
        Made("3gp", "libopencore_amrnb"),
    ),
    *(Made("mov", "pcm_s24le"), Made("matroska", "eac3"), Made("adts", "aac"), Made("wav", "adpcm_ms")),
]


def assert_right(judged: Judged, what: str = "") -> None:
    assert (judged.verdict, judged.why) == ("right", ""), what


@pytest.mark.parametrize("made", COMMON + RARE, ids=lambda made: made.name)
def test_speech_in_each_format_is_read_whole_and_in_its_place(made: Made) -> None:
    assert_right(judge(write(made, SOUND), SOUND, whole=True))


@pytest.mark.parametrize("made", COMMON, ids=lambda made: made.name)
def test_what_is_left_of_a_file_that_was_cut_off_is_in_its_place(made: Made) -> None:
    data = write(made, SOUND)
    for n, cut in enumerate(harm.truncated(data)):
        assert judge(cut, SOUND, whole=False).verdict != "wrong", n


# Not Ogg: if the first page is damaged, nothing says that it is the beginning that is missing.
@pytest.mark.parametrize(
    "made", [made for made in COMMON if made.container != "ogg"], ids=lambda made: made.name
)
def test_a_changed_byte_moves_and_loses_no_more_than_it_has_to(made: Made) -> None:
    data = write(made, SOUND)
    verdicts = [judge(flip, SOUND, whole=False) for flip in harm.flipped(data, seed=1)]
    assert [judged.why for judged in verdicts if judged.verdict == "wrong"] == []


@pytest.mark.parametrize("made", COMMON, ids=lambda made: made.name)
def test_other_shapes_of_a_file_are_read_whole_and_in_their_place(made: Made) -> None:
    shapes = list(harm.other_shapes(made, SOUND))
    assert shapes
    for what, how, data in shapes:
        assert_right(judge(data, expected_of(how, SOUND), whole=True), what)


def test_a_wav_with_any_size_in_its_header_is_read_whole() -> None:
    for data in harm.other_sizes(write(Made("wav", "pcm_s16le"), SOUND)):
        assert_right(judge(data, SOUND, whole=True))


# The judge itself


def test_the_judge_notices_speech_that_is_out_of_its_place() -> None:
    data = write(Made("wav", "pcm_s16le"), SOUND[6400:])
    assert judge(data, SOUND, whole=False).verdict == "wrong"


def test_the_judge_notices_other_speech() -> None:
    assert judge(write(Made("wav", "pcm_s16le"), SOUND[::-1].copy()), SOUND, whole=True).verdict == "wrong"


def test_the_judge_notices_what_is_missing() -> None:
    assert judge(write(Made("wav", "pcm_s16le"), SOUND[:-20_000]), SOUND, whole=True).verdict == "wrong"
