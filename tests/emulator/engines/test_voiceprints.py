"""The encoder of voices: its file, and real voices of both sexes."""

from __future__ import annotations

import shutil
from itertools import combinations
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import numpy.typing as npt
import pytest

from emulator.engines import make_engine, voiceprints, weights
from emulator.engines.diarization import speakers
from emulator.engines.pieces import RATE, Samples
from emulator.engines.voiceprints import VoiceEncoder
from emulator.engines.weights import WeightsError
from emulator.engines.whisper_recogniser import Heard
from emulator.engines.whisper_worker import Pieces
from tests.emulator.sounds import samples

pytestmark = pytest.mark.recognition

VOICES = ("slt", "rms", "awb")  # a woman and two men


@pytest.fixture(scope="module")
def encoder() -> VoiceEncoder:
    path = voiceprints.find()
    assert path is not None
    return VoiceEncoder(path)


def spoken(name: str) -> Samples:
    return (np.frombuffer(samples(name), dtype="<i2") / 32768).astype(np.float32)


def whole(encoder: VoiceEncoder, sound: Samples) -> npt.NDArray[np.float64]:
    (vector,) = encoder.voices(sound, [(0.0, len(sound) / RATE)])
    return np.array(vector)


def alike(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


def test_two_sentences_of_one_voice_are_more_alike_than_those_of_two(encoder: VoiceEncoder) -> None:
    found = {(name, n): whole(encoder, spoken(f"speech_{name}_{n}.wav")) for name in VOICES for n in (1, 2)}
    same = [alike(found[name, 1], found[name, 2]) for name in VOICES]
    different = [
        alike(found[one], found[other]) for one, other in combinations(found, 2) if one[0] != other[0]
    ]
    assert min(same) > 0.8
    assert max(different) < 0.75


def test_two_men_are_told_apart_when_their_number_is_known(encoder: VoiceEncoder) -> None:
    names = ["awb_1", "rms_1", "awb_2", "rms_2"]
    voices = [whole(encoder, spoken(f"speech_{name}.wav")).tolist() for name in names]
    assert speakers(voices, 2) == [0, 1, 0, 1]


def test_a_voice_is_the_same_when_it_is_quieter_or_elsewhere_in_the_piece(encoder: VoiceEncoder) -> None:
    sound = spoken("speech_slt_1.wav")
    straight = whole(encoder, sound)
    assert alike(straight, whole(encoder, sound * np.float32(0.1))) > 0.99
    piece = np.concatenate([np.zeros(RATE, np.float32), spoken("speech_rms_1.wav"), sound])
    start = (len(piece) - len(sound)) / RATE
    first, second = encoder.voices(piece, [(1.0, start), (start, len(piece) / RATE)])
    assert alike(straight, np.array(second)) > 0.99
    assert alike(straight, np.array(first)) < 0.75


def test_the_length_of_a_vector_is_the_seconds_heard(encoder: VoiceEncoder) -> None:
    sound = np.tile(spoken("speech_slt_1.wav"), 3)
    for seconds in (0.4, 1.0, 1.6, 3.3, 5.0):
        assert np.linalg.norm(whole(encoder, sound[: round(seconds * RATE)])) == pytest.approx(
            seconds, rel=0.02
        )


@pytest.mark.parametrize("sound", [np.zeros(RATE), np.ones(100), np.zeros(0)])
def test_silence_and_a_moment_have_no_voice(encoder: VoiceEncoder, sound: npt.NDArray[np.float64]) -> None:
    assert encoder.voices(sound.astype(np.float32), [(0.0, len(sound) / RATE)]) == [[]]


def test_the_bands_are_those_of_librosa() -> None:
    # librosa.filters.mel(sr=16000, n_fft=400, n_mels=40): each triangle has the area 1, in Hz.
    areas = voiceprints._FILTERS.sum(axis=0) * RATE / 400
    assert areas[20:] == pytest.approx(1, rel=0.1)
    peaks = voiceprints._FILTERS.argmax(axis=0) * RATE / 400
    assert peaks[10:14] == pytest.approx([807, 880, 955, 1040], abs=25)


# --- The file


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package's file, which a test may spoil, in the place of the real one."""
    original = voiceprints.find()
    assert original is not None
    copy = tmp_path / "resemblyzer"
    copy.mkdir()
    (copy / "__init__.py").touch()
    shutil.copy(original, copy)
    monkeypatch.syspath_prepend(tmp_path)
    return copy / original.name


def test_one_wrong_byte_in_the_file_is_one_line_that_says_what_to_do(package: Path) -> None:
    assert voiceprints.find() == package
    content = bytearray(package.read_bytes())
    content[1_000_000] ^= 1
    package.write_bytes(content)
    with pytest.raises(WeightsError, match=r"pretrained\.pt\): install them again with `pip install[^\n]*$"):
        voiceprints.find()


def test_a_file_that_is_missing_is_said_too(package: Path) -> None:
    package.unlink()
    with pytest.raises(WeightsError, match=r"pretrained\.pt\): install them again"):
        voiceprints.find()


def test_without_the_package_the_service_starts_and_says_once_what_it_cannot_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(voiceprints, "_PACKAGE", "no_such_package")
    monkeypatch.setattr(weights, "prepare", lambda _model, _folder: tmp_path)
    monkeypatch.setattr(weights, "check_memory", lambda _path: None)
    make_engine("whisper", "base", tmp_path, idle_seconds=1.0)
    (line,) = caplog.messages
    assert line.startswith("The package resemblyzer is not installed: speakers are told apart by the pitch")
    assert weights.INSTALL in line


def test_without_the_package_the_worker_tells_two_voices_apart_by_pitch() -> None:
    pieces = Pieces(Mock(), None)
    voices = [[180.0], [105.0], [0.0], [170.0]]
    assert pieces.answer({"voices": voices, "count": 0}) == {"speakers": [0, 1, 1, 0]}
    sound = np.concatenate([spoken("speech_slt_1.wav"), spoken("speech_rms_1.wav")])
    middle, end = len(spoken("speech_slt_1.wav")) / RATE, len(sound) / RATE
    (woman,), (man,) = pieces._voices(sound, [Heard(0.0, middle), Heard(middle, end)])
    assert woman > 1.25 * man > 0
