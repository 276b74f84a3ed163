"""The queue of what waits to be sent: meetings take turns, and each meeting's own recordings go in their order.

A row waits in a `Turn`, which is its meeting's (of live speech, of files, of large files). To find the next rows,
only the next turns are read and the first rows of each, so the cost does not grow with the queue. The dispatcher puts
rows into their turns once they are due, and takes them out as it claims them (lifecycle/claims.py).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce

from transcription.models.meetings import Meeting
from transcription.models.transcriptions import Transcription

# A meeting that was never served counts as one that was served so long before its first recording waited. So it is
# next, but not before those that have waited longer for their next turn.
NEVER_SERVED = timedelta(minutes=10)
_NO_END = 2**62  # above every id


@dataclass(frozen=True, slots=True)
class Place:
    """A row that waits. `served_at` is when its meeting was last served, and `turn` the Turn that it waits in."""

    row: int
    meeting: int
    is_file: bool
    served_at: datetime
    turn: int | None = None


class TurnQuerySet(models.QuerySet["Turn"]):
    """Turns, and the rows that wait in them."""

    def next(self, kind: "Turn.Kind", limit: int, pool: str = "") -> "TurnQuerySet":
        """Return the first `limit` turns in which rows wait: the meeting that was served longest ago first."""
        return self.filter(waiting=True, pool=pool, kind=kind).order_by("served_at", "id")[:limit]

    def first_rows(self, turns: Iterable["Turn"], each: int) -> list[Place]:
        """Return the first `each` rows of each of `turns`, in any order."""
        of_turn = Transcription.objects.filter(turn=OuterRef("pk")).order_by("pk").values("pk")
        rows = (
            self.filter(pk__in=[turn.pk for turn in turns])
            .annotate(last=Coalesce(Subquery(of_turn[each - 1 : each]), Value(_NO_END)))
            .filter(rows__pk__lte=F("last"))
        )
        found = rows.values_list("rows__pk", "meeting_id", "kind", "served_at", "pk")
        return [
            Place(row, meeting, kind != Turn.Kind.LIVE, served_at, pk)
            for row, meeting, kind, served_at, pk in found
        ]


class Turn(models.Model):
    """A meeting's turn, for one kind of its recordings: whether any wait, and when the last of them was claimed.

    A meeting's turns of files, large and other ones, share `served_at`: where both wait, they take one turn.
    """

    class Kind(models.TextChoices):
        """What waits in it."""

        LIVE = "live"
        FILE = "file"
        # Larger than STT_HEAVY_BYTES, and to be decoded first.
        LARGE_FILE = "large"

    FILES = (Kind.FILE, Kind.LARGE_FILE)

    # No constraint in the database: a version that does not know this table may delete the meeting. In what is left
    # of it no row waits.
    meeting = models.ForeignKey(Meeting, on_delete=models.CASCADE, related_name="turns", db_constraint=False)
    # The vendor's pool of jobs, where it counts them by model; "" where it does not.
    pool = models.CharField(max_length=60, default="", db_default="")
    kind = models.CharField(max_length=5, choices=Kind.choices)
    # Whether rows may wait in it. If not, none do.
    waiting = models.BooleanField(default=False)
    served_at = models.DateTimeField()

    objects: ClassVar[TurnQuerySet] = TurnQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["meeting", "pool", "kind"], name="turn_once_per_meeting_and_kind")
        ]
        indexes = [
            models.Index(
                fields=["pool", "kind", "served_at", "id"],
                condition=Q(waiting=True),
                name="turn_next",
            )
        ]

    def __str__(self) -> str:
        return f"{self.meeting_id} {self.pool} {self.kind}"


def in_turns(places: Iterable[Place]) -> list[Place]:
    """Order rows: live speech before files, and each in rounds: the first row of each meeting, then the second ones.

    Within a round the meeting that was served longest ago comes first.
    """
    meetings: defaultdict[tuple[bool, int], list[Place]] = defaultdict(list)
    for place in sorted(places, key=lambda place: place.row):
        meetings[place.is_file, place.meeting].append(place)
    rounds = [(number, place) for rows in meetings.values() for number, place in enumerate(rows)]
    rounds.sort(key=lambda each: (each[1].is_file, each[0], each[1].served_at, each[1].row))
    return [place for _, place in rounds]


def next_rows(turns: list[Turn], limit: int) -> list[Place]:
    """Return the first `limit` rows that wait in these turns, as `in_turns` orders them."""
    if not turns:
        return []
    each = 1 + limit // len({turn.meeting_id for turn in turns})
    while True:
        places = Turn.objects.first_rows(turns, each)
        # Where some have few rows, others give more.
        if len(places) >= limit or each >= limit or len(places) < each:
            return in_turns(places)[:limit]
        each = limit
