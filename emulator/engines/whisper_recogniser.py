"""Whisper on one piece of sound: which parts are speech, in which language, and what was said."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import Final

import ctranslate2
import numpy as np
import numpy.typing as npt
from faster_whisper import WhisperModel
from faster_whisper.transcribe import Segment
from faster_whisper.vad import (
    SpeechTimestampsMap,
    VadOptions,
    collect_chunks,
    get_speech_timestamps,
    get_vad_model,
)

from ..service.config import DETECT, MULTI
from . import nonsense
from .pieces import FRAME, RATE, Probabilities, Samples

# Quiet sound is made louder, up to this peak and at most so many times: the detector of speech knows usual levels.
_PEAK: Final = 0.5
_LOUDEST_GAIN: Final = 40.0
_SILENCE_PEAK: Final = 1e-4  # nothing is louder: digital silence and its dither
# Speech as the detector finds it. A pause of a second or more is taken out, and put back into the times.
_SPEECH: Final = VadOptions(
    threshold=0.5, min_silence_duration_ms=1000, speech_pad_ms=300, min_speech_duration_ms=90
)
# A telephone carries 300 to 3,400 Hz. Without the rest the detector is half as sure of speech, and as sure as before
# that noise is none. The share of the power outside these limits, at most:
_TELEPHONE_HZ: Final = (250, 3_700)
_TELEPHONE_OUTSIDE: Final = 1e-3
_TELEPHONE_THRESHOLD: Final = 0.2
# A pause between two words from which on they are two utterances, in seconds.
_PAUSE: Final = 1.0
# Whisper was trained to look at half a minute, and most of its work is to look: a clip of 5 s takes less than half of
# the processor in a window of 15 s, for as many wrong words. Still shorter windows make it repeat itself. In frames
# of 10 ms.
WINDOW: Final = 1500
_AFTER: Final = 300  # silence after the speech, at least
_THREADS_AT_MOST: Final = 8
_END_LATE: Final = 0.1  # seconds by which Whisper may put the end of a word too late


@dataclass(frozen=True)
class HeardWord:
    """A word as Whisper writes it, with the space before it if there is one. Times are seconds of the piece."""

    start: float
    end: float
    text: str


@dataclass
class Heard:
    """One sentence or part of one. Times are seconds of the piece."""

    start: float
    end: float
    words: list[HeardWord] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(word.text for word in self.words).strip()


class _Model(WhisperModel):
    """Whisper that looks no further than it has to."""

    window = WINDOW  # frames
    full_window = False

    def encode(self, features: npt.NDArray[np.float32]) -> ctranslate2.StorageView:
        """Encode a window of features (bands, frames), which is padded with exact zeros after the speech."""
        if not self.full_window:
            used = int(np.flatnonzero(features.any(axis=0)).max(initial=0)) + 1
            features = features[:, : max(self.window, used + _AFTER)]
        return super().encode(features)


class WhisperRecogniser:
    """A loaded model. path: the folder of its files; window: the frames of 10 ms that it looks at, at least."""

    def __init__(self, path: Path, window: int = WINDOW) -> None:
        self._model = _load(path)
        self._model.window = window
        self._detector = get_vad_model()

    def speech(self, samples: Samples) -> Probabilities:
        """Return the probability of speech for each FRAME samples, from whole frames of 16 kHz samples in -1..1."""
        if len(samples) < FRAME:
            return np.zeros(0, dtype=np.float32)
        # A copy, because the detector changes its input.
        found: Probabilities = self._detector(_louder(samples[: len(samples) // FRAME * FRAME]).copy())
        if is_telephone(samples):
            found = (found * np.float32(_SPEECH.threshold / _TELEPHONE_THRESHOLD)).clip(0, 1)
        return found.reshape(-1)

    def transcribe(
        self,
        samples: Samples,
        language: str,
        candidates: tuple[str, ...] = (),
        *,
        lead: float = 0.0,
        lead_tail: float = 0.0,
        until: float = inf,
    ) -> tuple[list[Heard], str]:
        """Return what was said in up to half a minute, and the language.

        lead, lead_tail, until: the seconds of the piece of which the words are wanted, see `between`.
        language: a code, DETECT or MULTI; candidates: the codes that these two choose from, all if empty. The
        language is "" if nothing was said and none was asked for.
        """
        known = "" if language in (DETECT, MULTI) else language
        samples = _louder(samples)
        threshold = _TELEPHONE_THRESHOLD if is_telephone(samples) else _SPEECH.threshold
        spans = get_speech_timestamps(samples, replace(_SPEECH, threshold=threshold))
        if not spans:
            return [], known
        (speech,), _ = collect_chunks(samples, spans)
        times = SpeechTimestampsMap(spans, RATE)
        spoken = known or self._language(speech, candidates)
        heard = []
        for segment in self._segments(speech, spoken):
            words = [
                HeardWord(
                    times.get_original_time(word.start),
                    times.get_original_time(word.end, is_end=True),
                    word.word,
                )
                for word in segment.words or []
            ]
            words = nonsense.without_loops(words, [word.text for word in words])
            words = between(words, lead, lead_tail, until)
            if not nonsense.is_subtitle(segment.text, segment.avg_logprob, segment.no_speech_prob):
                heard += [Heard(part[0].start, part[-1].end, part) for part in _at_pauses(words)]
        return heard, spoken

    def _segments(self, speech: Samples, language: str) -> list[Segment]:
        """Return Whisper's segments. If they repeat themselves, a more careful search is made instead."""
        self._model.full_window = False
        segments = self._run(speech, language, beam_size=1)
        if not nonsense.is_repetitive("".join(segment.text for segment in segments)):
            return segments
        self._model.full_window = True
        return self._run(speech, language, beam_size=5, no_repeat_ngram_size=5, repetition_penalty=1.1)

    def _run(
        self,
        speech: Samples,
        language: str,
        *,
        beam_size: int,
        no_repeat_ngram_size: int = 0,
        repetition_penalty: float = 1.0,
    ) -> list[Segment]:
        segments, _ = self._model.transcribe(
            speech,
            language=language,
            beam_size=beam_size,
            no_repeat_ngram_size=no_repeat_ngram_size,
            repetition_penalty=repetition_penalty,
            # One temperature, 0: the same audio gives the same words. What a higher one is for, is done above.
            temperature=0.0,
            compression_ratio_threshold=None,
            log_prob_threshold=-1.0,
            no_speech_threshold=0.6,
            condition_on_previous_text=False,  # it carries a mistake on from piece to piece
            word_timestamps=True,
        )
        return list(segments)

    def _language(self, speech: Samples, candidates: tuple[str, ...]) -> str:
        best, _, every = self._model.detect_language(speech)
        chosen = {code: probability for code, probability in every if code in candidates}
        return max(chosen, key=lambda code: chosen[code]) if chosen else str(best)


