"""How long a vendor takes, learned from what it took before. Pure: no database, no clock, no settings.

What is known of a job is an interval: still running at one poll, done at the next. So the distribution is found
as for interval-censored data (Turnbull 1976, by EM with a little smoothing: Silverman 1990). A poll that came
late, whatever held it up, only makes its interval wider and says less; it says nothing wrong.

Jobs of different lengths are compared by a typical turnaround that grows as `length + fixed`; `fixed`, in seconds
of audio, is what makes the history scatter least.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

# Bins of equal ratio: 5 % each, from 20 ms to 28 h.
_STEP = 0.05
_FIRST = math.log(0.02)
_BINS = 310
EDGES = tuple(math.exp(_FIRST + _STEP * i) for i in range(_BINS + 1))

# Before anything is known: a second, and a tenth of the audio's length, give or take a factor of 3.
COLD_RATE = 0.1
COLD_FIXED = 10.0
COLD_SPREAD = 1.1
# What the guess is worth, in jobs.
COLD_WEIGHT = 1.0
# A job this many places back in the history counts half as much as the newest. The memory is as long as it can be:
# a shorter one has to foretell the newest jobs better, by this much in the logarithm of their likelihood.
HALF_LIVES = (100, 30, 10)
NEWEST = 8
BETTER = 3.0
# Lengths far from the one asked for say less: the distance, as a logarithm, at which a job counts for 0.6.
NEARNESS = 1.0
ROUNDS = 40
# The vendor may have become slower or faster since: this share is spread by about a factor of 2 either way.
CHANGED = 0.05
CHANGED_SPREAD = 0.8
# Jobs that the doubt about a young history is worth.
DOUBT = 2.0

# What `fixed` is chosen from, the guess first; the last is "the length does not matter".
_FIXED = (COLD_FIXED, 20.0, 5.0, 40.0, 2.0, 100.0, 0.5, 300.0, 1000.0, 1e6)


@dataclass(frozen=True, slots=True)
class Seen:
    """One finished job: s of audio; s from the vendor's acceptance to the last poll that found it running (0: none
    did), and to the poll that found it done."""

    audio_s: float
    running_s: float
    done_s: float


@dataclass(frozen=True)
class Turnaround:
    """The distribution of the turnaround at `reference_s` of audio, as probabilities of the bins between EDGES.

    `samples`: how many jobs it rests on, distant and old ones counted less; 0 for the cold start.
    """

    reference_s: float
    fixed_s: float
    bins: tuple[float, ...]
    samples: float

    def scale(self, audio_s: float) -> float:
        """Turnaround of audio of this length, against that of the reference."""
        return (audio_s + self.fixed_s) / (self.reference_s + self.fixed_s)

    @cached_property
    def survival(self) -> tuple[float, ...]:
        """At each edge, the probability that the job still runs."""
        done = accumulate(self.bins, initial=0.0)
        return tuple(max(0.0, 1.0 - d) for d in done)

    @cached_property
    def root_hazard(self) -> tuple[float, ...]:
        """At each edge, the integral from 0 of the square root of the hazard, √s.

        Of a job that is later than half of its like nobody knows better than its age says: its hazard is taken
        for at least 1 / age.
        """
        total, found = 0.0, [0.0]
        for p, alive, start, end in zip(self.bins, self.survival, EDGES, EDGES[1:], strict=False):
            hazard = p / (max(alive - p / 2, 1e-9) * (end - start))
            if alive < 0.5:
                hazard = max(hazard, 1 / start)
            total += math.sqrt(hazard) * (end - start)
            found.append(total)
        return tuple(found)

    def mean(self, audio_s: float) -> float:
        """Seconds."""
        return self._mean * self.scale(audio_s)

    @cached_property
    def _mean(self) -> float:
        return sum(p * (a + b) / 2 for p, a, b in zip(self.bins, EDGES, EDGES[1:], strict=False))

    def running_at(self, audio_s: float, age_s: float) -> float:
        """The probability that a job still runs at this age."""
        t = age_s / self.scale(audio_s)
        at = bisect_right(EDGES, t) - 1
        if at < 0:
            return 1.0
        if at >= _BINS:
            return 0.0
        part = (t - EDGES[at]) / (EDGES[at + 1] - EDGES[at])
        return self.survival[at] - part * self.bins[at]

    def left(self, audio_s: float, age_s: float = 0.0, share: float = 0.5) -> float:
        """Seconds within which, with probability `share`, a job that runs at this age will be done."""
        target = (1 - share) * self.running_at(audio_s, age_s)
        scale = self.scale(audio_s)
        for at, p in enumerate(self.bins):
            if self.survival[at + 1] <= target:
                part = (self.survival[at] - target) / p if p > 0 else 0.0
                end = scale * (EDGES[at] + part * (EDGES[at + 1] - EDGES[at]))
                return max(0.0, end - age_s)
        return age_s  # older than anything known: as long again


def learn(history: Sequence[Seen], audio_s: float) -> Turnaround:
    """The turnaround as `history` (newest first) tells it, at its most exact near `audio_s`."""
    seen = [job for job in history if 0 <= job.running_s < job.done_s]
    fixed = _fixed(seen, audio_s) if seen else COLD_FIXED
    spans = []
    for job in seen:
        scale = (audio_s + fixed) / (job.audio_s + fixed)
        spans.append((_bin(job.running_s * scale), _bin(job.done_s * scale) + 1))
    near = [_nearness(job, audio_s, fixed) for job in seen]
    cold = _cold(audio_s)
    half_life = _memory(cold, spans, near)
    bins, samples = _distribution(cold, spans, near, half_life)
    return Turnaround(audio_s, fixed, bins, samples)


def _memory(cold: list[float], spans: Sequence[tuple[int, int]], near: Sequence[float]) -> int:
    """The half-life with which the older jobs foretell the newest ones best."""
    best, most = HALF_LIVES[0], -math.inf
    if len(spans) < 2 * NEWEST:
        return best
    for half_life in HALF_LIVES:
        bins, _ = _distribution(cold, spans[NEWEST:], near[NEWEST:], half_life)
        below = list(accumulate(bins, initial=0.0))
        likely = sum(
            weight * math.log(max(below[end] - below[first], 1e-9))
            for (first, end), weight in zip(spans[:NEWEST], near[:NEWEST], strict=True)
        )
        if likely > most + BETTER:
            best, most = half_life, likely
    return best


def _distribution(
    cold: list[float], spans: Sequence[tuple[int, int]], near: Sequence[float], half_life: int
) -> tuple[tuple[float, ...], float]:
    """The bins, and the number of jobs that they rest on."""
    weights = [weight * 0.5 ** (place / half_life) for place, weight in enumerate(near)]
    p = _expectation_maximisation(cold, spans, weights)
    samples = sum(weights)
    sharp = _blurred(p, max(0.5, _bandwidth(p, samples + COLD_WEIGHT)))
    wide = _blurred(p, CHANGED_SPREAD / _STEP)
    doubt = max(CHANGED, DOUBT / (DOUBT + samples))
    return tuple((1 - doubt) * a + doubt * b for a, b in zip(sharp, wide, strict=True)), samples


def _bin(t: float) -> int:
    if t <= EDGES[0]:
        return 0
    return min(_BINS - 1, int((math.log(t) - _FIRST) / _STEP))


def _cold(audio_s: float) -> list[float]:
    middle = math.log(COLD_RATE * (audio_s + COLD_FIXED))
    raw = [
        math.exp(-((((_FIRST + _STEP * (i + 0.5)) - middle) / COLD_SPREAD) ** 2) / 2) for i in range(_BINS)
    ]
    total = sum(raw)
    return [x / total for x in raw]


def _nearness(job: Seen, audio_s: float, fixed: float) -> float:
    distance = math.log((job.audio_s + fixed + 1) / (audio_s + fixed + 1)) / NEARNESS
    return max(0.02, math.exp(-(distance**2) / 2))


def _fixed(seen: Sequence[Seen], audio_s: float) -> float:
    """The `fixed` that brings the turnarounds, divided by `length + fixed`, closest together."""
    weights = [_nearness(job, audio_s, COLD_FIXED) for job in seen]
    logs = [
        (job.audio_s, 0.5 * (math.log(max(job.running_s, job.done_s / 3)) + math.log(job.done_s)))
        for job in seen
    ]
    best, least = COLD_FIXED, math.inf
    for fixed in _FIXED:
        ratios = [t - math.log(length + fixed) for length, t in logs]
        middle = _median(ratios, weights)
        scatter = sum(w * abs(r - middle) for w, r in zip(weights, ratios, strict=True)) / sum(weights)
        if scatter < 0.98 * least - 1e-9:  # a gain worth leaving the guess for: the first of the list is that
            best, least = fixed, scatter
    return best


def _median(values: Sequence[float], weights: Sequence[float]) -> float:
    half = sum(weights) / 2
    for value, weight in sorted(zip(values, weights, strict=True)):
        half -= weight
        if half <= 0:
            return value
    raise ValueError("the median of nothing")


def _expectation_maximisation(
    cold: list[float], spans: Sequence[tuple[int, int]], weights: Sequence[float]
) -> list[float]:
    """Each job's weight goes to the bins of its interval by what the others make likely there."""
    total = COLD_WEIGHT + sum(weights)
    p = cold
    for _ in range(ROUNDS):
        below = list(accumulate(p, initial=0.0))
        per_p = [0.0] * (_BINS + 1)
        for (first, end), weight in zip(spans, weights, strict=True):
            share = weight / max(below[end] - below[first], 1e-12)
            per_p[first] += share
            per_p[end] -= share
        given = accumulate(per_p[:-1])
        raw = [(COLD_WEIGHT * c + x * g) / total for c, x, g in zip(cold, p, given, strict=True)]
        p = [
            (a + 2 * b + c) / 4 for a, b, c in zip([raw[0], *raw[:-1]], raw, [*raw[1:], raw[-1]], strict=True)
        ]
    whole = sum(p)
    return [x / whole for x in p]


def _bandwidth(p: Sequence[float], samples: float) -> float:
    """Silverman's rule, in bins, from the quartiles."""
    below = list(accumulate(p))
    quartiles = [bisect_right(below, q) for q in (0.25, 0.75)]
    return 0.9 * (quartiles[1] - quartiles[0]) / 1.34 / math.pow(samples, 0.2)


def _blurred(p: Sequence[float], bins: float) -> list[float]:
    """Spread about as a normal distribution of this many bins would: three running means. Nothing is lost at the
    ends: it comes to lie on the first or the last bin."""
    reach = max(1, round((math.sqrt(4 * bins**2 + 1) - 1) / 2))
    width = 2 * reach + 1
    for _ in range(3 if bins > 1 else 1):
        below = list(accumulate([0.0] * (2 * reach + 1) + list(p) + [0.0] * 2 * reach))
        spread = [(b - a) / width for a, b in zip(below, below[width:], strict=False)]
        p = spread[reach:-reach]
        p[0] += sum(spread[:reach])
        p[-1] += sum(spread[-reach:])
    return list(p)
