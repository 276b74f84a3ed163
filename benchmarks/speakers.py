"""Who said what in a file: how much of the speech gets the wrong speaker, by pitch and by voice.

Conversations of one to four people are put together from recordings of single speakers. The error is the share of the
speech (in seconds) whose speaker is wrong, after the best matching of the numbers found with the people.
"""

import argparse
import itertools
import json
import random
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any, Final

import numpy as np

from benchmarks.results import write
from emulator.engines import diarization, voiceprints, weights, whisper_worker
from emulator.engines.pieces import RATE, Samples
from emulator.engines.voiceprints import VoiceEncoder
from emulator.engines.voices import speakers as by_pitch
from emulator.engines.whisper_recogniser import Heard, WhisperRecogniser
from emulator.engines.whisper_worker import Pieces
from emulator.service.audio import pcm

PEOPLE: Final = (1, 2, 3, 4)
CONVERSATIONS: Final = 50
SYNTHETIC: Final = {
    **{f"flite {name}": ["flite", "-voice", name] for name in ("slt", "rms", "awb", "kal16")},
    **{f"espeak {name}": ["espeak-ng", "-v", f"en+{name}"] for name in ("f2", "f5", "m3", "m7")},
}
SENTENCES: Final = (
    "Good morning everybody, shall we begin with the first point on the list?",
    "I have sent the numbers to all of you, and I hope that you could read them.",
    "There is one thing which I do not understand at all.",
    "We could move the meeting to Thursday afternoon, if that is better for you.",
    "The customers like the new version, but they ask for more colours.",
    "That will cost about twice as much as we planned in the spring.",
    "Who is going to write the report this time?",
    "My train is late again, so please begin without me.",
    "Yes, I agree with that, and I would add something else.",
    "Let us look at the picture on the next page together.",
    "It rained the whole week, and the roof of the old house is leaking.",
    "Perhaps somebody in the other office knows how it works.",
)
# Lengths of turns in seconds, and of the pauses between.
TURNS: Final = (1.5, 8.0)
PAUSE: Final = (1.0, 2.0)
NOISE_DB: Final = 20


@dataclass
class Cut:
    """What one speaker says in one turn, and its vector."""

    speaker: str
    sound: Samples
    voice: list[float]

    @property
    def seconds(self) -> float:
        return len(self.sound) / RATE

    @cached_property
    def pitch(self) -> float:
        return whisper_worker._pitch(self.sound, Heard(0.0, self.seconds))


@dataclass
class Clock:
    """Seconds of the processor that measuring the voices took, and the seconds of speech."""

    voices: float = 0.0
    speech: float = 0.0


