"""Real words of real audio."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.emulator.program import Client, Program, refusal
from tests.emulator.sounds import AUDIO, RATE, encoded, samples, wav, wav_of

pytestmark = pytest.mark.recognition

TEXTS: dict[str, str] = json.loads((AUDIO / "texts.json").read_text())
SECOND = RATE * 2  # bytes


def test_every_spoken_sentence_is_recognised_word_for_word(speech: Program, listener: Client) -> None:
    jobs = {name: listener.accepted(AUDIO / name) for name in TEXTS}
    with ThreadPoolExecutor(2) as pool:
        outcomes = dict(zip(jobs, pool.map(listener.outcome, jobs.values()), strict=True))
    found = {name: [u["msg"] for u in outcome["results"]["utterances"]] for name, outcome in outcomes.items()}
    assert found == {name: [text] for name, text in TEXTS.items()}
    assert 1 <= len(speech.workers()) <= 2


def test_each_stretch_of_speech_is_an_utterance_at_its_time(listener: Client) -> None:
    first, second = samples("speech_rms_1.wav"), samples("speech_slt_1.wav")
    pcm = bytes(2 * SECOND) + first + bytes(3 * SECOND) + second + bytes(SECOND)
    utterances = listener.utterances(wav_of(pcm))
    assert [u["msg"] for u in utterances] == [TEXTS["speech_rms_1.wav"], TEXTS["speech_slt_1.wav"]]
    starts = [2000, 5000 + len(first) / 32]
    for utterance, start, sound in zip(utterances, starts, (first, second), strict=True):
        assert utterance["start_at"] == pytest.approx(start, abs=400)
        assert utterance["duration"] == pytest.approx(len(sound) / 32, abs=500)
        assert (utterance["spk"], utterance["lang"]) == (0, "en")
        assert set(utterance) == {"start_at", "duration", "msg", "spk", "lang"}
        assert isinstance(utterance["start_at"], int)


def test_words_lie_in_order_inside_their_utterance(listener: Client) -> None:
    (utterance,) = listener.utterances(
        AUDIO / "speech_rms_1.wav", {"model_name": "whisper", "language": "en", "use_word_timestamp": True}
    )
    words = utterance["words"]
    assert [word["text"] for word in words] == TEXTS["speech_rms_1.wav"].split()
    ends = [word["start_at"] + word["duration"] for word in words]
    assert [word["start_at"] for word in words[1:]] == ends[:-1]
    assert utterance["start_at"] <= words[0]["start_at"]
    assert ends[-1] <= utterance["start_at"] + utterance["duration"]


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [("ipod", "aac", 44_100), ("mp3", "libmp3lame", 16_000), ("flac", "flac", 16_000)],
)
def test_compressed_speech_reads_the_same(listener: Client, container: str, codec: str, rate: int) -> None:
    (utterance,) = listener.utterances(encoded(samples("speech_slt_1.wav"), container, codec, rate))
    assert utterance["msg"] == TEXTS["speech_slt_1.wav"]


@pytest.mark.parametrize(
    "audio", [wav(0), wav(0.01), wav(2), wav(1, level=100)], ids=["none", "10 ms", "2 s", "level"]
)
def test_silence_is_completed_without_an_utterance(listener: Client, audio: bytes) -> None:
    assert listener.utterances(audio) == []


def test_broken_audio_fails_with_a_reason_and_the_next_job_is_fine(speech: Program, listener: Client) -> None:
    sound = encoded(samples("speech_slt_1.wav"), "flac", "flac")
    header = sound.index(b"\xff\xf8")  # the first frame
    job = listener.accepted(sound[:header] + b"\x55" * (len(sound) - header))
    outcome = listener.outcome(job)
    assert (outcome["id"], outcome["status"], set(outcome)) == (job, "failed", {"id", "status", "error"})
    assert outcome["error"]["code"] == "H0010"
    assert outcome["error"]["message"].startswith("the audio cannot be decoded")
    assert speech.stats()["jobs"]["failed"] == 1
    assert listener.utterances(AUDIO / "speech_slt_1.wav")[0]["msg"] == TEXTS["speech_slt_1.wav"]


@pytest.mark.parametrize(("damaged", "status"), [(0.1, "completed"), (0.9, "failed")])
def test_a_little_damage_is_skipped_and_a_lot_is_a_failure(
    listener: Client, damaged: float, status: str
) -> None:
    sound = bytearray(encoded(samples("speech_slt_1.wav"), "ipod", "aac", 44_100))
    start = sound.index(b"mdat") + 4
    end = start + round((sound.index(b"moov") - start) * damaged)
    sound[start:end] = b"\xff" * (end - start)
    assert listener.outcome(listener.accepted(bytes(sound)))["status"] == status


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"language": "ko"},
        {"model_name": "whisper", "language": "ko"},
        {"model_name": "sommers", "language": "ja"},
    ],
)
def test_another_language_is_h0001(listener: Client, config: dict[str, str]) -> None:
    answer = listener.submit(wav(0.1), config)
    assert refusal(answer) == (400, "H0001")
    assert "this engine knows en" in answer.json()["msg"]


@pytest.mark.parametrize("language", ["en", "detect", "multi"])
def test_whisper_finds_english(listener: Client, language: str) -> None:
    config = {"model_name": "whisper", "language": language}
    (utterance,) = listener.utterances(AUDIO / "speech_rms_2.wav", config)
    assert (utterance["msg"], utterance["lang"]) == (TEXTS["speech_rms_2.wav"], "en")


def test_a_turnaround_holds_back_a_result_that_is_there(speech: Program, listener: Client) -> None:
    speech.control("turnaround", seconds=60)
    listener.accepted(wav(0.1))
    speech.control("turnaround")
    assert listener.utterances(wav(0.1)) == []  # jobs run in order, so the first one is done, too
    assert speech.stats()["jobs"] == {"accepted": 2, "transcribing": 1, "completed": 1, "failed": 0}
