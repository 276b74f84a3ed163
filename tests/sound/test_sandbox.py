"""A file is decoded in a process of its own: what breaks that process fails alone."""

import io
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.sound.made import LIMIT_MS, SilentWav, tone
from transcription.sound import sandbox
from transcription.sound.formats import AudioError, AudioInfo, probe

OGG = tone("libopus", "ogg", 1.0)


def flac_of(source: io.BufferedIOBase | io.BytesIO, longest_ms: int = LIMIT_MS) -> bytes:
    with tempfile.TemporaryFile() as target:
        sandbox.decode(source, target, longest_ms)  # type: ignore[arg-type]
        target.seek(0)
        return target.read()


def broken_by(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the child end by this signal."""
    run = subprocess.run

    def dying(_command: list[str], **more: Any) -> Any:
        return run([sys.executable, "-c", f"import os; os.kill(os.getpid(), {number})"], **more)

    monkeypatch.setattr(subprocess, "run", dying)


@pytest.mark.parametrize("kind", ["in memory", "a file"])
def test_the_child_reads_headers_and_decodes(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "sound"
    path.write_bytes(OGG)
    with path.open("rb") if kind == "a file" else io.BytesIO(OGG) as source:
        source.seek(100)
        assert sandbox.probe(source) == AudioInfo("ogg", "opus", 1006, 48_000, 1)
        flac = flac_of(source)
    assert probe(io.BytesIO(flac)).duration_ms == pytest.approx(1000, abs=10)


def test_what_is_wrong_with_a_file_is_told() -> None:
    with pytest.raises(AudioError) as caught:
        sandbox.probe(io.BytesIO(b"hello"))
    assert caught.value.code == "not_audio"
    with pytest.raises(AudioError) as caught:
        flac_of(io.BytesIO(OGG), 500)
    assert caught.value.code == "too_long"


def test_a_file_that_takes_too_much_memory_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "MEMORY", 1_000_000)
    with pytest.raises(AudioError) as caught:
        flac_of(io.BytesIO(OGG))
    assert caught.value.code == "too_complex"


def test_a_file_that_takes_too_long_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "hours.wav"
    hours = SilentWav(3 * 3600)
    with path.open("wb") as file:
        file.write(hours.read(44))
        file.truncate(hours.size)
    monkeypatch.setattr(sandbox, "PROCESSOR", 1)
    monkeypatch.setattr(sandbox, "PROCESSOR_PER_MB", 0)
    monkeypatch.setattr(sandbox, "SLOWEST", 60)
    with path.open("rb") as source, pytest.raises(AudioError) as caught:
        flac_of(source)
    assert caught.value.code == "too_complex"
    assert "SIGXCPU" in caught.value.message


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS])
def test_a_file_that_breaks_the_decoder_fails(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    broken_by(number, monkeypatch)
    with pytest.raises(AudioError) as caught:
        sandbox.probe(io.BytesIO(OGG))
    assert caught.value.code == "too_complex"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_decoder_that_somebody_ended_says_nothing_about_the_file(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_by(number, monkeypatch)
    with pytest.raises(OSError, match="ended with status"):
        sandbox.probe(io.BytesIO(OGG))


def test_storage_that_cannot_be_written_is_not_the_files_fault() -> None:
    descriptor = os.open("/dev/full", os.O_RDWR)
    with os.fdopen(descriptor, "r+b", buffering=0) as full, pytest.raises(OSError, match="No space left"):
        sandbox.decode(io.BytesIO(tone(seconds=30)), full, LIMIT_MS)