def main(words: Sequence[str] = ()) -> None:
    """Measure, print, and write benchmarks/results/speakers.json. `words`: the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speakers")
    parser.add_argument(
        "--recordings", type=Path, help="a folder of recordings as LibriSpeech names them: SPEAKER-….flac"
    )
    parser.add_argument(
        "--tuning", type=Path, help="the same with other speakers, for whom other thresholds are tried"
    )
    parser.add_argument(
        "--conversations", type=int, default=CONVERSATIONS, help=f"of each number of people ({CONVERSATIONS})"
    )
    parser.add_argument("--people", type=int, nargs="*", default=PEOPLE, help="numbers of people (1 2 3 4)")
    parser.add_argument("--no-whisper", action="store_true", help="only turns as they are, no recognition")
    asked = parser.parse_args(words)
    path = voiceprints.find()
    assert path, "resemblyzer is not installed: make bench"
    encoder, clock = VoiceEncoder(path), Clock()
    figures: dict[str, Any] = {}
    sets = {"synthetic": list(synthetic(encoder, clock))}
    if asked.recordings:
        sets["recorded"] = list(recordings(asked.recordings, encoder, clock))
        sets["recorded, with noise"] = noisy(sets["recorded"], encoder)
    if asked.tuning:
        others = list(recordings(asked.tuning, encoder, clock))
        figures["tuning"] = {
            name: tune(cuts, asked.people, asked.conversations)
            for name, cuts in (("recorded", others), ("recorded, with noise", noisy(others, encoder)))
        }
    for name, cuts in sets.items():
        talks = {number: conversations(cuts, number, asked.conversations) for number in asked.people}
        figures[name] = {
            str(number): {"pitch": errors(own, pitches), "voice": errors(own, voices)}
            for number, own in talks.items()
        }
    figures["voices_cpu_s_per_s"] = round(clock.voices / clock.speech, 4)
    if not asked.no_whisper:
        figures["whisper"] = {name: whole(cuts, path, asked.people) for name, cuts in sets.items()}
    print(json.dumps(figures, indent=2))
    write("speakers", figures)


def synthetic(encoder: VoiceEncoder, clock: Clock) -> Iterator[Cut]:
    """Yield every sentence by every voice of flite and espeak-ng (Debian's packages of these names)."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "said.wav"
        for name, command in SYNTHETIC.items():
            for sentence in SENTENCES:
                text = ["-t", sentence, "-o"] if command[0] == "flite" else [sentence, "-w"]
                subprocess.run([*command, *text, str(file)], check=True)
                yield from cuts_of(name, read(file), encoder, clock)


def recordings(folder: Path, encoder: VoiceEncoder, clock: Clock) -> Iterator[Cut]:
    """Yield turns cut out of a folder's recordings."""
    for file in sorted(folder.rglob("*.flac")):
        yield from cuts_of(file.name.partition("-")[0], read(file), encoder, clock)


def read(file: Path) -> Samples:
    """Return a file's samples, 16 kHz, in -1..1."""
    samples: Samples = np.frombuffer(b"".join(pcm(file, 0)), dtype="<i2").astype(np.float32) / np.float32(
        32768
    )
    return samples


def cuts_of(speaker: str, sound: Samples, encoder: VoiceEncoder, clock: Clock) -> Iterator[Cut]:
    """Yield the turns of one recording."""
    chance = random.Random(len(sound))
    while len(sound) >= TURNS[0] * RATE:
        size = round(chance.uniform(*TURNS) * RATE)
        turn, sound = sound[:size], sound[size:]
        seconds = len(turn) / RATE
        begun = time.process_time()
        (voice,) = encoder.voices(turn, [(0.0, seconds)])
        clock.voices += time.process_time() - begun
        clock.speech += seconds
        yield Cut(speaker, turn, voice)


def noisy(cuts: list[Cut], encoder: VoiceEncoder) -> list[Cut]:
    """Return the same with white noise, NOISE_DB below the speech."""
    chance = np.random.default_rng(1)
    made = []
    for cut in cuts:
        level = np.sqrt(np.mean(np.square(cut.sound))) * 10 ** (-NOISE_DB / 20)
        sound = (cut.sound + chance.normal(0, level, len(cut.sound))).astype(np.float32)
        (voice,) = encoder.voices(sound, [(0.0, cut.seconds)])
        made.append(Cut(cut.speaker, sound, voice))
    return made


def conversations(cuts: Sequence[Cut], people: int, number: int, seed: int = 1) -> list[list[Cut]]:
    """Return conversations of 8 to 25 turns; who speaks next is somebody else, by chance."""
    chance = random.Random(seed * 100 + people)
    made = []
    for _ in range(number):
        who = chance.sample(sorted({cut.speaker for cut in cuts}), people)
        left = {name: [cut for cut in cuts if cut.speaker == name] for name in who}
        for own in left.values():
            chance.shuffle(own)
        talk: list[Cut] = []
        for _ in range(chance.randint(8, 25)):
            others = [n for n in who if left[n] and (people == 1 or not talk or n != talk[-1].speaker)]
            if others:
                talk.append(left[chance.choice(others)].pop())
        made.append(talk)
    return made


def pitches(talk: list[Cut], count: int) -> list[int]:
    """Tell the speakers by pitch."""
    return by_pitch([cut.pitch for cut in talk], count)


def voices(talk: list[Cut], count: int) -> list[int]:
    """Tell the speakers by voice."""
    return diarization.speakers([cut.voice for cut in talk], count)


def errors(talks: list[list[Cut]], tell: Callable[[list[Cut], int], list[int]]) -> dict[str, float]:
    """Return the mean errors in percent, and how often the number of speakers is guessed right, in percent."""
    guessed, given, right = [], [], []
    for talk in talks:
        who, seconds = [cut.speaker for cut in talk], [cut.seconds for cut in talk]
        found = tell(talk, 0)
        guessed.append(error(overlaps(who, found, seconds)))
        right.append(len(set(found)) == len(set(who)))
        given.append(error(overlaps(who, tell(talk, len(set(who))), seconds)))
    return {"guessed": percent(guessed), "given": percent(given), "number_right": percent(right)}


def percent(shares: Sequence[float]) -> float:
    """Return the mean in percent."""
    return round(100 * fmean(shares), 1)


def overlaps(
    who: Sequence[str], found: Sequence[int], seconds: Sequence[float]
) -> dict[tuple[str, int], float]:
    """Return how long each person has each number."""
    together: dict[tuple[str, int], float] = {}
    for person, number, length in zip(who, found, seconds, strict=True):
        together[person, number] = together.get((person, number), 0.0) + length
    return together


def error(together: dict[tuple[str, int], float]) -> float:
    """Return the share of the speech whose number is not its person's, under the best matching of the two."""
    people, numbers = sorted({person for person, _ in together}), sorted({number for _, number in together})
    # Numbers that are nobody's stand for the people without one. Only the most talkative numbers can be somebody's.
    numbers.sort(key=lambda n: -sum(length for (_, number), length in together.items() if number == n))
    candidates = [*numbers[:7], *range(-len(people), 0)]
    best = max(
        sum(together.get(pair, 0.0) for pair in zip(people, chosen, strict=True))
        for chosen in itertools.permutations(candidates, len(people))
    )
    total = sum(together.values())
    return max(1 - best / total, 0.0) if total else 0.0


def tune(cuts: list[Cut], people: Sequence[int], number: int) -> dict[str, dict[str, dict[str, float]]]:
    """Return the errors under other thresholds than the one that is built in."""
    kept, found = diarization._SAME, {}
    try:
        for same in (0.61, 0.63, 0.65, 0.67, 0.69, 0.71):
            diarization._SAME = same  # type: ignore[misc]
            found[str(same)] = {
                str(n): errors(conversations(cuts, n, number, seed=2), voices) for n in people
            }
    finally:
        diarization._SAME = kept  # type: ignore[misc]
    return found


def whole(cuts: list[Cut], path: Path, people: Sequence[int]) -> dict[str, Any]:
    """Return the errors of one conversation of each size with Whisper's own utterances, and what it costs."""
    with tempfile.TemporaryDirectory() as folder:
        model = weights.prepare(weights.BUNDLED, Path(folder))
        pieces = Pieces(WhisperRecogniser(model), VoiceEncoder(path))
        deaf = Pieces(pieces._recogniser, None)
        guessed: dict[str, float] = {}
        given: dict[str, float] = {}
        cpu = audio = 0.0
        for number in people:
            (talk,) = conversations(cuts, number, 1, seed=3)
            file = Path(folder) / f"{number}.wav"
            spans, duration_ms = written(talk, file)
            begun = time.process_time()
            asked(deaf, file, duration_ms, with_voices=False)
            cpu, audio = cpu + time.process_time() - begun, audio + duration_ms / 1000
            utterances, heard = asked(pieces, file, duration_ms, with_voices=True)
            for results, count in ((guessed, 0), (given, len({cut.speaker for cut in talk}))):
                told = pieces.answer({"voices": heard, "count": count})["speakers"]
                results[str(number)] = percent([error(spoken(spans, utterances, told))])
    return {"guessed": guessed, "given": given, "recognition_cpu_s_per_s": round(cpu / audio, 3)}


def written(talk: list[Cut], file: Path) -> tuple[list[tuple[str, float, float]], int]:
    """Write a conversation with its pauses. Return who speaks from when until when (s), and the length (ms)."""
    chance = random.Random(len(talk))
    parts: list[Samples] = []
    spans, now = [], 0.0
    for cut in talk:
        pause = round(chance.uniform(*PAUSE) * RATE)
        parts += [np.zeros(pause, np.float32), cut.sound]
        now += pause / RATE
        spans.append((cut.speaker, now, now + cut.seconds))
        now += cut.seconds
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((np.concatenate(parts) * 32767).astype("<i2").tobytes())
    return spans, round(now * 1000)


def asked(
    pieces: Pieces, file: Path, duration_ms: int, *, with_voices: bool
) -> tuple[list[dict[str, Any]], list[list[float]]]:
    """Return a file's utterances, and their voices."""
    utterances: list[dict[str, Any]] = []
    heard: list[list[float]] = []
    until = 0
    while until < duration_ms:
        answer = pieces.answer(
            {
                "path": str(file),
                "start_ms": until,
                "duration_ms": duration_ms,
                "lead_ms": 0,
                "language": "en",
                "candidates": [],
                "words": False,
                "voices": with_voices,
            }
        )
        utterances += answer["utterances"]
        heard += answer["voices"]
        until = answer["until_ms"]
    return utterances, heard


def spoken(
    spans: list[tuple[str, float, float]], utterances: list[dict[str, Any]], told: list[int]
) -> dict[tuple[str, int], float]:
    """Return how long each person has each number, in the speech that is in an utterance."""
    together: dict[tuple[str, int], float] = {}
    for utterance, number in zip(utterances, told, strict=True):
        start = utterance["start_at"] / 1000
        end = start + utterance["duration"] / 1000
        for person, begin, until in spans:
            both = min(end, until) - max(start, begin)
            if both > 0:
                together[person, number] = together.get((person, number), 0.0) + both
    return together


if __name__ == "__main__":
    main(sys.argv[1:])
