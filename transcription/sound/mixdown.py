"""Mixes channels, or tracks, down to one in which every voice can be heard.

A plain mean is silent where two channels are in opposite phase, and leaves an eighth of a voice that is on one of
eight channels. So each channel is weighted by its share of the level of the moment, as automatic microphone mixers
do (Dugan, "Automatic Microphone Mixing", AES Journal 23, 1975), and turned over if it mirrors the loudest one. The
weights sum to one, so nothing clips, and equal channels stay as loud as they are.
"""

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

# In samples: the weights are decided for each block, and change over the first samples of it.
BLOCK = 4000
_FADE = 320
# Part of the level and of the correlation that is kept from one block to the next.
_KEPT = 0.5
# A channel counts as mirrored, or as no longer mirrored, beyond this correlation with the loudest one.
_MIRRORED = 0.5


class Mixdown:
    """Mixes blocks of a fixed number of channels, one after the other.

    `odd` tells, after that, whether a plain mean of the channels would have lost a good part of what was heard.
    """

    def __init__(self, channels: int) -> None:
        self._levels = np.zeros(channels)
        self._products = np.zeros((channels, channels))
        self._signs = np.ones(channels)
        self._weights: NDArray[np.float64] | None = None
        self._mean_power = self._mixed_power = 0.0

    def mix(self, block: Samples) -> Samples:
        """Return one channel for a block of shape (channels, samples); the last block may be shorter."""
        if len(block) == 1:
            return np.asarray(block[0], np.float32)
        products = (block @ block.T).astype(float) / max(1, block.shape[1])
        self._products = _KEPT * self._products + (1 - _KEPT) * products
        self._levels = np.maximum(np.sqrt(np.diag(products)), _KEPT * self._levels)
        self._turn()
        total = self._levels.sum()
        weights = self._signs * self._levels / total if total > 0 else np.full(len(block), 1 / len(block))
        mixed = self._faded(block, weights)
        self._mixed_power += float(np.square(mixed).sum())
        self._mean_power += float(np.square(block.mean(axis=0)).sum())
        return mixed

    @property
    def odd(self) -> bool:
        """Whether the plain mean has less than a tenth of the power of the mix."""
        return self._mean_power < 0.1 * self._mixed_power

    def _turn(self) -> None:
        """Decide which channels are turned over: those that mirror the loudest one."""
        power = np.diag(self._products)
        loudest = int(power.argmax())
        scale = np.sqrt(power * power[loudest])
        likeness = np.divide(self._products[loudest], scale, out=np.zeros(len(power)), where=scale > 0)
        sure = np.abs(likeness) > _MIRRORED
        self._signs = np.where(sure, np.sign(likeness) * self._signs[loudest], self._signs)

    def _faded(self, block: Samples, weights: NDArray[np.float64]) -> Samples:
        before = weights if self._weights is None else self._weights
        self._weights = weights
        mixed = weights.astype(np.float32) @ block
        fade = min(_FADE, block.shape[1])
        ramp = np.linspace(0, 1, fade, endpoint=False, dtype=np.float32)
        old = before.astype(np.float32) @ block[:, :fade]
        mixed[:fade] = ramp * mixed[:fade] + (1 - ramp) * old
        return mixed.astype(np.float32, copy=False)
