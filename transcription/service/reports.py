"""Report to the gate what became of a request, and act once on each change of the gate."""

import logging

import redis
from django.contrib.auth.models import AbstractBaseUser

from transcription import events
from transcription.gate import Gate, GateChange, Ok, Outcome, Permit, Purpose, Refused, Unavailable
from transcription.live.wakeup import wake
from transcription.models import Transcription
from transcription.service import history, traffic
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
            return Unavailable(error.retry_after_s, unknown=error.may_have_arrived)
        case vendor.ProtocolError():
            return Unavailable(unknown=error.may_have_arrived)
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
    """Write a change into the history, tell pages of it, and wake the rows that waited.

    Called by the caller that was given the change. `note` goes into the history instead of the gate's own note, for
    instance why somebody opened the gate. What is in the history already is not told again.
    """
    parts = (change, *change.also)
    for part in parts:
        for each, is_new in history.write(part, transcription=transcription, user=user, note=note):
            events.publish_gate(each)
            if is_new and each.state.reason in ALERTS:
                # ERROR is the level at which log monitors alert people.
                logger.error(ALERTS[each.state.reason], each.state.name, each.state.note)
    if any(part.kind != "closed" for part in parts):
        Transcription.objects.live().bring_forward()
    if not all(part.state.stops(Purpose.POLL) for part in parts):
        wake()  # all requests may be sent again, or at least the polls
