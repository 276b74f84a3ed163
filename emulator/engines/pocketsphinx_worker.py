"""The worker process of the engine pocketsphinx.

`{"path", "duration_ms", "words", "speakers"}` -> `{"utterances": [...]}` or `{"error": {"code", "message"}}`.
`speakers` is the number of speakers to tell apart, 0 to guess, null for no diarization. The audio is streamed: at
most half a second of it is in memory.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

from pocketsphinx import Decoder, Endpointer  # type: ignore[attr-defined]

from ..service.audio import SAMPLE_BYTES, SAMPLE_RATE, BrokenAudioError, pcm
from ..service.protocol import JobFault, Utterance, Word
from .voices import Listener, speakers
from .worker import serve

# The endpointer's window (its default). It needs this much audio to decide, and so needs silence around speech.
_WINDOW_SECONDS: Final = 0.3
# The endpointer misses a soft first consonant. Without this lead "please send" becomes "lisa and".
_LEAD_SECONDS: Final = 0.2
# Noise can look like endless speech. Cut it, because the decoder's memory and second pass grow with the length.
_LONGEST_SECONDS: Final = 30.0
# The decoder's frame, the unit of its word times.
_DECODER_SECONDS: Final = 0.01
_PRONUNCIATION: Final = re.compile(r"\(\d+\)$")


@dataclass(frozen=True)
class Stretch:
    """What was heard between two silences. Times are in seconds of the endpointer; a word is (text, from, until).

    pitch: in Hz, 0.0 if unknown.
    """

    start: float
    end: float
    text: str
    words: list[tuple[str, float, float]]
    pitch: float = 0.0


class Recogniser:
    """Turns audio into words. It is reused, since the model takes half a second to load and 120 MB."""

    def __init__(self) -> None:
        self._decoder = Decoder(samprate=SAMPLE_RATE, loglevel="FATAL")

    def utterances(
        self, sound: Iterable[bytes], duration_ms: int, *, words: bool, tell_apart: int | None = None
    ) -> Iterator[Utterance]:
        """Yield one utterance for each stretch of speech in 16 kHz mono audio. Noise without a word yields none."""
        silence = bytes(round(_WINDOW_SECONDS * SAMPLE_RATE) * SAMPLE_BYTES)

        def milliseconds(seconds: float) -> int:
            return min(max(round((seconds - _WINDOW_SECONDS) * 1000), 0), duration_ms)

        heard = self._stretches(chain([silence], sound, [silence, silence]))
        stretches = [stretch for stretch in heard if stretch.text]
        spoke = [0] * len(stretches)  # RTZR labels a speaker even without diarization
        if tell_apart is not None:
            spoke = speakers([stretch.pitch for stretch in stretches], tell_apart)
        for stretch, speaker in zip(stretches, spoke, strict=True):
            start = milliseconds(stretch.start)
            utterance = Utterance(
                start_at=start,
                duration=milliseconds(stretch.end) - start,
                msg=stretch.text,
                spk=speaker,
                lang="en",
            )
            if words:
                utterance["words"] = [
                    Word(
                        start_at=milliseconds(at), duration=milliseconds(until) - milliseconds(at), text=text
                    )
                    for text, at, until in stretch.words
                ]
            yield utterance

    def _stretches(self, sound: Iterable[bytes]) -> Iterator[Stretch]:
        # Reset what the decoder has adapted to in an earlier recording, so that the same audio gives the same words.
        self._decoder.reinit_feat()
        endpointer = Endpointer(window=_WINDOW_SECONDS, sample_rate=SAMPLE_RATE)
        seconds: float = endpointer.frame_length
        lead = round(_LEAD_SECONDS / seconds)
        listener = Listener()
        recent: deque[bytes] = deque(maxlen=lead + round(_WINDOW_SECONDS / seconds) + 1)
        listening = False
        start = origin = now = 0.0
        for number, frame in enumerate(_frames(sound, endpointer.frame_bytes)):
            recent.append(frame)
            was_in_speech = endpointer.in_speech
            speech = endpointer.process(frame)
            if speech is None:
                continue
            if not listening:
                listening = True
                listener = Listener()
                self._decoder.start_utt()
                if was_in_speech:  # the rest of a stretch that was too long
                    start = origin = now
                else:
                    # The endpointer returns the frames of its window, oldest first; `recent` has those before it.
                    start = origin = now = endpointer.speech_start
                    before = max(0, round(start / seconds) - (number + 1 - len(recent)))
                    for piece in list(recent)[max(0, before - lead) : before]:
                        self._decoder.process_raw(piece)
                        origin -= seconds
            self._decoder.process_raw(speech)
            listener.hear(speech)
            now += seconds
            if not endpointer.in_speech or now - start >= _LONGEST_SECONDS:
                listening = False
                yield self._stretch(start, now, origin, listener.pitch())
        if listening:
            yield self._stretch(start, now, origin, listener.pitch())

    def _stretch(self, start: float, end: float, origin: float, pitch: float) -> Stretch:
        """Return what the decoder found in the stretch that it has been fed since `origin`."""
        self._decoder.end_utt()
        hypothesis = self._decoder.hyp()
        if hypothesis is None:
            return Stretch(start, end, "", [])
        words = [
            (
                _PRONUNCIATION.sub("", segment.word),
                origin + segment.start_frame * _DECODER_SECONDS,
                origin + (segment.end_frame + 1) * _DECODER_SECONDS,
            )
            for segment in self._decoder.seg()
            if not segment.word.startswith(("<", "[", "+"))  # not silence or noise
        ]
        if words:
            start = min(start, words[0][1])
        return Stretch(start, end, hypothesis.hypstr, words, pitch)


def _frames(sound: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield the audio in frames of exactly `size` bytes. The last one is padded with silence."""
    rest = b""
    for piece in sound:
        rest += piece
        whole = len(rest) - len(rest) % size
        for at in range(0, whole, size):
            yield rest[at : at + size]
        rest = rest[whole:]
    if rest:
        yield rest.ljust(size, b"\0")


def _answer(recogniser: Recogniser, question: dict[str, Any]) -> dict[str, Any]:
    try:
        duration_ms = question["duration_ms"]
        sound = pcm(Path(question["path"]), duration_ms)
        words, tell_apart = question["words"], question["speakers"]
        found = recogniser.utterances(sound, duration_ms, words=words, tell_apart=tell_apart)
        return {"utterances": list(found)}
    except (BrokenAudioError, OSError) as error:
        return {"error": JobFault(code="H0010", message=f"the audio cannot be decoded: {error}")}


def main() -> None:
    """Answer the engine's questions."""
    recogniser = Recogniser()
    serve(lambda question: _answer(recogniser, question))


if __name__ == "__main__":
    main()
