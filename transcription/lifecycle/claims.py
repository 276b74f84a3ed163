"""What is claimed next: due rows come into their meetings' turns, and are claimed from there.

A claim is a compare-and-set that moves `next_action_at` forward by the length of a lease. Any number of dispatchers
may therefore run. No query here reads more than it claims and what is under way, however long the queue is.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When

from transcription.gate import Purpose
from transcription.lifecycle.lease import lease_length
from transcription.models import Place, Recording, Transcription, TranscriptionQuerySet, Turn
from transcription.models.flushing import may_be_lost
from transcription.models.turns import NEVER_SERVED, next_rows
from transcription.service.accounts import file_slots, pool_of, pools_of

Status = Transcription.Status

STATUSES = {
    Purpose.POLL: (Status.PROCESSING,),
    Purpose.SUBMIT: (Status.QUEUED, Status.SUBMITTING),
}
# Most rows that one look puts into their turns.
AT_ONCE = 1000

# A turn: its meeting, its pool and its kind.
Key = tuple[int, str, Turn.Kind]


@dataclass(frozen=True)
class Claim:
    """A row that is claimed until its lease runs out. Its job may begin only with `number` (lease.py)."""

    transcription_id: int
    number: int
    purpose: Purpose
    is_file: bool = False  # of a submit


def due(purpose: Purpose, now: datetime) -> TranscriptionQuerySet:
    """Return the rows that are due at `now`."""
    return Transcription.objects.filter(status__in=STATUSES[purpose], next_action_at__lte=now)


def claim(
    purpose: Purpose, now: datetime, limit: int, cap: int | None = None, pool: str | None = None
) -> list[Claim]:
    """Claim at most `limit` of the rows that are due at `now`. Two dispatchers never claim the same row.

    Polls are ordered by due time, submits as `in_turns` says. `cap`: how many jobs the vendor takes at once, None if
    that is not known. `pool`: of which of its pools submits are claimed, by default of its first one; the cap is that
    pool's.
    """
    if pool is None:
        pool = pools_of(settings.STT_VENDOR)[0]
    if purpose is Purpose.SUBMIT:
        # Also while the gate is closed: when it opens, everything that waits has its place.
        let_in(now)
    if limit <= 0:
        return []
    if purpose is Purpose.SUBMIT:
        return _claim_submits(now, limit, cap, pool)
    rows = list(due(purpose, now).order_by("next_action_at").values_list("pk", flat=True)[:limit])
    if not rows:
        return []
    with may_be_lost(), transaction.atomic():
        ours = _take(purpose, now, rows)
    return [Claim(row, ours[row], purpose) for row in rows if row in ours]


def _take(purpose: Purpose, now: datetime, rows: Sequence[int]) -> dict[int, int]:
    """Claim these rows, in a transaction. Return the claims' numbers of those that were still due."""
    # In one order and not waiting for locks, so that two dispatchers never wait for each other.
    free = due(purpose, now).filter(pk__in=rows).order_by("pk").select_for_update(skip_locked=True)
    ours = dict(free.values_list("pk", "claim"))
    Transcription.objects.filter(pk__in=ours).update(
        claim=F("claim") + 1, next_action_at=now + lease_length(), turn=None
    )
    return {row: number + 1 for row, number in ours.items()}


# --- Submits: into the turns ------------------------------------------------------------------------


