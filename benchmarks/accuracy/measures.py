"""What is measured of one engine: mistakes, time to the words, words out of nothing."""

import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy import sounds
from benchmarks.accuracy.material import Recording
from benchmarks.accuracy.mistakes import distance, units
from benchmarks.accuracy.sounds import RATE, Samples, wav
from benchmarks.accuracy.speech_service import SpeechService
from benchmarks.accuracy.stretches import Stretch
from emulator.engines.whisper_recogniser import WINDOW, WhisperRecogniser

CLIP_SECONDS = 5.0
LEAD_SECONDS = 3.0
# Of what the page sends of a live speaker, with the embedded vendor (mico/settings.py, transcription/sound/lead.py).
LIVE_LEAD_MS = 8000
TAIL_MS = 500
LANGUAGES = ("en", "ko", "detect")
FULL_WINDOW = 3000  # frames of 10 ms: half a minute, for which Whisper was made
WINDOW_CUTS = (3.0, 5.0)
WORSE: Mapping[str, Callable[[Samples], bytes]] = {
    "at -50 dB": sounds.quiet,
    "by telephone": sounds.telephone,
    "in noise, 10 dB": sounds.noisy,
}


@dataclass
class Tally:
    """Mistakes and time, summed."""

    units: int = 0
    wrong: int = 0
    audio: float = 0.0
    cpu: float = 0.0
    wall: float = 0.0

    def add(self, other: "Tally") -> None:
        """Add another one."""
        self.units += other.units
        self.wrong += other.wrong
        self.audio += other.audio
        self.cpu += other.cpu
        self.wall += other.wall

    def figures(self) -> dict[str, Any]:
        """Return rates: of mistakes in %, and of seconds for each second of audio."""
        return {
            "units": self.units,
            "wrong": self.wrong,
            "wrong_percent": round(100 * self.wrong / self.units, 1),
            "cpu_factor": round(self.cpu / self.audio, 3),
            "real_time_factor": round(self.wall / self.audio, 3),
        }


def whole(service: SpeechService, recording: Recording, audio: bytes | None = None) -> tuple[Tally, str]:
    """Hand in a whole recording; return what was wrong, and its text. audio: a worse copy of it."""
    answer = service.hear(audio or wav(recording.samples), recording.language)
    return _tally(recording, answer.text, answer.cpu, answer.seconds), answer.text


def cut(service: SpeechService, recording: Recording, seconds: float, lead: float = 0.0) -> Tally:
    """Hand it in as clips of so many seconds, cut without a look at the words. lead: seconds heard before each."""
    texts, cpu, wall = [], 0.0, 0.0
    for start in range(0, len(recording.samples), round(seconds * RATE)):
        before = min(start, round(lead * RATE))
        clip = recording.samples[start - before : start + round(seconds * RATE)]
        answer = service.hear(wav(clip), recording.language, lead_ms=round(before / RATE * 1000))
        texts.append(answer.text)
        cpu += answer.cpu
        wall += answer.seconds
    return _tally(recording, " ".join(texts), cpu, wall)


def live(service: SpeechService, recording: Recording, stretches: Sequence[Stretch]) -> Tally:
    """Hand it in as the page does while it is spoken: stretch by stretch, each with its lead."""
    texts, cpu, wall = [], 0.0, 0.0
    before: Stretch | None = None
    first = 0  # sample of the speech that has gone on without a gap
    for stretch in stretches:
        extensions = {}
        start = stretch.start
        if before is not None and before.end == stretch.start:
            start = max(first, stretch.start - LIVE_LEAD_MS * RATE // 1000)
            extensions["lead_ms"] = (stretch.start - start) * 1000 // RATE
            extensions["lead_tail_ms"] = TAIL_MS if before.goes_on else 0
        else:
            first = stretch.start
        extensions["tail_ms"] = TAIL_MS if stretch.goes_on else 0
        answer = service.hear(wav(recording.samples[start : stretch.end]), recording.language, **extensions)
        texts.append(answer.text)
        cpu += answer.cpu
        wall += answer.seconds
        before = stretch
    return _tally(recording, " ".join(texts), cpu, wall)


def _tally(recording: Recording, heard: str, cpu: float, wall: float) -> Tally:
    said, found = units(recording.said, recording.language), units(heard, recording.language)
    return Tally(len(said), distance(said, found), recording.seconds, cpu, wall)


def clip_times(service: SpeechService, recording: Recording, tries: int) -> dict[str, float]:
    """Hand in its first 5 s again and again, at irregular times; return the times from last byte to words."""
    clip = wav(np.resize(recording.samples, round(CLIP_SECONDS * RATE)))
    chance = random.Random(1)
    took = []
    for _ in range(tries):
        took.append(service.hear(clip, recording.language).seconds)
        time.sleep(chance.uniform(0, 1))
    return {"p50": statistics.median(took), "p95": statistics.quantiles(took, n=20, method="inclusive")[-1]}


def beside_a_file(
    service: SpeechService, recording: Recording, file: Sequence[Recording], minutes: float, tries: int
) -> dict[str, Any]:
    """Return the times of the clips while a file of so many minutes is recognised."""
    speech = np.concatenate([one.samples for one in file])
    job, _ = service.submit(wav(np.resize(speech, round(minutes * 60 * RATE))), recording.language)
    times = clip_times(service, recording, tries)
    return {**times, "file_is_still_recognised": not service.poll(job)}


def out_of_nothing(service: SpeechService, found: Mapping[str, Samples]) -> dict[str, dict[str, str]]:
    """Return what was written for each sound without speech, if asked for each language."""
    return {
        name: {
            language: service.hear(wav(samples), language).text
            for language in LANGUAGES
            if service.knows(language)
        }
        for name, samples in found.items()
    }


def windows(model: Path, recordings: Sequence[Recording]) -> Iterator[tuple[str, float, Tally]]:
    """Compare Whisper's window as the service has it with the full one: its name, the clips' length, the tally.

    In this process, because the service has no option for it. The times are without the service's own part.
    """
    for name, frames in (("15 s", WINDOW), ("30 s", FULL_WINDOW)):
        recogniser = WhisperRecogniser(model, window=frames)
        for seconds in WINDOW_CUTS:
            tally = Tally()
            for recording in recordings:
                step = round(seconds * RATE)
                begun, at = time.process_time(), time.monotonic()
                texts = [
                    heard.text
                    for start in range(0, len(recording.samples), step)
                    for heard in recogniser.transcribe(
                        recording.samples[start : start + step], recording.language
                    )[0]
                ]
                cpu, wall = time.process_time() - begun, time.monotonic() - at
                tally.add(_tally(recording, " ".join(texts), cpu, wall))
            yield name, seconds, tally
