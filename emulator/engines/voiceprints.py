"""What a voice sounds like, as a vector: two stretches of the same voice give vectors in nearly the same direction.

The network is the voice encoder of Resemblyzer (https://github.com/resemble-ai/Resemblyzer, Apache-2.0): three
layers of LSTM that read 1.6 s of sound, after Wan et al., "Generalized End-to-End Loss for Speaker Verification",
2018. It is small enough for numpy, so that the package, which wants PyTorch, librosa and scipy, lends only the file
of its weights.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from .pieces import RATE, Samples
from .weights import WeightsError, damaged, sha256

Array = npt.NDArray[np.float32]

_PACKAGE: Final = "resemblyzer"
_FILE: Final = "pretrained.pt"
_SHA256: Final = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"
# Where the file with this hash has its numbers, in bytes: little-endian floats of 4 bytes, one array after the other.
# It is a pickle, which could run any code; so it is not read as one.
_LSTM_AT: Final = 269_883
_LINEAR_BIAS_AT: Final = 6_699
_LINEAR_WEIGHT_AT: Final = 7_731

# resemblyzer/hparams.py, and how audio.py calls librosa
_BANDS: Final = 40
_FRAME: Final = 400  # samples, 25 ms
_STEP: Final = 160  # samples, 10 ms
_WINDOW: Final = 160  # frames, 1.6 s
# Every utterance is made as loud as this, as the root of its mean square. Resemblyzer only makes quiet sound louder,
# so that its vectors depend on how near a microphone is.
_LEVEL: Final = 10 ** (-26 / 20)
_UNITS: Final = 256
_LAYERS: Final = 3
# From one window to the next within an utterance, in frames.
_HOP: Final = 160
# What is left of an utterance after its last window is looked at too if it is so long, in frames.
_REST: Final = 80
# Less sound than this is no voice, in seconds.
_SHORTEST_SECONDS: Final = 0.2
_DIGITS: Final = 3


def find() -> Path | None:
    """Return the file of the weights, or None if its package is not installed.

    Raises WeightsError if the file is not the one that was published.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / _FILE
    try:
        whole = sha256(path) == _SHA256
    except OSError as error:
        raise WeightsError(damaged(str(path))) from error
    if not whole:
        raise WeightsError(damaged(str(path)))
    return path


class _Layer(NamedTuple):
    """inputs (in, 4 x units), memory (units, 4 x units) and bias of the gates: input, forget, cell, output."""

    inputs: Array
    memory: Array
    bias: Array


class VoiceEncoder:
    """path: the file that `find` returned."""

    def __init__(self, path: Path) -> None:
        content = path.read_bytes()
        gates = 4 * _UNITS
        widths = [_BANDS, *[_UNITS] * (_LAYERS - 1)]
        weights = [shape for width in widths for shape in ((gates, width), (gates, _UNITS))]
        arrays = list(_arrays(content, _LSTM_AT, [*weights, *[(gates,)] * (2 * _LAYERS)]))
        biases = arrays[2 * _LAYERS :]
        self._layers = [
            _Layer(
                np.ascontiguousarray(arrays[2 * n].T),
                np.ascontiguousarray(arrays[2 * n + 1].T),
                biases[2 * n] + biases[2 * n + 1],
            )
            for n in range(_LAYERS)
        ]
        (weight,) = _arrays(content, _LINEAR_WEIGHT_AT, [(_UNITS, _UNITS)])
        (self._linear_bias,) = _arrays(content, _LINEAR_BIAS_AT, [(_UNITS,)])
        self._linear = np.ascontiguousarray(weight.T)

    def voices(self, samples: Samples, spans: Sequence[tuple[float, float]]) -> list[list[float]]:
        """Return a vector for each span (from, until, in seconds) of 16 kHz samples, which is empty without a voice.

        Its direction is the voice, its length the seconds that were heard.
        """
        windows: list[Array] = []
        found: list[tuple[float, slice]] = []
        for start, end in spans:
            sound = samples[max(round(start * RATE), 0) : round(end * RATE)]
            own = list(_windows(sound))
            found.append((len(sound) / RATE, slice(len(windows), len(windows) + len(own))))
            windows += own
        if not windows:
            return [[] for _ in spans]
        prints = self._encode(np.stack(windows))
        vectors = []
        for seconds, own_ in found:
            vector = prints[own_].sum(axis=0)
            length = float(np.linalg.norm(vector))
            vectors.append([round(float(x) * seconds / length, _DIGITS) for x in vector] if length else [])
        return vectors

    def _encode(self, batch: Array) -> Array:
        """Return a unit vector (count, units) for each window (count, frames, bands)."""
        values = batch.transpose(1, 0, 2)
        for layer in self._layers:
            values = _lstm(values, layer)
        raw = np.maximum(values[-1] @ self._linear + self._linear_bias, 0)
        prints: Array = raw / np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), 1e-9)
        return prints


