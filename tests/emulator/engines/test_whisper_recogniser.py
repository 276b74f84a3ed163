"""Whisper itself, without the process around it."""

from __future__ import annotations

from pathlib import Path

import ctranslate2
import numpy as np
import pytest

from emulator.engines import nonsense, whisper_recogniser
from emulator.engines.pieces import RATE, Samples
from emulator.engines.whisper_recogniser import HeardWord, WhisperRecogniser
from tests.emulator.sounds import samples

pytestmark = pytest.mark.recognition


def sentence() -> Samples:
    return np.frombuffer(samples("speech_slt_1.wav"), dtype="<i2").astype(np.float32) / np.float32(32768)


def test_a_graphics_card_that_does_not_work_is_said_and_the_processor_used(
    joined: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 1)
    heard, language = WhisperRecogniser(joined).transcribe(sentence(), "en")
    assert [part.text for part in heard] == ["Thank you for coming to the meeting."]
    assert language == "en"
    assert capsys.readouterr().err.startswith("speech: the graphics card cannot be used, the processor is: ")


def test_a_loop_is_searched_once_more_with_care(joined: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recogniser = WhisperRecogniser(joined)
    searches: list[int] = []
    run = recogniser._run

    def counted(speech: Samples, language: str, *, beam_size: int, **options: float) -> object:
        searches.append(beam_size)
        return run(speech, language, beam_size=beam_size, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(recogniser, "_run", counted)
    monkeypatch.setattr(nonsense, "is_repetitive", lambda _text: len(searches) == 1)
    heard, _ = recogniser.transcribe(sentence(), "en")
    assert searches == [1, 5]
    assert [part.text for part in heard] == ["Thank you for coming to the meeting."]


def test_a_long_pause_between_two_words_parts_them() -> None:
    words = [HeardWord(0.0, 0.4, " One"), HeardWord(0.5, 0.9, " two."), HeardWord(2.0, 2.3, " Three.")]
    assert whisper_recogniser._at_pauses(words) == [words[:2], words[2:]]
    assert whisper_recogniser._at_pauses([]) == []


def test_quiet_sound_is_made_louder_but_not_silence_and_not_without_end() -> None:
    quiet = np.full(RATE, 0.1, dtype=np.float32)
    assert whisper_recogniser._louder(quiet).max() == pytest.approx(0.5)
    assert whisper_recogniser._louder(quiet / np.float32(100)).max() == pytest.approx(0.04)
    for unchanged in (quiet / np.float32(10_000), quiet * np.float32(9)):
        assert whisper_recogniser._louder(unchanged) is unchanged


def test_a_word_belongs_to_the_side_of_the_lead_on_which_it_ends() -> None:
    before = [HeardWord(3.2, 4.5, " received,"), HeardWord(4.6, 5.08, " for")]
    behind = [HeardWord(4.4, 5.3, " good"), HeardWord(5.3, 5.6, " or")]
    words = [*before, *behind]
    assert whisper_recogniser.between(words, 5.0) == [HeardWord(5.0, 5.3, " good"), behind[1]]
    assert whisper_recogniser.between(words, 0.0) == words


def test_both_sides_of_a_cut_within_a_word_part_the_words_at_the_same_place() -> None:
    # "circulation" from 7.9 to 8.7 s, cut at 8.2 s; the next sound has the 5 s before as its lead.
    earlier = [HeardWord(7.4, 7.78, " the"), HeardWord(7.9, 8.1, " surf")]
    assert whisper_recogniser.between(earlier, 0.0, until=8.2 - 0.5) == earlier[:1]
    later = [HeardWord(4.2, 4.58, " the"), HeardWord(4.7, 5.5, " circulation"), HeardWord(5.5, 5.9, " when")]
    assert whisper_recogniser.between(later, 5.0, 0.5) == [HeardWord(5.0, 5.5, " circulation"), later[2]]


def test_a_word_that_was_left_out_before_is_said_at_the_beginning() -> None:
    words = [HeardWord(4.0, 4.5, " my"), HeardWord(4.6, 4.9, " purse")]
    assert whisper_recogniser.between(words, 5.0, 0.5) == [HeardWord(5.0, 5.1, " purse")]
