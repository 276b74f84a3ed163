"""The recogniser itself, without the program around it."""

from __future__ import annotations

import array
from itertools import pairwise

import pytest

from emulator.engines import pocketsphinx_worker as recogniser
from emulator.engines.pocketsphinx_worker import Recogniser
from emulator.service.protocol import Utterance
from tests.emulator.sounds import samples

pytestmark = pytest.mark.recognition

MINUTE_MS = 60_000


@pytest.fixture(scope="module")
def listener() -> Recogniser:
    return Recogniser()


def hear(listener: Recogniser, pcm: bytes) -> list[Utterance]:
    return list(listener.utterances([pcm], MINUTE_MS, words=True))


def test_the_same_audio_gives_the_same_words_whatever_came_before(listener: Recogniser) -> None:
    sentence = samples("speech_rms_2.wav")
    other = samples("speech_slt_1.wav")
    quiet = array.array("h", (sample // 20 for sample in array.array("h", samples("speech_slt_2.wav"))))
    first = hear(listener, sentence), hear(listener, other)
    hear(listener, quiet.tobytes())
    assert (hear(listener, sentence), hear(listener, other)) == first


def test_the_size_of_the_pieces_changes_nothing(listener: Recogniser) -> None:
    pcm = samples("speech_slt_1.wav")
    pieces = [pcm[at : at + 1234] for at in range(0, len(pcm), 1234)]
    assert list(listener.utterances(pieces, MINUTE_MS, words=True)) == hear(listener, pcm)


def test_speech_without_end_is_cut_and_nothing_is_lost(
    listener: Recogniser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recogniser, "_LONGEST_SECONDS", 1.0)
    whole = samples("speech_rms_1.wav")
    parts = hear(listener, whole)
    assert len(parts) == 3
    assert [part["duration"] for part in parts[:2]] == pytest.approx([1000, 1000], abs=100)
    for part, after in pairwise(parts):
        assert after["start_at"] == pytest.approx(part["start_at"] + part["duration"], abs=100)
