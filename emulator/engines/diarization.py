"""Who said what: utterances whose voices are alike are one speaker's. Pure: vectors in, numbers out.

A vector's direction is a voice and its length the seconds that were heard (voiceprints.py), so a sum of vectors is
the voice of all of them together, in which long utterances count for more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

# The mean cosine between two groups of utterances, from which on they are the same speaker's.
_SAME: Final = 0.7
# Less is no voice, in seconds.
_HEARD: Final = 0.05
# A shorter utterance tells too little to found a group, in seconds.
_TELLING: Final = 1.5
# A group with less speech than this is no speaker of its own, when their number is guessed, in seconds.
_SPEAKER: Final = 2.0
# When the number is given, a group should have this share of the speech to be one of them.
_SHARE: Final = 0.03


class _Merge(NamedTuple):
    """Two groups that become one, by the number of one member each, and how alike they are."""

    alike: float
    one: int
    other: int


def speakers(voices: Sequence[Sequence[float]], count: int) -> list[int]:
    """Return a speaker for each utterance, numbered in the order of speaking.

    voices: a vector for each, empty if there was no voice; count: how many speakers there are, 0 to guess.
    """
    heard = [number for number, voice in enumerate(voices) if math.hypot(*voice) >= _HEARD]
    if count == 1 or not heard:
        return [0] * len(voices)
    vectors = np.array([voices[number] for number in heard], dtype=np.float64)
    seconds = np.linalg.norm(vectors, axis=1)
    telling = np.flatnonzero(seconds >= _TELLING)
    if len(telling) < max(count, 1):
        telling = np.arange(len(heard))
    groups = _groups(vectors[telling], count)
    labels = _nearest(vectors, np.array([vectors[telling[group]].sum(axis=0) for group in groups]))
    for label, group in enumerate(groups):
        labels[telling[group]] = label
    return _numbered(dict(zip(heard, labels.tolist(), strict=True)), len(voices))


def _groups(vectors: Array, count: int) -> list[list[int]]:
    """Return the members of each speaker's group; of the smallest groups, those that are nobody's are left out."""
    seconds = np.linalg.norm(vectors, axis=1)
    merges = sorted(_merges(vectors), reverse=True)
    if not count:
        groups = _cut(len(vectors), [merge for merge in merges if merge.alike >= _SAME])
        large = [group for group in groups if seconds[group].sum() >= _SPEAKER]
        return large or [max(groups, key=lambda group: float(seconds[group].sum()))]
    # The coarsest cut with so many groups that are more than a cough.
    for wanted in range(count, len(vectors) + 1):
        groups = _cut(len(vectors), merges[: len(vectors) - wanted])
        large = [group for group in groups if seconds[group].sum() >= _SHARE * seconds.sum()]
        if len(large) == count:
            return large
    return _cut(len(vectors), merges[: max(len(vectors) - count, 0)])


def _merges(vectors: Array) -> list[_Merge]:
    """Join the two groups that are most alike until one is left (average linkage), in any order.

    By chains of nearest neighbours, which takes the square of the number of vectors: Murtagh, "A Survey of Recent
    Advances in Hierarchical Clustering Algorithms", 1983.
    """
    sums = vectors.copy()
    weights = np.linalg.norm(vectors, axis=1)
    alive = np.ones(len(vectors), dtype=bool)
    merges: list[_Merge] = []
    chain: list[int] = []
    while len(merges) < len(vectors) - 1:
        if not chain:
            chain.append(int(np.flatnonzero(alive)[0]))
        last = chain[-1]
        alike = np.where(alive, sums @ sums[last] / (weights * weights[last]), -np.inf)
        alike[last] = -np.inf
        best = int(alike.argmax())
        if len(chain) > 1 and alike[chain[-2]] >= alike[best]:  # the nearest of each other
            best = chain[-2]
            del chain[-2:]
            merges.append(_Merge(float(alike[best]), last, best))
            sums[best] += sums[last]
            weights[best] += weights[last]
            alive[last] = False
        else:
            chain.append(best)
    return merges


def _cut(size: int, merges: Sequence[_Merge]) -> list[list[int]]:
    """Return the groups after these merges."""
    parent = list(range(size))

    def root(member: int) -> int:
        while parent[member] != member:
            member = parent[member]
        return member

    for merge in merges:
        parent[root(merge.one)] = root(merge.other)
    groups: dict[int, list[int]] = {}
    for member in range(size):
        groups.setdefault(root(member), []).append(member)
    return list(groups.values())


def _nearest(vectors: Array, centres: Array) -> npt.NDArray[np.intp]:
    """Return the number of the centre in whose direction each vector points most."""
    nearest: npt.NDArray[np.intp] = (
        vectors @ (centres / np.linalg.norm(centres, axis=1, keepdims=True)).T
    ).argmax(axis=1)
    return nearest


def _numbered(labels: dict[int, int], size: int) -> list[int]:
    """Number the labels in the order in which they speak. Who has none speaks on after the one before."""
    order: dict[int, int] = {}
    last = labels[min(labels)]
    found = []
    for number in range(size):
        last = labels.get(number, last)
        found.append(order.setdefault(last, len(order)))
    return found
