"""Writes the gate's history: each change once, and no episode without its end.

The caller that was given a change writes it. It may die before, and Redis may lose the gate's state in mid-closing.
Whoever finds an episode without its end then writes the end, once: writers of a vendor's history take turns at a lock
on its first row, and look before they write.
"""

from datetime import UTC, datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import QuerySet

from transcription.gate import GateChange, GateState, Lane
from transcription.models import GateEvent, Transcription

Kind = GateEvent.Kind

# The notes of ends that were found missing.
LOST = "Redis lost the state of the gate."
UNTOLD = "The process that was told of it ended before it could write it down."

# Newest events among which open episodes are looked for: more than all pools can have at a time.
LOOKED_AT = 200


def newest(vendor: str, pool: str, up_to: int | None = None) -> GateEvent | None:
    """Return the last event of the account (pool "") or of a pool, with at most the version `up_to`.

    Events that an earlier version wrote do not count: they have no version.
    """
    events = _series(vendor, pool)
    if up_to is not None:
        events = events.filter(version__lte=up_to)
    return events.order_by("-version", "-pk").first()


def open_episodes(vendor: str) -> dict[str, GateEvent]:
    """Return the last event of each episode that has no end, by pool. One query if there is none."""
    rows = GateEvent.objects.filter(vendor=vendor, version__isnull=False).order_by("-version", "-pk")
    last: dict[str, str] = {}
    for pool, kind in rows.values_list("pool", "kind")[:LOOKED_AT]:
        last.setdefault(pool, kind)
    found = {pool: newest(vendor, pool) for pool, kind in last.items() if kind != Kind.OPENED}
    return {pool: event for pool, event in found.items() if event is not None and event.kind != Kind.OPENED}


def end_of(event: GateEvent) -> GateChange:
    """Return the change that ends the episode of `event`, its last one known."""
    # Its version is the first that pages take for newer than that event, and at most that of the true end.
    state = GateState(
        name=event.vendor,
        mode="open",
        scope=None,
        reason=None,
        since=None,
        reopens_at=None,
        episode=event.episode,
        version=(event.version or 0) + 1,
        note="",
        pool=event.pool,
    )
    lane: Lane = "submit" if event.lane == "submit" else "all"
    return GateChange("opened", lane, state)


def write(
    change: GateChange,
    *,
    transcription: Transcription | None = None,
    user: AbstractBaseUser | None = None,
    note: str = "",
) -> list[tuple[GateChange, bool]]:
    """Write a change, and before it the end of an episode that nobody ended.

    Return what was written, in order, to be published by the caller, and for each whether its reason is new. Empty if
    the change was in the history already; then only its cause may be added.
    """
    state, user_id = change.state, None if user is None else user.pk
    found: list[tuple[GateChange, bool]] = []
    with transaction.atomic():
        list(GateEvent.objects.select_for_update().filter(vendor=state.name).order_by("pk")[:1])
        last = newest(state.name, state.pool, state.version)
        if (written := _written(change, last)) is not None:
            if written.note in (LOST, UNTOLD) and written.kind == change.kind:  # its own writer was only late
                GateEvent.objects.filter(pk=written.pk).update(
                    transcription=transcription, user_id=user_id, note=(note or state.note)[:200]
                )
            return []
        if change.kind == "closed" and last is not None and last.kind != Kind.OPENED:
            lost = state.episode <= last.episode  # the numbers began anew
            ending = end_of(last)
            _insert(ending, LOST if lost else UNTOLD)
            found.append((ending, False))
            last = None
        _insert(change, note or state.note, transcription, user_id)
        found.append((change, last is None or last.reason != (state.reason or "")))
    return found


def _series(vendor: str, pool: str) -> QuerySet[GateEvent]:
    return GateEvent.objects.filter(vendor=vendor, pool=pool, version__isnull=False)


def _written(change: GateChange, last: GateEvent | None) -> GateEvent | None:
    """Return the event that says what `change` says: the same change, or the same end of an episode. None: not yet.

    `last` is the newest event up to the change's version.
    """
    state = change.state
    if last is not None and (
        last.version == state.version or (change.kind == "opened" and last.kind == Kind.OPENED)
    ):
        return last
    if change.kind != "opened":
        return None
    later = (
        _series(state.name, state.pool).filter(version__gt=state.version).order_by("version", "pk").first()
    )
    return later if later is not None and later.kind == Kind.OPENED else None


def _insert(
    change: GateChange, note: str, transcription: Transcription | None = None, user_id: int | None = None
) -> None:
    state = change.state
    GateEvent.objects.create(
        vendor=state.name,
        pool=state.pool,
        kind=change.kind,
        episode=state.episode,
        version=state.version,
        lane=change.lane,
        reason=state.reason or "",
        reopens_at=None if state.reopens_at is None else datetime.fromtimestamp(state.reopens_at, UTC),
        note=note[:200],
        transcription=transcription,
        user_id=user_id,
    )
