"""The best possible schedule for a turnaround whose distribution is known exactly, by dynamic programming.

Ages are taken from a grid, a tenth of the best gap apart and of at most 8000 points. The cost from a poll that found
the job running is the minimum, over the next poll, of: the price of that poll times the probability that the job
still runs, plus the expected lag of what is done before it, plus the cost from there.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate


def best(turnarounds: Sequence[float], c: float) -> list[float]:
    """Return the ages at which to poll, in seconds.

    The turnaround is each of `turnarounds` (sorted, seconds) with equal probability. A poll costs as much as `c`
    seconds of lag.
    """
    n = len(turnarounds)
    first, last = 0.7 * turnarounds[0], 1.02 * turnarounds[-1]
    width = turnarounds[3 * n // 4] - turnarounds[n // 4]
    step = min((last - first) / 300, math.sqrt(2 * c * width) / 10)
    points = min(8000, int((last - first) / step) + 2)
    grid = [0.0, *(first + (last - first) * i / (points - 1) for i in range(points))]
    done = [bisect_right(turnarounds, age) for age in grid]
    sums = list(accumulate(turnarounds, initial=0.0))
    took = [sums[d] for d in done]
    cost, following = [0.0] * len(grid), [len(grid) - 1] * len(grid)
    for i in range(len(grid) - 2, -1, -1):
        if done[i] == n:
            continue
        poll = c * (n - done[i]) / n
        least = math.inf
        for j in range(i + 1, len(grid)):
            value = (grid[j] * (done[j] - done[i]) - (took[j] - took[i])) / n + cost[j]
            if value < least:
                least, following[i] = value, j
            elif i > 0 and value > least + poll:
                break  # Any later poll costs even more.
        cost[i] = least + poll
    ages, at = [], 0
    while done[at] < n:
        at = following[at]
        ages.append(grid[at])
    return ages
