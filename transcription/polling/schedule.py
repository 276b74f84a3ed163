"""The poll schedule: the age at which to poll a job next (docs/polling.md). All times are in seconds.

Let h(t) be the hazard: the probability per second that a job that still runs at age t is done in the next moment. If
one poll costs as much as c seconds of lag, the best density of polls is √(h(t) / 2c) a second (Barlow, Hunter,
Proschan 1963; Keller 1974).
"""

from bisect import bisect_left, bisect_right

from transcription.polling.turnaround import EDGES, Turnaround

# Lowest price of a poll, in seconds of lag. A lower one would poll a file of hours a thousand times to save a second.
LEAST_PRICE = 0.005
# By any age a job has had at most this many polls more than the vendor's advice would have made. That is enough for
# a short clip.
SPARE_POLLS = 4
# The first poll varies by this much either way, in polls, so that jobs accepted together are not polled together, and
# the history also shows what lies before the usual first poll.
SCATTER = 0.15
# No poll is later than the age by which this part of the jobs that run now is done. The density assumes that the
# hazard hardly changes within a gap. With a steady vendor it changes a lot, and the next poll would come far too
# late.
ALMOST_ALL = 0.85
GOLDEN = 0.6180339887498949


def price(mean_s: float, advice_s: float, worth_s: float) -> float:
    """Return the price of a poll in seconds of lag, for a job with this mean turnaround.

    It is the c at which the vendor's advice is right for a job of which only the mean is known: the best gap is then
    √(2c · mean), and the vendor advises `advice_s`. The price is at least LEAST_PRICE and at most `worth_s`.
    """
    return max(LEAST_PRICE, min(worth_s, advice_s**2 / (2 * mean_s)))


def next_poll(
    turnaround: Turnaround,
    audio_s: float,
    *,
    age_s: float,
    polls: int,
    advice_s: float,
    worth_s: float,
    number: int,
) -> float:
    """Return the age at which to poll a job next. Ages count from the vendor's acceptance.

    The job was found running by `polls` polls, the last of them at `age_s`. `advice_s` is the interval that the
    vendor advises, `worth_s` the highest price of a poll in seconds of lag. `number` scatters the first poll; jobs
    with successive numbers are spread evenly.
    """
    polls_ahead = 1.0 if polls else 1 - SCATTER + 2 * SCATTER * (number * GOLDEN % 1)
    scale = turnaround.scale(audio_s)
    c = price(turnaround.mean(audio_s), advice_s, worth_s)
    target = _integral(turnaround, age_s / scale) + polls_ahead * (2 * c / scale) ** 0.5
    planned = min(scale * _inverse(turnaround, target), age_s + turnaround.left(audio_s, age_s, ALMOST_ALL))
    if planned <= age_s:  # beyond the last bin
        planned = age_s + max(advice_s, (2 * c * age_s) ** 0.5)
    return max(planned, advice_s * (polls + 1 - SPARE_POLLS))


def rate(gap_s: float) -> float:
    """Return the polls/s that a job with this gap asks of the shared budget.

    At most one: after a short gap the job is mostly done, so no second poll follows at that rate.
    """
    return 1 / max(gap_s, 1.0)


def stretched(gap_s: float, asked: float, budget: float) -> float:
    """Return the gap stretched to the shared budget.

    `asked` is the sum of the polls/s that all running jobs ask for, `budget` the polls/s of the account. All gaps
    grow by the same factor, which is a higher price of a poll for every job.
    """
    return gap_s * max(1.0, asked / budget)


def _integral(turnaround: Turnaround, t: float) -> float:
    """Return ∫√h from 0 to `t`, for audio of the reference length."""
    at = bisect_right(EDGES, t) - 1
    if at < 0:
        return 0.0
    roots = turnaround.root_hazard
    if at >= len(EDGES) - 1:
        return roots[-1]
    return roots[at] + (t - EDGES[at]) / (EDGES[at + 1] - EDGES[at]) * (roots[at + 1] - roots[at])


def _inverse(turnaround: Turnaround, value: float) -> float:
    """Return the t at which ∫√h reaches `value`, or 0 if it never does."""
    roots = turnaround.root_hazard
    at = bisect_left(roots, value)
    if at >= len(roots):
        return 0.0
    if at == 0:
        return EDGES[0]
    part = (value - roots[at - 1]) / (roots[at] - roots[at - 1])
    return EDGES[at - 1] + part * (EDGES[at] - EDGES[at - 1])
