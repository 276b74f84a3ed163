"""How long a job takes at least."""

from __future__ import annotations

import random
import statistics

import pytest

from emulator.laboratory.turnaround import Turnaround


def test_without_noise_it_is_the_factor_or_the_floor() -> None:
    turnaround = Turnaround(seconds=2, factor=0.5)
    assert [turnaround.draw(duration) for duration in (0, 1, 60)] == [2, 2, 30]


def test_the_noise_is_log_normal_around_the_factor() -> None:
    turnaround = Turnaround(seconds=0, factor=0.5, sigma=0.4, random=random.Random(1))
    drawn = sorted(turnaround.draw(60) for _ in range(4000))
    assert statistics.median(drawn) == pytest.approx(30, rel=0.03)
    assert drawn[3360] / drawn[2000] == pytest.approx(2.718**0.4, rel=0.05)  # one sigma up is 84 % of them


def test_the_same_seed_draws_the_same() -> None:
    first, second = (Turnaround(0, 1, 1, random.Random(7)) for _ in range(2))
    assert [first.draw(1) for _ in range(5)] == [second.draw(1) for _ in range(5)]
