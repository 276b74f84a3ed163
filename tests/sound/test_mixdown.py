"""Channels become one in which every voice can be heard."""

import numpy as np
import pytest

from transcription.sound.mixdown import BLOCK, Mixdown, Samples


def tone(volume: float, hertz: float = 440.0, blocks: int = 8) -> Samples:
    return (volume * np.sin(2 * np.pi * hertz * np.arange(blocks * BLOCK) / 16_000)).astype(np.float32)


def mixed(*channels: Samples) -> tuple[Samples, Mixdown]:
    mixdown = Mixdown(len(channels))
    together = np.stack(channels)
    blocks = [mixdown.mix(together[:, at : at + BLOCK]) for at in range(0, together.shape[1], BLOCK)]
    return np.concatenate(blocks), mixdown


def loudness(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


def test_one_channel_stays_as_it_is() -> None:
    sound = tone(0.5)
    assert np.array_equal(mixed(sound)[0], sound)


def test_equal_channels_stay_as_loud_as_they_are() -> None:
    sound = tone(0.5)
    result, mixdown = mixed(sound, sound)
    assert result == pytest.approx(sound, abs=1e-5)
    assert not mixdown.odd


def test_channels_in_opposite_phase_do_not_cancel_each_other() -> None:
    sound = tone(0.5)
    result, mixdown = mixed(sound, -sound)
    assert loudness(result) == pytest.approx(loudness(sound), rel=0.01)
    assert mixdown.odd  # a plain mean would be silent


def test_a_voice_on_one_of_eight_channels_is_as_loud_as_it_was_said() -> None:
    result, mixdown = mixed(*[tone(0.5) if n == 5 else tone(0.0) for n in range(8)])
    assert loudness(result) == pytest.approx(loudness(tone(0.5)), rel=0.01)
    assert mixdown.odd


def test_it_is_heard_above_the_noise_of_the_other_channels() -> None:
    dice = np.random.default_rng(1)
    noise = [dice.normal(0, 0.01, 8 * BLOCK).astype(np.float32) for _ in range(7)]
    voice = tone(0.3)
    result, _ = mixed(voice, *noise)
    share = float(result @ voice / (voice @ voice))
    assert share > 0.7
    assert loudness(result - share * voice) < 0.005


def test_two_people_on_two_channels_are_both_heard() -> None:
    """One speaks first, then the other, more quietly."""
    silence = np.zeros(8 * BLOCK, np.float32)
    left = np.concatenate([tone(0.5), silence])
    right = np.concatenate([silence, tone(0.05, 700.0)])
    result, _ = mixed(left, right)
    assert loudness(result[: 8 * BLOCK]) == pytest.approx(loudness(tone(0.5)), rel=0.05)
    assert loudness(result[-2 * BLOCK :]) == pytest.approx(loudness(tone(0.05)), rel=0.1)


def test_nothing_clips() -> None:
    result, _ = mixed(tone(1.0), tone(1.0, 700.0), tone(-1.0), tone(1.0))
    assert np.abs(result).max() <= 1.0


def test_silence_is_silent() -> None:
    result, mixdown = mixed(tone(0.0), tone(0.0))
    assert not result.any()
    assert not mixdown.odd
