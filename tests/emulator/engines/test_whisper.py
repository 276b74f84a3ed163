"""Whisper behind the vendor's protocol: real words of real audio, and none of what is no speech."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.emulator.program import Client, Program, needs_proc, refusal
from tests.emulator.sounds import AUDIO, RATE, encoded, samples, wav, wav_of
from tests.waiting import wait_until

pytestmark = pytest.mark.recognition

TEXTS: dict[str, str] = json.loads((AUDIO / "texts.json").read_text())
SECOND = RATE * 2  # bytes
CONFIG = {"model_name": "whisper", "language": "en", "use_word_timestamp": True}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with Program("--engine", "whisper", "--weights", str(tmp_path_factory.mktemp("models"))) as started:
        yield started


@pytest.fixture
def client(program: Program) -> Client:
    program.control("reset", tokens=True)
    return program.client()


def plain(text: str) -> str:
    """The words alone: Whisper writes capitals and punctuation."""
    return re.sub(r"[^a-z' ]", "", text.lower()).strip()


def said(client: Client, audio: bytes, **config: object) -> str:
    return plain(" ".join(u["msg"] for u in client.utterances(audio, CONFIG | config)))


def sound(wave_: npt.NDArray[np.float64]) -> bytes:
    """A WAV of samples in -1..1."""
    return wav_of((np.clip(wave_, -1, 1) * 32767).astype("<i2").tobytes())


# --- Words


def test_sentences_have_their_words_capitals_and_full_stops(client: Client) -> None:
    found = {name: client.utterances(AUDIO / name, CONFIG) for name in TEXTS}
    assert {name: plain(" ".join(u["msg"] for u in us)) for name, us in found.items()} == TEXTS
    assert all(us[0]["msg"][0].isupper() and us[-1]["msg"][-1] in ".?!" for us in found.values())


def test_words_have_their_times(client: Client) -> None:
    first, second = samples("speech_rms_1.wav"), samples("speech_slt_1.wav")
    utterances = client.utterances(wav_of(bytes(2 * SECOND) + first + bytes(3 * SECOND) + second), CONFIG)
    words = [word for utterance in utterances for word in utterance["words"]]
    assert (
        plain(" ".join(word["text"] for word in words))
        == f"{TEXTS['speech_rms_1.wav']} {TEXTS['speech_slt_1.wav']}"
    )
    assert [word["start_at"] for word in words] == sorted(word["start_at"] for word in words)
    assert words[0]["start_at"] == pytest.approx(2000, abs=400)
    assert words[-1]["start_at"] + words[-1]["duration"] == pytest.approx(
        5000 + (len(first) + len(second)) / 32, abs=500
    )
    for utterance in utterances:
        own = utterance["words"]
        assert utterance["start_at"] == own[0]["start_at"]
        assert utterance["start_at"] + utterance["duration"] == own[-1]["start_at"] + own[-1]["duration"]


def test_without_the_option_there_are_no_words(client: Client) -> None:
    (utterance,) = client.utterances(AUDIO / "speech_rms_1.wav", {"model_name": "whisper", "language": "en"})
    assert set(utterance) == {"start_at", "duration", "msg", "spk", "lang"}


def test_a_long_recording_comes_in_pieces_each_at_its_time_and_says_how_far_it_is(client: Client) -> None:
    names = [*TEXTS] * 3
    sentences = [samples(name) + bytes(6 * SECOND - len(samples(name))) for name in names]
    job = client.accepted(wav_of(b"".join(sentences)), CONFIG)
    seen = wait_until(lambda: client.poll(job).json().get("progress"))
    assert seen["duration_ms"] == 6000 * len(names)
    assert 0 < seen["done_ms"] < seen["duration_ms"]
    utterances = client.outcome(job)["results"]["utterances"]
    assert [plain(u["msg"]) for u in utterances] == [TEXTS[name] for name in names]
    assert [u["start_at"] for u in utterances] == pytest.approx(
        [6000 * n for n in range(len(names))], abs=500
    )


def test_what_comes_before_the_lead_is_context_only(client: Client) -> None:
    first, second = samples("speech_rms_1.wav"), samples("speech_slt_1.wav")
    lead_ms = len(first) // 32 + 150
    utterances = client.utterances(
        wav_of(first + bytes(SECOND * 3 // 10) + second), CONFIG | {"lead_ms": lead_ms}
    )
    assert plain(" ".join(u["msg"] for u in utterances)) == TEXTS["speech_slt_1.wav"]
    assert utterances[0]["start_at"] >= lead_ms


def test_a_word_that_was_cut_is_said_once_and_whole_by_the_sound_after_it(client: Client) -> None:
    """The last word, "meeting", is cut in its middle."""
    sentence = samples("speech_slt_1.wav")
    cut_ms = 1550
    earlier = client.utterances(wav_of(sentence[: cut_ms * 32]), CONFIG | {"tail_ms": 500})
    later = client.utterances(
        wav_of(sentence + bytes(SECOND)), CONFIG | {"lead_ms": cut_ms, "lead_tail_ms": 500}
    )
    assert plain(" ".join(u["msg"] for u in [*earlier, *later])) == TEXTS["speech_slt_1.wav"]
    assert later[0]["start_at"] == cut_ms


# --- Speakers

TURNS = ["speech_slt_1.wav", "speech_rms_1.wav", "speech_slt_2.wav", "speech_awb_1.wav", "speech_rms_2.wav"]


def spoke(client: Client, names: list[str], **config: object) -> list[int]:
    pause = bytes(3 * SECOND // 2)
    utterances = client.utterances(wav_of(pause.join(samples(name) for name in names)), CONFIG | config)
    assert len(utterances) == len(names)
    return [utterance["spk"] for utterance in utterances]


def test_a_woman_and_a_man_are_told_apart_when_asked(client: Client) -> None:
    assert spoke(client, TURNS[:3], use_diarization=True) == [0, 1, 0]
    assert spoke(client, TURNS[:3]) == [0, 0, 0]


def test_three_people_are_told_apart_over_two_pieces_if_their_number_is_known(client: Client) -> None:
    turns = TURNS + TURNS[1:]
    asked = spoke(client, turns, use_diarization=True, diarization={"spk_count": 3})
    assert asked == [0, 1, 0, 2, 1, 1, 0, 2, 1]
    assert spoke(client, TURNS, use_diarization=True, diarization={"spk_count": 1}) == [0] * 5


# --- Sounds without words

rng = np.random.default_rng(20261130)
T = np.arange(8 * RATE) / RATE
CLICKS = np.where(rng.random(len(T)) < 4 / RATE, 0.8, 0.0)
BURSTS = np.repeat(rng.random(80) < 0.3, len(T) // 80)
NO_SPEECH = {
    "silence": np.zeros(len(T)),
    "dither": rng.normal(0, 1e-5, len(T)),
    "white noise": rng.normal(0, 0.1, len(T)),
    "loud noise": rng.normal(0, 1.0, len(T)),
    "brown noise": np.cumsum(rng.normal(0, 0.002, len(T))) * 0.2,
    "hum": 0.2 * np.sin(2 * np.pi * 50 * T) + 0.1 * np.sin(2 * np.pi * 150 * T),
    "chord": sum(0.15 * np.sin(2 * np.pi * f * T) for f in (261.6, 329.6, 392.0))
    * (1 + np.sin(2 * np.pi * T))
    / 2,
    "melody": 0.3 * np.sin(2 * np.pi * np.repeat([262, 294, 330, 349, 392, 440, 494, 523], RATE) * T),
    "clicks": np.convolve(CLICKS, np.exp(-np.arange(80) / 20), mode="same"),
    "keyboard": np.convolve(CLICKS, rng.normal(0, 0.5, 400) * np.exp(-np.arange(400) / 80), mode="same"),
    "breath": np.convolve(rng.normal(0, 0.05, len(T)), np.ones(8) / 8, mode="same")
    * (np.sin(2 * np.pi * T / 4) > 0),
    "crackle": rng.normal(0, 0.3, len(T)) * BURSTS[: len(T)],
    "ringing": 0.3
    * np.sin(2 * np.pi * 440 * T)
    * (np.sin(2 * np.pi * 20 * T) > 0)
    * (np.sin(2 * np.pi * T / 3) > 0),
}


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("name", NO_SPEECH)
def test_a_sound_without_speech_has_no_words(client: Client, name: str, language: str) -> None:
    assert client.utterances(sound(NO_SPEECH[name]), CONFIG | {"language": language}) == []


# --- Sound as it comes


@pytest.mark.parametrize("gain", [0.003, 0.03, 6.0])
def test_very_quiet_and_very_loud_speech_is_understood(client: Client, gain: float) -> None:
    pcm = np.frombuffer(samples("speech_slt_1.wav"), dtype="<i2") / 32768
    assert said(client, sound(pcm * gain)) == TEXTS["speech_slt_1.wav"]


def test_speech_of_a_telephone_is_understood(client: Client) -> None:
    assert (
        said(client, encoded(samples("speech_slt_1.wav"), "wav", "pcm_s16le", 8_000))
        == TEXTS["speech_slt_1.wav"]
    )


@pytest.mark.parametrize("name", ["speech_slt_1.wav", "speech_slt_2.wav"])
def test_the_first_word_is_heard_with_only_the_frequencies_of_a_telephone(client: Client, name: str) -> None:
    pcm = np.frombuffer(samples(name), dtype="<i2") / 32768
    spectrum, hertz = np.fft.rfft(pcm), np.fft.rfftfreq(len(pcm), 1 / RATE)
    spectrum[(hertz < 300) | (hertz > 3_400)] = 0
    assert said(client, sound(np.fft.irfft(spectrum, len(pcm)))) == TEXTS[name]


@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.3])
def test_a_very_short_clip_is_a_result(client: Client, seconds: float) -> None:
    pcm = samples("speech_slt_1.wav")[SECOND // 2 :][: round(seconds * RATE) * 2]
    outcome = client.outcome(client.accepted(wav_of(pcm), CONFIG))
    assert outcome["status"] == "completed"
    assert len(outcome["results"]["utterances"]) <= 1


def test_speech_in_noise_gives_its_words_and_the_noise_none(client: Client) -> None:
    speech = np.frombuffer(samples("speech_slt_1.wav"), dtype="<i2") / 32768
    noise = rng.normal(0, 0.01, 5 * RATE)
    noise[RATE : RATE + len(speech)] += speech[: 4 * RATE]
    assert said(client, sound(noise)).startswith(TEXTS["speech_slt_1.wav"][:20])


# --- Languages


def test_the_language_is_found(client: Client) -> None:
    (utterance,) = client.utterances(AUDIO / "speech_slt_1.wav", CONFIG | {"language": "detect"})
    assert (utterance["lang"], plain(utterance["msg"])) == ("en", TEXTS["speech_slt_1.wav"])


@pytest.mark.parametrize("mode", ["detect", "multi"])
def test_the_candidates_are_the_only_ones(client: Client, mode: str) -> None:
    config = CONFIG | {"language": mode, "language_candidates": ["ko", "ja"]}
    assert {u["lang"] for u in client.utterances(AUDIO / "speech_slt_1.wav", config)} <= {"ko", "ja"}


def test_a_language_that_whisper_does_not_know_is_refused(client: Client) -> None:
    assert refusal(client.submit(wav(1), CONFIG | {"language": "xx"})) == (400, "H0001")


# --- When it goes wrong


def worker_of(program: Program) -> int:
    (worker,) = wait_until(program.workers)
    return worker


@needs_proc
def test_a_job_that_kills_the_engine_fails_alone_and_the_next_is_done(
    program: Program, client: Client
) -> None:
    long = client.accepted(wav_of(samples("speech_slt_1.wav") * 40), CONFIG)
    wait_until(lambda: client.poll(long).json().get("progress"))  # the worker is at it
    killed = worker_of(program)
    os.kill(killed, signal.SIGKILL)
    error = client.outcome(long)["error"]
    assert error == {"code": "E500", "message": "the recogniser died at this audio"}
    assert said(client, (AUDIO / "speech_slt_1.wav").read_bytes()) == TEXTS["speech_slt_1.wav"]
    assert worker_of(program) != killed


@needs_proc
def test_one_process_holds_the_model_whatever_there_is_to_do(program: Program, client: Client) -> None:
    jobs = [client.accepted(AUDIO / name, CONFIG) for name in TEXTS]
    worker = worker_of(program)
    for job in jobs:
        assert client.outcome(job)["status"] == "completed"
    assert program.workers() == [worker]


def test_a_clip_is_done_before_a_file_that_came_first(client: Client) -> None:
    file = client.accepted(wav_of(samples("speech_slt_1.wav") * 60), CONFIG)
    wait_until(lambda: client.poll(file).json().get("progress"))
    assert said(client, (AUDIO / "speech_rms_1.wav").read_bytes()) == TEXTS["speech_rms_1.wav"]
    assert client.poll(file).json()["status"] == "transcribing"


def test_broken_audio_is_a_job_that_failed(client: Client) -> None:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as empty:
        empty.setnchannels(1)
        empty.setsampwidth(2)
        empty.setframerate(RATE)
    broken = bytearray(encoded(samples("speech_slt_1.wav"), "mp3", "libmp3lame"))
    broken[len(broken) // 10 :] = bytes(len(broken) - len(broken) // 10)
    outcome = client.outcome(client.accepted(bytes(broken), CONFIG))
    assert outcome["status"] in ("failed", "completed")
    if outcome["status"] == "failed":
        assert outcome["error"]["code"] == "H0010"


@needs_proc
def test_its_memory_is_given_back_when_there_is_no_work_and_the_next_job_is_done(tmp_path: Path) -> None:
    with Program("--engine", "whisper", "--idle", "0.2", "--data", str(tmp_path)) as program:
        client = program.client()
        for _ in range(2):
            assert said(client, (AUDIO / "speech_slt_1.wav").read_bytes()) == TEXTS["speech_slt_1.wav"]
            wait_until(lambda: not program.workers())
