"""When to ask again: the poll schedule, and the pauses after errors. All in seconds."""

from django.conf import settings

# A live clip of a few seconds is done within a second or two: ask early, then less and less often.
FIRST_POLL = 0.7
GROWTH = 1.5


def first_poll_in(advice_s: float) -> float:
    """From the vendor's acceptance of a job to the first poll. Never later than the vendor's own advice."""
    return min(FIRST_POLL, advice_s)


def next_poll_in(age_s: float, advice_s: float) -> float:
    """From a poll that found the job `age_s` old and running to the next one.

    The gaps grow with the age, up to the vendor's advice, and for jobs of hours to a hundredth of their age.
    """
    return max(FIRST_POLL, min(age_s * (GROWTH - 1), advice_s), age_s / 100)


def retry_in(attempts: int) -> float:
    """The pause after the `attempts`-th vendor error in a row (1 is the first)."""
    pause: float = settings.STT_RETRY_FIRST_SECONDS * 2 ** (attempts - 1)
    return min(pause, settings.STT_RETRY_LONGEST_SECONDS)