def let_in(now: datetime) -> None:
    """Put rows that have come due into their meetings' turns, at most AT_ONCE.

    Put in are new rows, whichever version wrote them; those that come back after an error, a refusal or a pause;
    and those whose worker died.
    """
    new = due(Purpose.SUBMIT, now).filter(turn__isnull=True)
    found = list(new.values_list("pk", "recording_id", "vendor", "language")[:AT_ONCE])
    if not found:
        return
    # Apart, and not joined: PostgreSQL takes most of what waits for newly due, and would read all recordings for it.
    recordings = Recording.objects.in_bulk([recording for _, recording, *_ in found])
    pools = pools_of(settings.STT_VENDOR)
    rows: defaultdict[Key, list[int]] = defaultdict(list)
    for pk, recording_id, vendor, language in found:
        recording = recordings.get(recording_id)
        if recording is None:
            continue  # deleted just now
        # Not the row's own: the version before wrote none. Of a vendor that is not configured any more: any pool.
        pool = of_language if (of_language := pool_of(vendor, language)) in pools else pools[0]
        rows[recording.meeting_id, pool, _kind(recording)].append(pk)
    with may_be_lost(), transaction.atomic():
        turns = _turns(rows, now)
        # First the turns, which locks them, and then their rows: `_clear` sees either these rows or no flag to clear.
        Turn.objects.filter(pk__in=turns.values()).update(waiting=True)
        turn_of = Case(*(When(pk__in=pks, then=Value(turns[key])) for key, pks in rows.items()))
        new.filter(pk__in=[pk for pks in rows.values() for pk in pks]).update(turn=turn_of)


def _kind(recording: Recording) -> Turn.Kind:
    if recording.kind != Recording.Kind.UPLOAD:
        return Turn.Kind.LIVE
    large = recording.prepared_at is None and recording.size_bytes > settings.STT_HEAVY_BYTES
    return Turn.Kind.LARGE_FILE if large else Turn.Kind.FILE


def _turns(keys: Iterable[Key], now: datetime) -> dict[Key, int]:
    """Return the ids of the turns. Those that do not exist yet are created."""
    wanted = set(keys)

    def known() -> dict[Key, Turn]:
        turns = Turn.objects.filter(meeting__in={meeting for meeting, *_ in wanted})
        return {(turn.meeting_id, turn.pool, Turn.Kind(turn.kind)): turn for turn in turns}

    found = known()
    if missing := sorted(wanted - found.keys()):
        served = {
            (meeting, pool, kind != Turn.Kind.LIVE): turn.served_at
            for (meeting, pool, kind), turn in found.items()
        }
        new = [
            Turn(
                meeting_id=meeting,
                pool=pool,
                kind=kind,
                served_at=served.get((meeting, pool, kind != Turn.Kind.LIVE), now - NEVER_SERVED),
            )
            for meeting, pool, kind in missing
        ]
        Turn.objects.bulk_create(new, ignore_conflicts=True)  # another dispatcher may have created one
        found = known()
    return {key: found[key].pk for key in wanted}


def let_out() -> None:
    """Take out of their turns what waits in a pool that the vendor has no more; `let_in` finds its new one.

    So rows go on when the settings have another account, or the adapter other pools.
    """
    strange = Turn.objects.filter(waiting=True).exclude(pool__in=pools_of(settings.STT_VENDOR))
    for turn in strange:
        Transcription.objects.filter(turn=turn).update(turn=None)
        _clear([turn.pk])


# --- Submits: out of the turns ----------------------------------------------------------------------


def _claim_submits(now: datetime, limit: int, cap: int | None, pool: str) -> list[Claim]:
    while places := _to_submit(now, limit, cap, pool):
        with may_be_lost(), transaction.atomic():
            ours = _take(Purpose.SUBMIT, now, [place.row for place in places])
            mine = [place for place in places if place.row in ours]
            _served(mine, now, pool)
            _clear({place.turn for place in places})
        if _take_out([place.row for place in places if place.row not in ours], now) == 0 or mine:
            return [Claim(place.row, ours[place.row], Purpose.SUBMIT, place.is_file) for place in mine]
    return []


def _take_out(rows: Sequence[int], now: datetime) -> int:
    """Take those of these rows out of their turns that are not due. Return how many.

    A version that knows no turns has claimed them, or they have ended. Rows that another dispatcher is claiming just
    now stay.
    """
    if not rows:
        return 0
    still = Q(status__in=STATUSES[Purpose.SUBMIT], next_action_at__lte=now)
    return Transcription.objects.filter(pk__in=rows, turn__isnull=False).exclude(still).update(turn=None)


