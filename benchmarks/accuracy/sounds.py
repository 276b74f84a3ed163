"""Samples: read and written, made worse, and made without any speech. Everything at random has a seed."""

import io
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from emulator.service.audio import pcm, probe

RATE = 16_000
TELEPHONE_RATE = 8_000
TELEPHONE_HZ = (300, 3_400)
QUIET_DB = -50.0
SNR_DB = 10.0
SECONDS = 20.0  # of a sound without speech
_MU = 255  # of the telephone's 8 bits, ITU-T G.711

Samples = npt.NDArray[np.float32]


def read(path: Path) -> Samples:
    """Return any audio file as 16 kHz mono samples in -1..1."""
    sound = b"".join(pcm(path, probe(path)))
    return np.frombuffer(sound, dtype="<i2").astype(np.float32) / np.float32(32768)


def wav(samples: Samples, rate: int = RATE) -> bytes:
    """Return a WAV of 16 bits."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).round().astype("<i2").tobytes())
    return buffer.getvalue()


def rms(samples: Samples) -> float:
    """Return the root of the mean power."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def quiet(samples: Samples) -> bytes:
    """Return it so quiet that its power is 50 dB below the loudest possible."""
    return wav(samples * np.float32(10 ** (QUIET_DB / 20) / rms(samples)))


def noisy(samples: Samples) -> bytes:
    """Return it with white noise of a tenth of its power."""
    noise = np.random.default_rng(1).standard_normal(len(samples)).astype(np.float32)
    noise *= np.float32(rms(samples) * 10 ** (-SNR_DB / 20))
    half = (samples + noise) * np.float32(0.5)  # so that nothing is cut off
    return wav(half.astype(np.float32))


