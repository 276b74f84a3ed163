"""The parts of the accuracy benchmark that need no recogniser."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy import measures, sounds
from benchmarks.accuracy.korean_voice import signs
from benchmarks.accuracy.material import HERE, Recording
from benchmarks.accuracy.mistakes import distance, units
from benchmarks.accuracy.sounds import RATE, Samples
from benchmarks.accuracy.speech_service import Answer
from benchmarks.accuracy.stretches import Stretch
from transcription.sound.lead import TAIL_MS


def test_case_punctuation_and_titles_are_no_mistakes() -> None:
    assert units("Mr. Dashwood's ill-disposed; HE’S not.", "en") == [
        *("mister", "dashwoods", "ill", "disposed", "hes", "not")
    ]


def test_korean_is_compared_by_syllables_without_its_spaces() -> None:
    assert units("보내 드릴게요.", "ko") == units("보내드릴게요", "ko") == list("보내드릴게요")


@pytest.mark.parametrize(
    ("said", "heard", "wrong"),
    [
        ("a b c", "a b c", 0),
        ("a b c", "a x c", 1),
        ("a b c", "a c", 1),
        ("a c", "a b b c", 2),
        ("a b", "", 2),
        ("", "a", 1),
    ],
)
def test_the_distance_counts_words_changed_left_out_and_added(said: str, heard: str, wrong: int) -> None:
    assert distance(said.split(), heard.split()) == wrong


def test_korean_is_spoken_as_its_sounds_are_between_others() -> None:
    assert signs("가고 달라 시간 밥") == "kaɡo talla ɕiɡan pap"


def test_the_korean_texts_are_written_as_they_are_spoken() -> None:
    """A syllable's end that has no sound of its own would be a KeyError."""
    texts = json.loads((HERE / "texts.json").read_text(encoding="utf-8"))
    assert all(signs(spoken) for _, spoken in texts["korean"])


@pytest.fixture
def tone() -> Samples:
    """A second of 1,000 Hz and one of 5,000 Hz as loud, one over the other."""
    t = np.arange(RATE) / RATE
    return (0.3 * np.sin(2 * np.pi * 1_000 * t) + 0.3 * np.sin(2 * np.pi * 5_000 * t)).astype(np.float32)


def heard(audio: bytes, folder: Path) -> Samples:
    path = folder / "a.wav"
    path.write_bytes(audio)
    return sounds.read(path)


def decibels(samples: Samples) -> float:
    return float(20 * np.log10(sounds.rms(samples)))


def test_worse_copies_are_as_bad_as_they_say(tone: Samples, tmp_path: Path) -> None:
    assert decibels(heard(sounds.quiet(tone), tmp_path)) == pytest.approx(-50, abs=0.1)
    noise = 2 * heard(sounds.noisy(tone), tmp_path) - tone
    assert decibels(tone) - decibels(noise) == pytest.approx(10, abs=0.1)
    by_telephone = heard(sounds.telephone(tone), tmp_path)
    assert decibels(sounds.band(by_telephone, 900, 1_100)) == pytest.approx(decibels(tone) - 3, abs=0.5)
    assert decibels(sounds.band(by_telephone, 4_000, 8_000)) < -45


@pytest.mark.parametrize("name", sounds.WITHOUT_SPEECH)
def test_sounds_without_speech_are_the_same_each_time_and_not_cut_off(name: str) -> None:
    made = sounds.without_speech(name)
    assert len(made) == round(sounds.SECONDS * RATE)
    assert 0 < np.abs(made).max() < 1
    assert (made == sounds.without_speech(name)).all()


class Heard:
    """A speech service that only remembers what it is given."""

    def __init__(self) -> None:
        self.sent: list[tuple[float, dict[str, int]]] = []

    def hear(self, audio: bytes, language: str, **extensions: int) -> Answer:
        """Remember the seconds of the audio, and what was said of it."""
        seconds = (len(audio) - 44) / 2 / RATE
        self.sent.append((round(seconds, 2), {name: ms for name, ms in extensions.items() if ms}))
        return Answer("a", 0.1, 0.1)


def test_live_stretches_are_handed_in_as_mico_does(tone: Samples) -> None:
    recording = Recording("a", "en", "somebody", "a a a", np.resize(tone, 20 * RATE))
    stretches = [
        Stretch(0, 5 * RATE, goes_on=True),
        Stretch(5 * RATE, 10 * RATE, goes_on=False),
        Stretch(12 * RATE, 16 * RATE, goes_on=False),
        Stretch(16 * RATE, 20 * RATE, goes_on=False),
    ]
    service = Heard()
    tally = measures.live(service, recording, stretches)  # type: ignore[arg-type]
    assert service.sent == [
        (5, {"tail_ms": TAIL_MS}),
        (10, {"lead_ms": 5000, "lead_tail_ms": TAIL_MS}),
        (4, {}),
        (8, {"lead_ms": 4000}),
    ]
    assert (tally.units, tally.wrong) == (3, 1)
