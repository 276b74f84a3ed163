"""The gate's history by episode: from a closing to the opening that ends it."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Count

from transcription.models import GateEvent

Kind = GateEvent.Kind


@dataclass(slots=True)
class Episode:
    """One episode.

    Either end may be missing, because its writer died or because the history does not go back so far.
    """

    number: int
    pool: str = ""
    closed: GateEvent | None = None
    opened: GateEvent | None = None
    # How often the next try, the reason or the lane changed in between, by reason.
    moves: Counter[str] = field(default_factory=Counter)

    @property
    def begins(self) -> GateEvent | None:
        """The earliest event known of it: its closing, or else its opening."""
        return self.closed or self.opened

    @property
    def reasons(self) -> list[str]:
        """All reasons for which it was closed, the first one first."""
        first = [self.closed.reason] if self.closed else []
        return first + [reason for reason in self.moves if reason not in first]

    def lasted(self, now: datetime) -> timedelta | None:
        """Return how long it lasted, up to `now` if it has not ended. None if its beginning is unknown."""
        if self.closed is None:
            return None
        return (self.opened.at if self.opened else now) - self.closed.at


def latest(vendor: str, limit: int) -> list[Episode]:
    """Return at most `limit` episodes of a vendor's gate, newest first. Makes two queries."""
    rows = GateEvent.objects.filter(vendor=vendor)
    ends = rows.exclude(kind=Kind.MOVED).select_related("transcription__recording", "user")
    found: list[Episode] = []
    by_number: dict[tuple[str, int], Episode] = {}
    for event in ends.order_by("-at", "-id")[: 2 * limit]:
        episode = by_number.get((event.pool, event.episode))
        # The newest come first, so an opening precedes its own closing, and a closing completes its episode. If the
        # number comes again after that, Redis had lost its state and the gate counted from 1 again.
        if episode is None or episode.closed is not None:
            episode = by_number[event.pool, event.episode] = Episode(event.episode, event.pool)
            found.append(episode)
        if event.kind == Kind.CLOSED:
            episode.closed = event
        else:
            episode.opened = event
    found = found[:limit]
    _add_moves(vendor, found)
    return found


def _add_moves(vendor: str, episodes: list[Episode]) -> None:
    starts = [episode.begins.at for episode in episodes if episode.begins]
    if not starts:
        return
    moved = GateEvent.objects.filter(vendor=vendor, kind=Kind.MOVED, at__gte=min(starts))
    by_number = {(episode.pool, episode.number): episode for episode in reversed(episodes)}
    for pool, number, reason, times in (
        moved.order_by().values_list("pool", "episode", "reason").annotate(times=Count("pk"))
    ):
        if (pool, number) in by_number:
            by_number[pool, number].moves[reason] += times
