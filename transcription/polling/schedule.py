"""When to ask again: the poll schedule (docs/polling.md). All in seconds.

Polls stand as close together as is worth their price: at a hazard h(t) of the job's being done, and with a poll
worth c seconds of lag, the best density is √(h(t) / 2c) polls a second (Barlow, Hunter, Proschan 1963; Keller 1974).
"""

from bisect import bisect_left, bisect_right

from transcription.polling.turnaround import EDGES, Turnaround

# s. Below this price a file of hours would be polled a thousand times for a second or two.
LEAST_PRICE = 0.005
# Polls that a job may have had more than the vendor's advice would have made by its age: a short clip's.
SPARE_POLLS = 4
# The first poll's place varies by this much either way, in polls. Jobs that came together are not polled together,
# and a history that was always asked at the same age would never learn what lies before it.
SCATTER = 0.15
# That density holds where polls are close together for what is known. Where it is known more exactly than that, it
# would go on into what is only doubt: to wait until more than this part of what is left is done is lag, and no more.
ALMOST_ALL = 0.85
GOLDEN = 0.6180339887498949


def price(mean_s: float, advice_s: float, worth_s: float) -> float:
    """How many seconds of lag a poll is worth, for a job with this mean turnaround; at most `worth_s`.

    Who knows nothing but the mean would poll every √(2c · mean); the vendor advises `advice_s`. So that is the c at
    which its advice is right, and what more is known makes the polls fewer and the lag shorter alike.
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
    """The age, from the vendor's acceptance, at which to poll next a job that was found running `polls` times,
    last at `age_s`. `number` is any number of its own (the row's): jobs with successive ones are spread evenly."""
    polls_ahead = 1.0 if polls else 1 - SCATTER + 2 * SCATTER * (number * GOLDEN % 1)
    scale = turnaround.scale(audio_s)
    c = price(turnaround.mean(audio_s), advice_s, worth_s)
    target = _integral(turnaround, age_s / scale) + polls_ahead * (2 * c / scale) ** 0.5
    planned = min(scale * _inverse(turnaround, target), age_s + turnaround.left(audio_s, age_s, ALMOST_ALL))
    if planned <= age_s:  # older than anything that can be known
        planned = age_s + max(advice_s, (2 * c * age_s) ** 0.5)
    return max(planned, advice_s * (polls + 1 - SPARE_POLLS))


def rate(gap_s: float) -> float:
    """The polls/s that a job asks of the shared budget by polling next after this gap. Of a second, it is one poll
    at the most: one that follows closely is rarely followed by another."""
    return 1 / max(gap_s, 1.0)


def stretched(gap_s: float, asked: float, budget: float) -> float:
    """A gap as the shared budget lets it be: `asked` is what all running jobs would make of polls/s, `budget` what
    the account has. All are stretched alike, which is a higher price of a poll for everyone."""
    return gap_s * max(1.0, asked / budget)


def _integral(turnaround: Turnaround, t: float) -> float:
    """∫√h from 0 to `t`, both at the reference."""
    at = bisect_right(EDGES, t) - 1
    if at < 0:
        return 0.0
    roots = turnaround.root_hazard
    if at >= len(EDGES) - 1:
        return roots[-1]
    return roots[at] + (t - EDGES[at]) / (EDGES[at + 1] - EDGES[at]) * (roots[at + 1] - roots[at])


def _inverse(turnaround: Turnaround, value: float) -> float:
    """The t at which ∫√h reaches `value`; 0 where it never does."""
    roots = turnaround.root_hazard
    at = bisect_left(roots, value)
    if at >= len(roots):
        return 0.0
    if at == 0:
        return EDGES[0]
    part = (value - roots[at - 1]) / (roots[at] - roots[at - 1])
    return EDGES[at - 1] + part * (EDGES[at] - EDGES[at - 1])
