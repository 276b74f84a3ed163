"""What a submit may be, and how it is refused."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.emulator.program import TIMEOUT, Client, Program, refusal
from tests.emulator.sounds import encoded, samples, wav

SENTENCE = "speech_slt_1.wav"
FULL_CONFIG = {
    "model_name": "whisper",
    "language": "en",
    "language_candidates": ["ko", "en"],
    "domain": "CALL",
    "use_diarization": True,
    "diarization": {"spk_count": 2},
    "use_itn": False,
    "use_disfluency_filter": True,
    "use_profanity_filter": False,
    "use_paragraph_splitter": True,
    "paragraph_splitter": {"max": 50},
    "use_word_timestamp": False,
    "keywords": ["Mico"],
}


@pytest.mark.parametrize(
    "config",
    [
        FULL_CONFIG,
        {},
        {"something_new": {"unknown": "is ignored"}},
        {"use_diarization": True},
        {"model_name": "whisper", "language": "detect"},
        {"model_name": "whisper", "language": "multi", "language_candidates": ["ko", "en"]},
        {"model_name": "whisper", "language": "ja"},
        {"model_name": "sommers", "language": "ja"},
        {"model_name": "sommers", "language": "ko"},
    ],
)
def test_a_good_config_is_accepted(client: Client, config: dict[str, object]) -> None:
    answer = client.submit(wav(0.1), config)
    assert answer.status_code == 200
    assert set(answer.json()) == {"id"}


@pytest.mark.parametrize(
    "config",
    [
        "not json",
        "[]",
        {"model_name": "other"},
        {"model_name": "whisper"},
        {"model_name": "whisper", "language": "English"},
        {"language": "xx"},
        {"model_name": "sommers", "language": "en"},
        {"model_name": "sommers", "language": "detect"},
        {"model_name": "sommers", "language": "ko", "language_candidates": ["ko", "en"]},
        {"language": 1},
        {"domain": "MEETING"},
        {"diarization": {"spk_count": 2}},
        {"use_diarization": False, "diarization": {"spk_count": 2}},
        {"use_diarization": True, "diarization": {"spk_count": "2"}},
        {"use_diarization": True, "diarization": 2},
        {"use_diarization": "yes"},
        {"use_itn": 1},
        {"use_disfluency_filter": None},
        {"use_profanity_filter": "no"},
        {"use_paragraph_splitter": 0},
        {"paragraph_splitter": {"max": -1}},
        {"use_word_timestamp": "true"},
        {"keywords": "Mico"},
        {"language_candidates": [1]},
    ],
    ids=json.dumps,
)
def test_a_bad_config_is_h0001_and_no_job(echo: Program, client: Client, config: object) -> None:
    assert refusal(client.submit(wav(0.1), config)) == (400, "H0001")
    assert echo.stats()["jobs"]["accepted"] == 0


def test_a_missing_file_is_h0001(client: Client) -> None:
    assert refusal(client.submit(None)) == (400, "H0001")


def test_a_missing_config_is_h0001(echo: Program, client: Client) -> None:
    url = f"{echo.url}/v1/transcribe"
    answer = echo.http.post(url, files={"file": wav(0.1)}, headers=client.headers, timeout=TIMEOUT)
    assert refusal(answer) == (400, "H0001")


@pytest.mark.parametrize(
    "content_type", ["application/json", "multipart/form-data", "multipart/form-data; boundary=x"]
)
def test_a_body_that_is_no_multipart_is_h0001(echo: Program, client: Client, content_type: str) -> None:
    headers = {**client.headers, "Content-Type": content_type}
    answer = echo.http.post(f"{echo.url}/v1/transcribe", data=b"{}", headers=headers, timeout=TIMEOUT)
    assert refusal(answer) == (400, "H0001")


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [
        ("mp4", "aac", 16_000),
        ("ipod", "aac", 44_100),  # FFmpeg's name for m4a
        ("mp3", "libmp3lame", 16_000),
        ("flac", "flac", 16_000),
        ("wav", "pcm_s16le", 16_000),
        ("amr", "libopencore_amrnb", 8_000),
    ],
)
def test_each_documented_format_is_taken_and_its_length_known(
    client: Client, container: str, codec: str, rate: int
) -> None:
    sound = samples(SENTENCE)
    (utterance,) = client.utterances(encoded(sound, container, codec, rate))
    assert utterance["duration"] == pytest.approx(len(sound) / 32, rel=0.1)


def test_a_file_that_does_not_say_its_length_is_counted(client: Client) -> None:
    sound = bytearray(encoded(samples(SENTENCE), "flac", "flac"))
    sound[21] &= 0xF0  # STREAMINFO's number of samples: 36 bits, all 0 when the file was written to a pipe
    sound[22:26] = bytes(4)
    (utterance,) = client.utterances(bytes(sound))
    assert utterance["duration"] == pytest.approx(len(samples(SENTENCE)) / 32, abs=1)


@pytest.mark.parametrize(
    ("container", "codec"), [("webm", "libopus"), ("ogg", "libopus"), ("adts", "aac"), ("caf", "pcm_s16be")]
)
def test_any_other_format_is_h0010(client: Client, container: str, codec: str) -> None:
    rate = 48_000 if codec == "libopus" else 16_000
    assert refusal(client.submit(encoded(samples(SENTENCE), container, codec, rate))) == (400, "H0010")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"just some text\n" * 100,
        bytes(4096),
        b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n",
        b"RIFF",
        wav(1)[:40],
    ],
    ids=["empty", "text", "zeros", "playlist", "four bytes of WAV", "half a WAV header"],
)
def test_what_is_no_audio_is_h0010(client: Client, content: bytes) -> None:
    assert refusal(client.submit(content)) == (400, "H0010")


def test_audio_of_no_length_is_taken(client: Client) -> None:
    (utterance,) = client.utterances(wav(0))
    assert utterance["duration"] == 0


def test_more_than_two_gigabytes_is_h0005_before_the_body_is_read(echo: Program, client: Client) -> None:
    connection = http.client.HTTPConnection(urlsplit(echo.url).netloc, timeout=TIMEOUT)
    try:
        connection.putrequest("POST", "/v1/transcribe")
        for name, value in {
            **client.headers,
            "Content-Type": "multipart/form-data; boundary=x",
            "Content-Length": str(2 * 1024**3 + 2 * 1024**2),
        }.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["code"]) == (413, "H0005")
    finally:
        connection.close()


def test_a_file_too_big_is_h0005_while_it_is_read(echo: Program, client: Client) -> None:
    echo.control("limits", max_bytes=10_000)
    assert refusal(client.submit(wav(1))) == (413, "H0005")
    assert client.submit(wav(0.1)).status_code == 200
    echo.control("limits", max_bytes=None)
    assert client.submit(wav(1)).status_code == 200


def test_more_than_four_hours_is_h0006(client: Client) -> None:
    assert client.submit(wav(4 * 3600, rate=10)).status_code == 200
    assert refusal(client.submit(wav(4 * 3600 + 1, rate=10))) == (413, "H0006")


def test_the_longest_duration_can_be_set(echo: Program, client: Client) -> None:
    echo.control("limits", max_seconds=1)
    assert refusal(client.submit(wav(1.1))) == (413, "H0006")
    assert client.submit(wav(1)).status_code == 200


def test_a_refused_upload_leaves_no_file(tmp_path: Path) -> None:
    with Program("--engine", "echo", "--data", str(tmp_path)) as program:
        client = program.client()
        client.submit(b"no audio")
        client.submit(wav(0.1), "no config")
        assert list((tmp_path / "audio").iterdir()) == []


def test_a_large_upload_is_not_held_in_memory(echo: Program, client: Client) -> None:
    status = Path(f"/proc/{echo.process.pid}/status")
    if not status.exists():
        pytest.skip("needs /proc")

    def peak() -> int:
        return next(
            int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")
        )

    client.accepted(wav(1))
    before = peak()
    megabytes = 100
    head = (
        b'--x\r\nContent-Disposition: form-data; name="config"\r\n\r\n{}\r\n'
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    )
    sound = bytearray(wav(0))
    sound[40:44] = (megabytes * 1024**2).to_bytes(4, "little")

    def body() -> Iterator[bytes]:
        yield head + sound
        for _ in range(megabytes):
            yield bytes(1024**2)
        yield b"\r\n--x--\r\n"

    headers = {**client.headers, "Content-Type": "multipart/form-data; boundary=x"}
    answer = echo.http.post(f"{echo.url}/v1/transcribe", data=body(), headers=headers, timeout=TIMEOUT)
    assert answer.status_code == 200
    (utterance,) = client.outcome(answer.json()["id"])["results"]["utterances"]
    assert utterance["duration"] == megabytes * 1024**2 / 32
    assert peak() - before < 20 * 1024
