"""Report to the gate what became of a request, and act once on each change of the gate."""

import logging
from datetime import UTC, datetime

import redis
from django.contrib.auth.models import AbstractBaseUser

from transcription import events
from transcription.gate import Gate, GateChange, GateState, Ok, Outcome, Permit, Purpose, Refused, Unavailable
from transcription.live.wakeup import wake
from transcription.models import GateEvent, Transcription
from transcription.service import traffic
from transcription.vendors import base as vendor

logger = logging.getLogger(__name__)

# Reasons for which somebody has to act, since waiting alone does not help; the line of the log for each.
ALERTS = {
    "quota": "The quota of %s is used up: submits are held. Buy usage, then press Resume in the admin. %s",
    "credentials": (
        "%s refuses this system's credentials: nothing is sent. Check RTZR_CLIENT_ID and RTZR_CLIENT_SECRET, restart"
        " all processes after a change, and press Resume in the admin. %s"
    ),
}


def outcome_of(error: vendor.VendorError) -> Outcome:
    """Return what to tell the gate of an error. An answer that refuses only this request counts as Ok."""
    match error:
        case vendor.Throttled():
            return Refused("submit" if error.scope is vendor.Scope.SUBMIT else "all", error.retry_after_s)
        case vendor.QuotaExhausted():
            return Refused("quota", error.retry_after_s)
        case vendor.AuthFailed():
            logger.warning("The vendor does not let this account in: %s", error)
            return Refused("credentials")
        case vendor.VendorUnavailable():
            return Unavailable(error.retry_after_s)
        case vendor.ProtocolError():
            return Unavailable()
        case _:
            return Ok()


def report(gate: Gate, permit: Permit, outcome: Outcome, transcription: Transcription | None = None) -> None:
    """Tell the gate what became of a request. If that changed the gate, record the change.

    Does not raise if Redis is away.
    """
    try:
        change = gate.report(permit, outcome)
    except redis.RedisError as error:
        # The permit's lease expires by itself. The row's outcome is already in the database.
        logger.warning("The gate was not told of %s: %s", outcome, error)
        return
    traffic.count(gate.name, outcome)
    if change is not None:
        record(change, transcription=transcription)


def record(
    change: GateChange,
    *,
    transcription: Transcription | None = None,
    user: AbstractBaseUser | None = None,
    note: str = "",
) -> None:
    """Tell pages of a change, wake the rows that waited, and write the history.

    Only the caller that was given the change may call this. `note` goes into the history instead of the gate's own
    note, for instance why somebody opened the gate.
    """
    events.publish_gate(change)  # first, so that people see it at once
    if change.kind != "closed":
        Transcription.objects.live().bring_forward()
    if not change.state.stops(Purpose.POLL):
        wake()  # all requests may be sent again, or at least the polls
    state = change.state
    _alert(state)
    GateEvent.objects.create(
        vendor=state.name,
        kind=change.kind,
        episode=state.episode,
        lane=change.lane,
        reason=state.reason or "",
        reopens_at=None if state.reopens_at is None else datetime.fromtimestamp(state.reopens_at, UTC),
        note=(note or state.note)[:200],
        transcription=transcription,
        user_id=None if user is None else user.pk,
    )


def _alert(state: GateState) -> None:
    """Log once, when it begins, what an administrator has to put right. Call it before the change is written."""
    if state.reason not in ALERTS:
        return
    before = GateEvent.objects.filter(vendor=state.name).order_by("-at", "-id").first()
    if before is None or before.reason != state.reason:
        # ERROR is the level at which log monitors alert people.
        logger.error(ALERTS[state.reason], state.name, state.note)
