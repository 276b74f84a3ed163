"""The gate's history as people think of it: from a closing to the opening that ends it."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Count

from transcription.models import GateEvent

Kind = GateEvent.Kind


@dataclass(slots=True)
class Episode:
    """One of them. Either end may be missing: whoever wrote it died, or the history does not go back so far."""

    number: int
    closed: GateEvent | None = None
    opened: GateEvent | None = None
    # How often the next try, the reason or the lane became another in between, by reason.
    moves: Counter[str] = field(default_factory=Counter)

    @property
    def begins(self) -> GateEvent | None:
        """What it is known from: its beginning, else its end."""
        return self.closed or self.opened

    @property
    def reasons(self) -> list[str]:
        """All that it was closed for, the first one first."""
        first = [self.closed.reason] if self.closed else []
        return first + [reason for reason in self.moves if reason not in first]

    def lasted(self, now: datetime) -> timedelta | None:
        """How long, to `now` while there is no end. None: the beginning is not known."""
        if self.closed is None:
            return None
        return (self.opened.at if self.opened else now) - self.closed.at


def latest(vendor: str, limit: int) -> list[Episode]:
    """The newest episodes of a vendor's gate, at most `limit`, the newest first. Two queries."""
    rows = GateEvent.objects.filter(vendor=vendor)
    ends = rows.exclude(kind=Kind.MOVED).select_related("transcription__recording", "user")
    found: list[Episode] = []
    by_number: dict[int, Episode] = {}
    for event in ends.order_by("-at", "-id")[: 2 * limit]:
        episode = by_number.get(event.episode)
        # A number that has what this event is already: Redis lost its state, and the gate counts from 1 again.
        # An opening stands before its own closing here, so a closing that is known ends what belongs to it.
        if episode is None or episode.closed is not None:
            episode = by_number[event.episode] = Episode(event.episode)
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
    by_number = {episode.number: episode for episode in reversed(episodes)}
    for number, reason, times in (
        moved.order_by().values_list("episode", "reason").annotate(times=Count("pk"))
    ):
        if number in by_number:
            by_number[number].moves[reason] += times
