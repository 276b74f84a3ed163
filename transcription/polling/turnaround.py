"""Estimate the distribution of a vendor's turnaround from finished jobs. Pure: no database, no clock, no settings.

A job is known as an interval: it ran at one poll and was done at the next. The distribution is therefore estimated
as for interval-censored data (Turnbull 1976), by EM with a little smoothing (Silverman et al. 1990). A late poll
makes its interval wider, which says less and nothing wrong.

Jobs of different lengths are compared through a typical turnaround proportional to `length + fixed`. `fixed`, in
seconds of audio, is chosen to make the history scatter least. The rules and parameters: docs/polling.md.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

# Bins of equal ratio: 5 % each, from 20 ms to 30 h.
_STEP = 0.05
_FIRST = math.log(0.02)
_BINS = 310
EDGES = tuple(math.exp(_FIRST + _STEP * i) for i in range(_BINS + 1))

# Cold start: a second plus a tenth of the audio's length, give or take a factor of 3.
COLD_RATE = 0.1
COLD_FIXED = 10.0
COLD_SPREAD = 1.1
# Weight of that guess, in jobs.
COLD_WEIGHT = 1.0
# A job this many places back in the history counts half as much as the newest. The longest half-life is used, unless
# a shorter one raises the log likelihood of the NEWEST jobs, estimated from those before them, by more than BETTER.
HALF_LIVES = (100, 30, 10)
NEWEST = 8
BETTER = 3.0
# Jobs of other lengths count less: the distance in log length at which a job counts 0.6.
NEARNESS = 1.0
# Rounds of EM.
ROUNDS = 40
# The vendor may have become slower or faster: this part of the probability is spread by a factor of 2 either way.
CHANGED = 0.05
CHANGED_SPREAD = 0.8
# While the history is short that part is DOUBT / (DOUBT + jobs).
DOUBT = 2.0

# Candidates for `fixed`, the guess first. The last one means that the length does not matter.
_FIXED = (COLD_FIXED, 20.0, 5.0, 40.0, 2.0, 100.0, 0.5, 300.0, 1000.0, 1e6)


@dataclass(frozen=True, slots=True)
class Seen:
    """One finished job, in seconds.

    `running_s` and `done_s` are its ages, counted from the vendor's acceptance, when the last poll that found it
    running and the poll that found it done were sent. `running_s` is 0 if no poll found it running.
    """

    audio_s: float
    running_s: float
    done_s: float


@dataclass(frozen=True)
class Turnaround:
    """The distribution of the turnaround for `reference_s` of audio, as probabilities of the bins between EDGES.

    `samples` is the number of jobs that it rests on; old jobs and those of other lengths count less. It is 0 for the
    cold start.
    """

    reference_s: float
    fixed_s: float
    bins: tuple[float, ...]
    samples: float

    def scale(self, audio_s: float) -> float:
        """Return the turnaround for audio of this length as a multiple of the reference's."""
        return (audio_s + self.fixed_s) / (self.reference_s + self.fixed_s)

    @cached_property
    def survival(self) -> tuple[float, ...]:
        """The probability at each edge that the job still runs."""
        done = accumulate(self.bins, initial=0.0)
        return tuple(max(0.0, 1.0 - d) for d in done)

    @cached_property
    def root_hazard(self) -> tuple[float, ...]:
        """The integral of the square root of the hazard from 0 to each edge, in √s.

        A job that is later than half of its kind is expected to take about as long again, so its hazard is taken
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
        """Return the mean turnaround for audio of this length, in seconds."""
        return self._mean * self.scale(audio_s)

    @cached_property
    def _mean(self) -> float:
        return sum(p * (a + b) / 2 for p, a, b in zip(self.bins, EDGES, EDGES[1:], strict=False))

    def running_at(self, audio_s: float, age_s: float) -> float:
        """Return the probability that a job still runs at this age."""
        t = age_s / self.scale(audio_s)
        at = bisect_right(EDGES, t) - 1
        if at < 0:
            return 1.0
        if at >= _BINS:
            return 0.0
        part = (t - EDGES[at]) / (EDGES[at + 1] - EDGES[at])
        return self.survival[at] - part * self.bins[at]

    def left(self, audio_s: float, age_s: float = 0.0, share: float = 0.5) -> float:
        """Return the seconds within which a job that runs at this age is done with probability `share`."""
        target = (1 - share) * self.running_at(audio_s, age_s)
        scale = self.scale(audio_s)
        for at, p in enumerate(self.bins):
            if self.survival[at + 1] <= target:
                part = (self.survival[at] - target) / p if p > 0 else 0.0
                end = scale * (EDGES[at] + part * (EDGES[at + 1] - EDGES[at]))
                return max(0.0, end - age_s)
        return age_s  # beyond the last bin: as long again


def learn(history: Sequence[Seen], audio_s: float) -> Turnaround:
    """Estimate the turnaround from `history` (newest first), most exactly for audio of about `audio_s` seconds.

    Impossible intervals are left out. With no history the result is the cold start.
    """
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
    """Return the half-life, in jobs, that makes the newest jobs most likely, given the older ones."""
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
    """Return the probabilities of the bins and the number of jobs that they rest on."""
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
    """Return the `fixed` that makes the turnarounds divided by `length + fixed` scatter least."""
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
        if scatter < 0.98 * least - 1e-9:  # the guess comes first; leave it only for a clear gain
            best, least = fixed, scatter
    return best


def _median(values: Sequence[float], weights: Sequence[float]) -> float:
    half = sum(weights) / 2
    for value, weight in sorted(zip(values, weights, strict=True)):
        half -= weight
        if half <= 0:
            return value
    raise ValueError("There is no median of an empty history.")


def _expectation_maximisation(
    cold: list[float], spans: Sequence[tuple[int, int]], weights: Sequence[float]
) -> list[float]:
    """Give each job's weight to the bins of its interval in proportion to their present probability, ROUNDS times."""
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
    """Return the bandwidth by Silverman's rule, in bins, from the interquartile range."""
    below = list(accumulate(p))
    quartiles = [bisect_right(below, q) for q in (0.25, 0.75)]
    return 0.9 * (quartiles[1] - quartiles[0]) / 1.34 / math.pow(samples, 0.2)


def _blurred(p: Sequence[float], bins: float) -> list[float]:
    """Smooth with three running means, about as a normal kernel with a standard deviation of `bins` would.

    What would fall off an end goes to the first or the last bin.
    """
    reach = max(1, round((math.sqrt(4 * bins**2 + 1) - 1) / 2))
    width = 2 * reach + 1
    for _ in range(3 if bins > 1 else 1):
        below = list(accumulate([0.0] * (2 * reach + 1) + list(p) + [0.0] * 2 * reach))
        spread = [(b - a) / width for a, b in zip(below, below[width:], strict=False)]
        p = spread[reach:-reach]
        p[0] += sum(spread[:reach])
        p[-1] += sum(spread[-reach:])
    return list(p)
