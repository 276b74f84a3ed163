"""The lead: what came just before a stretch goes along with it, and nothing else does."""

import io
import wave
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.stt import a_meeting
from transcription.models import Meeting, Participant, Recording
from transcription.sound.intake import receive
from transcription.sound.lead import tail_of, with_lead
from transcription.sound.media import open_for_vendor
from transcription.vendors.registry import get_vendor

pytestmark = pytest.mark.django_db

RATE = 16_000


def wav(level: int, ms: int, rate: int = RATE, channels: int = 1) -> bytes:
    """A WAV file in which every sample is `level`."""
    file = io.BytesIO()
    with wave.open(file, "wb") as audio:
        audio.setnchannels(channels)
        audio.setsampwidth(2)
        audio.setframerate(rate)
        audio.writeframes(level.to_bytes(2, "little") * channels * (ms * rate // 1000))
    return file.getvalue()


@pytest.fixture
def meeting() -> Meeting:
    return a_meeting()


@pytest.fixture
def speak(meeting: Meeting) -> Callable[..., Recording]:
    """Receive a stretch of one level from the meeting's owner."""

    def receive_one(level: int, offset_ms: int, ms: int, **changes: object) -> Recording:
        owner = meeting.participants.get(user=meeting.owner)
        fields: dict[str, Any] = {"kind": "live", "participant": owner} | changes
        content = fields.pop("content", wav(level, ms))
        upload = SimpleUploadedFile("a.wav", content)
        recording, _ = receive(meeting=meeting, upload=upload, offset_ms=offset_ms, **fields)
        return recording

    return receive_one


def levels(content: bytes) -> list[tuple[int, int]]:
    """The levels of a WAV file, each with its length in ms."""
    with wave.open(io.BytesIO(content)) as audio:
        samples = memoryview(audio.readframes(audio.getnframes())).cast("h")
    found: list[tuple[int, int]] = []
    for sample in samples:
        if found and found[-1][0] == sample:
            found[-1] = (sample, found[-1][1] + 1)
        else:
            found.append((sample, 1))
    return [(level, count * 1000 // RATE) for level, count in found]


@pytest.mark.parametrize("gap_ms", [-60, 0, 60])
def test_a_stretch_goes_with_the_end_of_the_one_before_it(
    speak: Callable[..., Recording], gap_ms: int
) -> None:
    speak(1, 1_000, 5_000)
    found = with_lead(speak(2, 6_000 + gap_ms, 4_000), 3_000)
    assert found is not None
    assert (levels(found[0]), found[1]) == ([(1, 3_000), (2, 4_000)], 3_000)


def test_a_short_one_before_is_the_whole_lead(speak: Callable[..., Recording]) -> None:
    speak(1, 0, 800)
    found = with_lead(speak(2, 800, 4_000), 3_000)
    assert found is not None
    assert (levels(found[0]), found[1]) == ([(1, 800), (2, 4_000)], 800)


def test_it_goes_back_over_more_than_one_stretch_as_far_as_there_was_no_pause(
    speak: Callable[..., Recording],
) -> None:
    speak(1, 0, 3_000)
    speak(2, 4_000, 2_000)
    speak(3, 6_000, 1_500)
    last = speak(4, 7_500, 1_000)
    found = with_lead(last, 3_000)
    assert found is not None
    assert (levels(found[0]), found[1]) == ([(2, 1_500), (3, 1_500), (4, 1_000)], 3_000)
    found = with_lead(last, 8_000)
    assert found is not None
    assert (levels(found[0]), found[1]) == ([(2, 2_000), (3, 1_500), (4, 1_000)], 3_500)


@pytest.mark.parametrize(
    ("before", "longest_ms"),
    [
        ({"offset_ms": 0, "ms": 5_000}, 0),  # the vendor takes none
        ({"offset_ms": 0, "ms": 4_900}, 3_000),  # a pause was between them
        ({"offset_ms": 0, "ms": 5_100}, 3_000),
        ({"offset_ms": 0, "ms": 5_000, "kind": "upload"}, 3_000),
        ({"offset_ms": 0, "ms": 5_000, "participant": None}, 3_000),
        ({"offset_ms": 0, "ms": 5_000, "content": wav(1, 5_000, rate=8_000)}, 3_000),
        ({"offset_ms": 0, "ms": 5_000, "content": wav(1, 5_000, channels=2)}, 3_000),
    ],
)
def test_nothing_else_goes_along(
    speak: Callable[..., Recording], before: dict[str, object], longest_ms: int
) -> None:
    speak(1, **before)
    assert with_lead(speak(2, 5_000, 4_000), longest_ms) is None


def test_what_somebody_else_said_does_not_go_along(meeting: Meeting, speak: Callable[..., Recording]) -> None:
    guest = Participant.objects.create(meeting=meeting, name="Gil")
    speak(1, 0, 5_000, participant=guest)
    assert with_lead(speak(2, 5_000, 4_000), 3_000) is None
    speak(3, 4_000, 5_000)
    found = with_lead(speak(4, 9_000, 1_000, participant=guest), 3_000)
    assert found is None


def test_a_file_that_is_gone_is_no_lead(speak: Callable[..., Recording]) -> None:
    before = speak(1, 0, 5_000)
    before.audio.delete(save=False)
    assert with_lead(speak(2, 5_000, 4_000), 3_000) is None


def test_the_end_of_what_was_cut_within_a_word_is_left_to_the_next(
    speak: Callable[..., Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = get_vendor("rtzr")
    monkeypatch.setattr(vendor, "lead_ms", 3_000)
    first, second = speak(1, 0, 5_000, goes_on=True), speak(2, 5_000, 4_000, goes_on=True)
    last = speak(3, 9_000, 1_000)
    found = []
    for recording in (first, second, last):
        with open_for_vendor(recording, vendor) as sent:
            found.append((sent.lead_ms, sent.lead_tail_ms, sent.tail_ms))
    assert found == [(0, 0, 500), (3_000, 500, 500), (3_000, 500, 0)]


@pytest.mark.parametrize(
    ("changes", "longest_ms"),
    [
        ({"goes_on": False}, 3_000),
        ({}, 0),  # the vendor takes no lead, so the next stretch could not say it
        ({}, 400),
        ({"participant": None}, 3_000),
        ({"kind": "upload"}, 3_000),
        ({"ms": 900}, 3_000),  # the next one's lead would hold next to nothing
    ],
)
def test_every_other_stretch_says_all_its_words(
    speak: Callable[..., Recording], changes: dict[str, Any], longest_ms: int
) -> None:
    fields: dict[str, Any] = {"ms": 5_000, "goes_on": True} | changes
    before = speak(1, offset_ms=0, **fields)
    assert tail_of(before, longest_ms) == 0
    led = with_lead(speak(2, before.duration_ms, 4_000), longest_ms)
    assert led is None or led.lead_tail_ms == 0
