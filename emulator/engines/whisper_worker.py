"""The worker process of the engine whisper: `python -m emulator.engines.whisper_worker FOLDER [VOICES]`.

FOLDER has the model's files; VOICES is the file of voiceprints.find. Without it voices are told apart by pitch.

Two questions:

    {"path", "start_ms", "duration_ms", "lead_ms", "lead_tail_ms", "tail_ms", "language", "candidates", "words",
     "voices"}
        -> {"until_ms", "language", "utterances", "voices"} or {"error": {"code", "message"}}
        The next piece of a recording, from `start_ms` to `until_ms`, with times from the recording's beginning.
        `voices` has a list of numbers for each utterance if the question's `voices` is true.
    {"voices", "count"} -> {"speakers"}: a number for each utterance, from all their voices; count 0 guesses.

A piece is at most half a minute, so that the sound of a clip never waits long behind a file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..service.audio import BrokenAudioError, pcm
from ..service.protocol import JobFault, Utterance, Word
from .diarization import speakers
from .pieces import FRAME, LONGEST_SECONDS, RATE, Samples, cut
from .voiceprints import VoiceEncoder
from .voices import Listener
from .voices import speakers as by_pitch
from .whisper_recogniser import Heard, WhisperRecogniser
from .worker import serve

# Files whose reading goes on where it stopped. There is one file at a time, and the clips between.
_TAPES: Final = 4
_FRAME_BYTES: Final = 2 * FRAME
_VOICE_FRAME: Final = 480  # samples: 30 ms, for the pitch


class Tape:
    """A file's sound, read forwards: 16 kHz mono, in -1..1."""

    def __init__(self, path: Path, duration_ms: int) -> None:
        self._pcm: Iterator[bytes] = pcm(path, duration_ms)
        self._rest = np.zeros(0, dtype=np.float32)
        self._start = 0  # samples before `_rest`
        self._ended = False

    def at(self, start: int) -> bool:
        """Return whether reading can go on from this sample."""
        return start >= self._start

    def read(self, start: int, count: int) -> tuple[Samples, bool]:
        """Return up to `count` samples from `start` on, and whether the file ends with them.

        Raises BrokenAudioError.
        """
        while not self._ended and self._start + len(self._rest) <= start + count:
            piece = next(self._pcm, None)
            if piece is None:
                self._ended = True
                break
            sound = np.frombuffer(piece, dtype="<i2").astype(np.float32) / 32768
            self._rest = np.concatenate([self._rest, sound])
            gone = min(max(start - self._start, 0), len(self._rest))
            self._rest, self._start = self._rest[gone:], self._start + gone
        gone = min(max(start - self._start, 0), len(self._rest))
        self._rest, self._start = self._rest[gone:], self._start + gone
        return self._rest[:count], self._ended and len(self._rest) <= count


class Pieces:
    """Answers the questions about pieces, with one model and the tapes that are being read."""

    def __init__(self, recogniser: WhisperRecogniser, encoder: VoiceEncoder | None) -> None:
        self._recogniser = recogniser
        self._encoder = encoder
        self._tapes: dict[str, Tape] = {}

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        if "count" in question:
            return {"speakers": self._speakers(question["voices"], question["count"])}
        try:
            return self._piece(question)
        except (BrokenAudioError, OSError) as error:
            self._tapes.pop(question["path"], None)
            return {"error": JobFault(code="H0010", message=f"the audio cannot be decoded: {error}")}

    def _piece(self, question: dict[str, Any]) -> dict[str, Any]:
        start = question["start_ms"] * RATE // 1000
        samples, is_last = self._read(question, start)
        if not is_last:
            samples = samples[: cut(self._recogniser.speech(samples), samples)]
        begun = start / RATE
        until = (question["duration_ms"] - question["tail_ms"]) / 1000 - begun if question["tail_ms"] else inf
        heard, language = self._recogniser.transcribe(
            samples,
            question["language"],
            tuple(question["candidates"]),
            lead=max(question["lead_ms"] / 1000 - begun, 0.0),
            lead_tail=question["lead_tail_ms"] / 1000,
            until=until,
        )
        return {
            "until_ms": question["duration_ms"] if is_last else (start + len(samples)) * 1000 // RATE,
            "language": language,
            "utterances": [_utterance(one, start / RATE, language, question) for one in heard],
            "voices": self._voices(samples, heard) if question["voices"] else [],
        }

    def _voices(self, samples: Samples, heard: list[Heard]) -> list[list[float]]:
        if self._encoder is None:
            return [[_pitch(samples, one)] for one in heard]
        return self._encoder.voices(samples, [(one.start, one.end) for one in heard])

    def _speakers(self, voices: list[list[float]], count: int) -> list[int]:
        if self._encoder is None:
            return by_pitch([pitch for (pitch,) in voices], count)
        return speakers(voices, count)

    def _read(self, question: dict[str, Any], start: int) -> tuple[Samples, bool]:
        path = question["path"]
        tape = self._tapes.pop(path, None)
        if tape is None or not tape.at(start):
            tape = Tape(Path(path), question["duration_ms"])
        samples, is_last = tape.read(start, round(LONGEST_SECONDS * RATE))
        if not is_last:
            self._tapes[path] = tape
            if len(self._tapes) > _TAPES:
                del self._tapes[next(iter(self._tapes))]
        return samples, is_last


def _utterance(heard: Heard, start: float, language: str, question: dict[str, Any]) -> Utterance:
    def milliseconds(seconds: float) -> int:
        last: int = question["duration_ms"]
        return min(max(round((start + seconds) * 1000), 0), last)

    begin = milliseconds(heard.start)
    utterance = Utterance(
        start_at=begin, duration=milliseconds(heard.end) - begin, msg=heard.text, spk=0, lang=language
    )
    if question["words"]:
        utterance["words"] = [
            Word(
                start_at=milliseconds(word.start),
                duration=milliseconds(word.end) - milliseconds(word.start),
                text=word.text.strip(),
            )
            for word in heard.words
        ]
    return utterance


def _pitch(samples: Samples, heard: Heard) -> float:
    sound = (samples[round(heard.start * RATE) : round(heard.end * RATE)] * 32767).astype("<i2").tobytes()
    listener = Listener()
    for at in range(0, len(sound) - 2 * _VOICE_FRAME + 1, 2 * _VOICE_FRAME):
        listener.hear(sound[at : at + 2 * _VOICE_FRAME])
    return listener.pitch()


def main() -> None:
    """Answer the engine's questions."""
    folder, *voices = map(Path, sys.argv[1:])
    pieces = Pieces(WhisperRecogniser(folder), VoiceEncoder(*voices) if voices else None)
    serve(pieces.answer)


if __name__ == "__main__":
    main()
