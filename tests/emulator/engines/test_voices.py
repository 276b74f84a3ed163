"""Telling two voices apart by their pitch."""

from __future__ import annotations

import math
from array import array

import pytest

from emulator.engines.voices import Listener, speakers
from tests.emulator.program import Client
from tests.emulator.sounds import RATE, samples, wav_of

pytestmark = pytest.mark.recognition

FRAME = 960  # bytes: 30 ms


def pitch_of(pcm: bytes) -> float:
    listener = Listener()
    for at in range(0, len(pcm) - FRAME + 1, FRAME):
        listener.hear(pcm[at : at + FRAME])
    return listener.pitch()


@pytest.mark.parametrize("hertz", [80, 110, 180, 240])
def test_the_pitch_of_a_tone_with_overtones_is_its_lowest(hertz: int) -> None:
    wave = [
        sum(math.sin(2 * math.pi * hertz * overtone * n / RATE) / overtone for overtone in (1, 2, 3))
        for n in range(RATE)
    ]
    assert pitch_of(array("h", [int(4000 * x) for x in wave]).tobytes()) == pytest.approx(hertz, rel=0.06)


def test_silence_has_no_pitch() -> None:
    assert pitch_of(bytes(RATE)) == 0.0


@pytest.mark.parametrize(
    ("pitches", "count", "spoke"),
    [
        ([180, 105, 170, 98], 0, [0, 1, 0, 1]),
        ([105, 180, 98], 2, [0, 1, 0]),
        ([180, 0.0, 105, 0.0], 0, [0, 0, 1, 1]),  # nothing to measure: whoever spoke before
        ([180, 170, 160], 0, [0, 0, 0]),
        ([180, 105], 1, [0, 0]),
        ([0.0, 0.0], 0, [0, 0]),
        ([], 0, []),
    ],
)
def test_a_clear_gap_in_pitch_is_two_speakers(pitches: list[float], count: int, spoke: list[int]) -> None:
    assert speakers(pitches, count) == spoke


def test_two_people_in_one_file_are_told_apart_when_asked(listener: Client) -> None:
    pause = bytes(2 * RATE)
    names = ["speech_slt_1.wav", "speech_rms_1.wav", "speech_slt_2.wav"]
    audio = wav_of(pause + pause.join(samples(name) for name in names) + pause)

    asked = listener.utterances(audio, {"model_name": "whisper", "language": "en", "use_diarization": True})
    assert [utterance["spk"] for utterance in asked] == [0, 1, 0]

    unasked = listener.utterances(audio)
    assert [utterance["spk"] for utterance in unasked] == [0, 0, 0]