def between(
    words: list[HeardWord], lead: float, lead_tail: float = 0.0, until: float = inf
) -> list[HeardWord]:
    """Return the words after the first `lead` seconds, or after `lead_tail` seconds less, up to `until`.

    Whisper often lets the first word after a pause begin before the pause, and seldom lets the last word before it
    end far behind it. So a word belongs to the side on which it ends. Where a sound ends within a word, its first
    half is heard as a word of its own: there both sides part the words a little earlier, where both hear what
    follows. No word begins before the lead's end.
    """
    begin = lead - lead_tail + _END_LATE if lead else -inf
    kept = [word for word in words if begin <= word.end < until + _END_LATE]
    if not lead:
        return kept
    return [replace(word, start=max(word.start, lead), end=max(word.end, lead + _END_LATE)) for word in kept]


def _at_pauses(words: list[HeardWord]) -> list[list[HeardWord]]:
    """Split the words of a segment at its longer pauses."""
    parts: list[list[HeardWord]] = []
    for word in words:
        if parts and word.start - parts[-1][-1].end < _PAUSE:
            parts[-1].append(word)
        else:
            parts.append([word])
    return parts


def is_telephone(samples: Samples) -> bool:
    """Return whether 16 kHz samples have only the frequencies that a telephone carries."""
    if not len(samples):
        return False
    power = np.square(np.abs(np.fft.rfft(samples)))
    low, high = (round(hertz * len(samples) / RATE) for hertz in _TELEPHONE_HZ)
    outside = float(power[1:low].sum() + power[high:].sum())
    return outside <= _TELEPHONE_OUTSIDE * float(power[1:].sum())


def _louder(samples: Samples) -> Samples:
    peak = float(np.abs(samples).max(initial=0.0))
    if peak <= _SILENCE_PEAK or peak >= _PEAK:
        return samples
    louder: Samples = samples * np.float32(min(_PEAK / peak, _LOUDEST_GAIN))
    return louder


def _load(path: Path) -> _Model:
    """Return the model on the graphics card if there is one that works, else on the processor."""
    if ctranslate2.get_cuda_device_count():
        try:
            model = _Model(str(path), device="cuda", compute_type="int8_float16", local_files_only=True)
            # The card's libraries are looked for only now.
            model.encode(np.zeros((model.feature_extractor.mel_filters.shape[0], WINDOW), dtype=np.float32))
        except (RuntimeError, ValueError) as error:
            print(f"speech: the graphics card cannot be used, the processor is: {error}", file=sys.stderr)
        else:
            return model
    return _Model(str(path), device="cpu", compute_type="int8", cpu_threads=_threads(), local_files_only=True)


def _threads() -> int:
    """Return the number of threads: as many as this process has processors, within reason."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(count, _THREADS_AT_MOST)