def telephone(samples: Samples) -> bytes:
    """Return it as a telephone carries it: 300 to 3,400 Hz, 8,000 samples a second, 8 bits on a curve."""
    narrow = band(samples, *TELEPHONE_HZ)[:: RATE // TELEPHONE_RATE]
    curved = np.sign(narrow) * np.log1p(_MU * np.abs(narrow).clip(0, 1)) / np.log1p(_MU)
    steps = np.round(curved * 127) / 127
    carried = np.sign(steps) * np.expm1(np.abs(steps) * np.log1p(_MU)) / _MU
    return wav(np.asarray(carried, dtype=np.float32), TELEPHONE_RATE)


def band(samples: Samples, low: float, high: float) -> Samples:
    """Return only the frequencies between low and high, in Hz."""
    spectrum = np.fft.rfft(samples)
    frequencies = np.fft.rfftfreq(len(samples), 1 / RATE)
    spectrum[(frequencies < low) | (frequencies > high)] = 0
    return np.fft.irfft(spectrum, len(samples)).astype(np.float32)


# --- Without speech: each takes the seconds and a generator.

_Maker = Callable[[npt.NDArray[np.float64], np.random.Generator], npt.NDArray[np.float64]]


def _noise(t: npt.NDArray[np.float64], chance: np.random.Generator) -> npt.NDArray[np.float64]:
    return np.asarray(0.05 * chance.standard_normal(len(t)))


def _pink(t: npt.NDArray[np.float64], chance: np.random.Generator) -> npt.NDArray[np.float64]:
    spectrum = np.fft.rfft(chance.standard_normal(len(t)))
    spectrum /= np.sqrt(np.arange(1, len(spectrum) + 1))
    sound = np.fft.irfft(spectrum, len(t))
    return np.asarray(0.05 * sound / sound.std())


def _fan(t: npt.NDArray[np.float64], chance: np.random.Generator) -> npt.NDArray[np.float64]:
    low = band(chance.standard_normal(len(t)).astype(np.float32), 20, 400).astype(np.float64)
    return np.asarray(0.1 * low / low.std() * (1 + 0.2 * np.sin(2 * np.pi * 1.5 * t)))


def _mains(t: npt.NDArray[np.float64], _chance: np.random.Generator) -> npt.NDArray[np.float64]:
    hum = np.sum([np.sin(2 * np.pi * 50 * n * t) / n for n in (1, 2, 3, 5, 7)], axis=0)
    return np.asarray(0.1 * hum)


def _bursts(
    t: npt.NDArray[np.float64], chance: np.random.Generator, every: float, decay: float
) -> npt.NDArray[np.float64]:
    """Return short noises at random times: `every` seconds on average, dying away within `decay` seconds."""
    starts = np.zeros(len(t))
    count = round(t[-1] / every)
    starts[chance.integers(0, len(t), count)] = chance.uniform(0.3, 1, count)
    shape = np.exp(-t[: round(5 * decay * RATE)] / decay) * chance.standard_normal(round(5 * decay * RATE))
    sound = np.fft.irfft(np.fft.rfft(starts, 2 * len(t)) * np.fft.rfft(shape, 2 * len(t)))[: len(t)]
    return np.asarray(0.5 * sound / np.abs(sound).max())


def _keys(t: npt.NDArray[np.float64], chance: np.random.Generator) -> npt.NDArray[np.float64]:
    return _bursts(t, chance, 0.15, 0.004)


def _knocks(t: npt.NDArray[np.float64], chance: np.random.Generator) -> npt.NDArray[np.float64]:
    return band(_bursts(t, chance, 0.7, 0.03).astype(np.float32), 60, 600).astype(np.float64)


def _applause(t: npt.NDArray[np.float64], chance: np.random.Generator) -> npt.NDArray[np.float64]:
    return band(_bursts(t, chance, 0.005, 0.01).astype(np.float32), 500, 4000).astype(np.float64)


def _breath(t: npt.NDArray[np.float64], chance: np.random.Generator) -> npt.NDArray[np.float64]:
    air = band(chance.standard_normal(len(t)).astype(np.float32), 300, 3000).astype(np.float64)
    return np.asarray(0.05 * air / air.std() * np.clip(np.sin(2 * np.pi * 0.25 * t), 0, 1) ** 2)


def _music(t: npt.NDArray[np.float64], _chance: np.random.Generator) -> npt.NDArray[np.float64]:
    sound = np.zeros(len(t))
    for number, start in enumerate(np.arange(0, t[-1], 0.4)):
        key = 220 * 2 ** ((0, 4, 7, 12, 9, 5, 2, 7)[number % 8] / 12)
        after = np.clip(t - start, 0, None)
        sound += (
            (t >= start)
            * np.exp(-3 * after)
            * sum(np.sin(2 * np.pi * key * n * after) / n for n in (1, 2, 3))
        )
    return np.asarray(0.3 * sound / np.abs(sound).max())


def _ringing(t: npt.NDArray[np.float64], _chance: np.random.Generator) -> npt.NDArray[np.float64]:
    tone = np.sin(2 * np.pi * 440 * t) + np.sin(2 * np.pi * 480 * t)
    return np.asarray(0.2 * tone * (t % 6 < 2))


def _sweep(t: npt.NDArray[np.float64], _chance: np.random.Generator) -> npt.NDArray[np.float64]:
    return np.asarray(0.3 * np.sin(2 * np.pi * (100 * t + 150 * t**2 / 2)))


def _silence(t: npt.NDArray[np.float64], chance: np.random.Generator) -> npt.NDArray[np.float64]:
    return np.asarray(chance.integers(-1, 2, len(t)) / 32767)


_MAKERS: dict[str, _Maker] = {
    "silence": _silence,
    "white noise": _noise,
    "pink noise": _pink,
    "a fan": _fan,
    "mains hum": _mains,
    "keys of a keyboard": _keys,
    "knocks": _knocks,
    "applause": _applause,
    "breath": _breath,
    "music": _music,
    "a telephone that rings": _ringing,
    "a rising tone": _sweep,
}
WITHOUT_SPEECH = tuple(_MAKERS)


def without_speech(name: str) -> Samples:
    """Return 20 s of the sound of this name."""
    t = np.arange(round(SECONDS * RATE)) / RATE
    return _MAKERS[name](t, np.random.default_rng(WITHOUT_SPEECH.index(name))).astype(np.float32)