def _arrays(content: bytes, at: int, shapes: Iterable[tuple[int, ...]]) -> Iterable[Array]:
    for shape in shapes:
        count = int(np.prod(shape))
        yield np.frombuffer(content, "<f4", count, at).reshape(shape)
        at += 4 * count


def _lstm(values: Array, layer: _Layer) -> Array:
    """Return the layer's outputs (frames, count, units) for its inputs (frames, count, in)."""
    frames, count, width = values.shape
    given = (values.reshape(-1, width) @ layer.inputs + layer.bias).reshape(frames, count, -1)
    outputs = np.empty((frames, count, _UNITS), dtype=np.float32)
    out: Array = np.zeros((count, _UNITS), dtype=np.float32)
    cell: Array = out.copy()
    for now, inputs in zip(outputs, given, strict=True):
        gates = inputs + out @ layer.memory
        into, keep, cells, shown = np.split(gates, 4, axis=1)
        cell = _logistic(keep) * cell + _logistic(into) * np.tanh(cells)
        out = _logistic(shown) * np.tanh(cell)
        now[:] = out
    return outputs


def _logistic(values: Array) -> Array:
    # As the hyperbolic tangent, which does not overflow.
    result: Array = np.float32(0.5) * (np.tanh(np.float32(0.5) * values) + np.float32(1))
    return result


def _windows(sound: Samples) -> Iterable[Array]:
    """Yield the windows (frames, bands) of an utterance. One that is shorter than a window is followed by zeros."""
    level = float(np.sqrt(np.mean(np.square(sound)))) if len(sound) else 0.0
    if len(sound) < _SHORTEST_SECONDS * RATE or not level:
        return
    bands = _mel(sound * np.float32(_LEVEL / level))
    if len(bands) < _WINDOW:
        yield np.pad(bands, ((0, _WINDOW - len(bands)), (0, 0)))
        return
    starts = list(range(0, len(bands) - _WINDOW + 1, _HOP))
    if len(bands) - (starts[-1] + _WINDOW) >= _REST:
        starts.append(len(bands) - _WINDOW)
    for start in starts:
        yield bands[start : start + _WINDOW]


def _mel(sound: Samples) -> Array:
    """Return the power in each mel band (frames, bands), as librosa.feature.melspectrogram does."""
    padded = np.pad(sound, _FRAME // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::_STEP]
    power = np.square(np.abs(np.fft.rfft(frames * _HANN, axis=1)))
    bands: Array = (power @ _FILTERS).astype(np.float32)
    return bands


def _filters() -> npt.NDArray[np.float64]:
    """Return librosa's triangular filters (frequencies, bands): on Slaney's mel scale, all of the same area."""
    # Slaney's scale: 3 mel in 200 Hz up to 1 kHz, and from there on 27 mel for each factor of 6.4.
    top = 15 + 27 * np.log(RATE / 2 / 1000) / np.log(6.4)
    mels = np.linspace(0, top, _BANDS + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(np.log(6.4) / 27 * (mels - 15)))
    frequencies = np.linspace(0, RATE / 2, _FRAME // 2 + 1)[:, None]
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (frequencies - low) / (middle - low), (high - frequencies) / (high - middle)
    triangles: npt.NDArray[np.float64] = np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)
    return triangles


_HANN: Final = np.hanning(_FRAME + 1)[:-1]
_FILTERS: Final = _filters()
