"""Where the speech has to lie, for each shape of a file."""

import numpy as np

from tests.corpus.material import RATE, Made, Samples


def expected_of(made: Made, sound: Samples) -> Samples:
    """Return what has to be heard of `sound` in a file that was made so."""

    def silence(seconds: float) -> Samples:
        return np.zeros(round(seconds * RATE), np.float32)

    if not made.gap_s:
        return np.concatenate([silence(made.late_s), sound])
    middle = len(sound) // 2
    return np.concatenate([silence(made.late_s), sound[:middle], silence(made.gap_s), sound[middle:]])
