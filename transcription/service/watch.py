"""Watches the gate for changes that nobody told: Redis lost its state, or the caller that was given a change died."""

import time

from transcription.gate import Gate, GateChange, GateState
from transcription.models import GateEvent
from transcription.service import history
from transcription.service.reports import record

LOOK_EVERY = 1.0  # seconds
# A closing that is not in the history for so many seconds, while nothing else happened, has lost its writer.
WRITTEN_WITHIN = 60.0  # seconds


class Watch:
    """One gate, compared with its history. The dispatcher calls `look` in each of its steps."""

    def __init__(self) -> None:
        self._look_at = 0.0
        self._since: dict[str, tuple[int, float]] = {}  # by pool: a version, and when it was first seen

    def look(self, gate: Gate) -> None:
        """Write and publish what is missing. Costs one question to Redis and one to the database a second.

        Raises redis.RedisError and database errors.
        """
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY
        states = gate.states()
        for pool, state in states.items():
            if self._since.get(pool, (None,))[0] != state.version:
                self._since[pool] = state.version, now
        _end(gate, states)
        for pool, state in states.items():
            if state.scope is not None and now - self._since[pool][1] >= WRITTEN_WITHIN:
                _begin(state)
                self._since[pool] = state.version, now


def _end(gate: Gate, states: dict[str, GateState]) -> None:
    """Write and publish the ends that the history lacks. `states`: as the gate shows itself, by pool.

    Any number of processes may do this at once, and the caller that was told may only be late: history.py writes each
    end once, and its writer publishes it.
    """
    for pool, event in history.open_episodes(gate.name).items():
        state = states.get(pool)
        if state is not None and state.mode != "open":
            continue
        lost = state is None or state.episode < event.episode
        if lost and event.reason == "hold":
            # An administrator's hold ends by their Resume, and by nothing else.
            change = gate.hold(event.note)
            if change is not None:
                record(change, user=event.user)
        else:
            record(history.end_of(event), note=history.LOST if lost else history.UNTOLD)


def _begin(state: GateState) -> None:
    """Write and publish the closing, or its last change, if the history lacks it."""
    last = history.newest(state.name, state.pool)
    if state.scope is None or last is None or (last.version or 0) >= state.version:
        return
    begins = last.kind == GateEvent.Kind.OPENED or state.episode != last.episode
    record(GateChange("closed" if begins else "moved", state.scope, state), note=history.UNTOLD)
