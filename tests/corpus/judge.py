"""Whether what was decoded is the right speech at the right time, or what was told instead is true."""

import io
import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tests.corpus.material import RATE, Samples
from tests.sound.made import LIMIT_MS, samples_of
from transcription.sound.audio import Decoded, decode
from transcription.sound.formats import AudioError

# In s. Loudness is compared in steps of this length.
_STEP = 0.05
# Correlation of two curves of loudness that are of the same speech. Other sentences have less than half of it.
SAME = 0.85
# The same, if a part of it may be damaged.
HARMED = 0.7
# In s. Speech may lie beside its place by this much: coders add some of it, at 8 kHz an eighth.
NEAR = 0.2

Verdict = Literal["right", "told", "wrong"]


@dataclass(frozen=True, slots=True)
class Judged:
    """`why` says what is wrong, or which reason was told."""

    verdict: Verdict
    why: str
    took_s: float
    found: Decoded | None = None


def judge(data: bytes, expected: Samples, *, whole: bool) -> Judged:
    """Decode `data`, and compare it with the speech as it should lie in time.

    With `whole`, all of it has to be there. Otherwise the file was cut or damaged: what there is has to be in its
    place, and a reason may be told instead.
    """
    began = time.process_time()
    target = io.BytesIO()
    try:
        found = decode(lambda: io.BytesIO(data), target, LIMIT_MS)
    except AudioError as error:
        return Judged("wrong" if whole else "told", error.code, time.process_time() - began)
    took_s = time.process_time() - began
    sound = samples_of(target.getvalue())
    missing_s = (len(expected) - len(sound)) / RATE
    if whole and abs(missing_s) > 0.8:
        return Judged("wrong", f"{missing_s:.2f} s missing", took_s, found)
    if len(sound) < RATE:
        return Judged("right", "hardly anything is left", took_s, found)
    alike, beside = alikeness(sound, expected, whole=whole)
    if alike < (SAME if whole else HARMED) or abs(beside) > NEAR:
        return Judged("wrong", f"{alike:.2f} alike at {beside:+.2f} s", took_s, found)
    return Judged("right", "", took_s, found)


def alikeness(sound: Samples, expected: Samples, *, whole: bool) -> tuple[float, float]:
    """Return the correlation of loudness, and by how many seconds `sound` lies behind its place.

    Unless it should be `whole`, silence that stands for damage is not compared.
    """
    have, want = _loudness(sound), _loudness(expected)
    length = min(len(have), len(want))
    best = (-1.0, 0.0)
    for shift in range(-10, 11):
        here = have[max(0, shift) : length + min(0, shift)]
        there = want[max(0, -shift) : length - max(0, shift)]
        size = min(len(here), len(there))
        here, there = here[:size], there[:size]
        kept = np.full(size, fill_value=True) if whole else here > 0
        here, there = here[kept], there[kept]
        if len(here) > 10 and here.std() > 0 and there.std() > 0:
            best = max(best, (float(np.corrcoef(here, there)[0, 1]), shift * _STEP))
    return best


def _loudness(sound: Samples) -> NDArray[np.float64]:
    step = round(_STEP * RATE)
    rows = sound[: len(sound) // step * step].reshape(-1, step).astype(float)
    return np.asarray(np.mean(np.square(rows), axis=1) ** 0.25)