def _served(places: Sequence[Place], now: datetime, pool: str) -> None:
    """Note that these rows of a pool were claimed, in this order: their meetings go to the end of its round."""
    for kinds in (Turn.Kind.LIVE,), Turn.FILES:
        # A time for each, so that the next round keeps the order.
        at = {
            place.meeting: now + timedelta(microseconds=number)
            for number, place in enumerate(places)
            if place.is_file == (Turn.Kind.FILE in kinds)
        }
        if at:
            Turn.objects.filter(meeting__in=at, pool=pool, kind__in=kinds).update(
                served_at=Case(*(When(meeting=meeting, then=Value(served)) for meeting, served in at.items()))
            )


def _clear(turns: Iterable[int | None]) -> None:
    """Note of these turns in which no row waits any more."""
    rows = Transcription.objects.filter(turn=OuterRef("pk"))
    Turn.objects.filter(~Exists(rows), pk__in=[turn for turn in turns if turn]).update(waiting=False)


def _first(kinds: Sequence[Turn.Kind], limit: int, pool: str) -> list[Place]:
    """Return the first `limit` rows of a pool in their meetings' turns."""
    while limit > 0:
        turns = [turn for kind in kinds for turn in Turn.objects.next(kind, limit, pool)]
        places = next_rows(turns, limit)
        empty = {turn.pk for turn in turns} - {place.turn for place in places}
        if len(places) == limit or not empty:
            return places
        with may_be_lost():
            _clear(empty)
    return []


def _files(limit: int, now: datetime, pool: str) -> list[Place]:
    """Return the first `limit` files of a pool; no large ones while `STT_HEAVY_AT_ONCE` of them are in progress."""
    if limit <= 0:
        return []
    full = _heavy_in_work(now) >= settings.STT_HEAVY_AT_ONCE
    return _first([Turn.Kind.FILE] if full else Turn.FILES, limit, pool)


def _in_work(now: datetime) -> Q:
    """Return the condition for queued rows that are claimed: `next_action_at` is the end of their lease.

    A pause after an error may be longer. Twice the lease, because another machine's clock may be ahead.
    """
    return Q(status=Status.QUEUED, next_action_at__gt=now, next_action_at__lte=now + 2 * lease_length())


def _heavy_in_work(now: datetime) -> int:
    heavy = Q(recording__prepared_at__isnull=True, recording__size_bytes__gt=settings.STT_HEAVY_BYTES)
    return Transcription.objects.filter(_in_work(now), heavy).count()


def _under_way(now: datetime, pool: str) -> Counter[str]:
    """Return how many recordings of each kind are in this pool at the vendor, or claimed to be sent there."""
    # Claimed, and not in a pause after an error.
    claimed = _in_work(now) & (Q(attempts=0) | Q(starts__gt=0))
    rows = Transcription.objects.live().filter(vendor=settings.STT_VENDOR)
    count: Counter[str] = Counter()
    # One by one, because SQLite reads every live row for a query that joins them with OR.
    for part in (
        Q(status=Status.PROCESSING),
        Q(status=Status.SUBMITTING, next_action_at__gt=now),
        claimed,
    ):
        for kind, own, language in rows.filter(part).values_list("recording__kind", "pool", "language"):
            if (own or pool_of(settings.STT_VENDOR, language)) == pool:
                count[kind] += 1
    return count


def _to_submit(now: datetime, limit: int, cap: int | None, pool: str) -> list[Place]:
    """Return at most `limit` rows of a pool that are due to be sent, in their order. `cap` is that of `claim`.

    Files fill only their part of the cap, so that a live recording finds room at once. While a file waits and none is
    with the vendor, live recordings leave one place: whatever people say, all files are done some day.
    """
    if not cap:
        live = _first([Turn.Kind.LIVE], limit, pool)
        return live + _files(limit - len(live), now, pool)
    count = _under_way(now, pool)
    of_files, of_live = count[Recording.Kind.UPLOAD], count[Recording.Kind.LIVE]
    files = _files(min(limit, file_slots(cap) - of_files), now, pool)
    left_to_live = max(1, cap - 1) - of_live if files and not of_files else limit
    live = _first([Turn.Kind.LIVE], min(limit, left_to_live), pool)
    return (live + files)[:limit]
