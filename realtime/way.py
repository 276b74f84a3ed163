"""What one page is told of the way to the vendor: one state, made of the account's and of the pools' that concern it.

The gate publishes each change of the account and of each pool on its own (docs/gate.md, Pools). A page sees one
episode at a time: it is delayed as long as any of those is closed, and hears nothing of the other pools.
"""

from collections.abc import Mapping
from typing import Any

MOVED = "stt.moved"


class Way:
    """The last states that were heard of, from a snapshot on. `stt` and `pools` are those of snapshot.Snapshot."""

    def __init__(self, stt: Mapping[str, Any] | None, pools: Mapping[str, Mapping[str, Any] | None]) -> None:
        self._own: dict[str, Mapping[str, Any] | None] = dict(pools)
        self._own[""] = stt if stt is not None and not stt["pool"] else None
        self._version = 0

    def hear(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Return what to tell the page of an event of the gate, None if it changes nothing for the page."""
        pool = event.get("pool", "")  # the version before knew no pools
        if pool not in self._own:
            return None
        last = self._own[pool]
        if last is not None and event["version"] < last["version"]:
            return None  # messages may arrive out of order
        self._own[pool] = event
        # The page drops what is older than what it has, and an older event of another pool is news to it.
        self._version = max(self._version, event["version"])
        others = [state for name, state in self._own.items() if name != pool and _is_closed(state)]
        if not others:
            return {**event, "version": self._version}
        if _is_closed(self._own[""]):
            shown = self._own[""]
        else:
            shown = max(
                filter(_is_closed, self._own.values()), key=lambda state: (state or {})["reopens_at"] or ""
            )
        if pool and shown is self._own[""]:
            return None
        return {**(shown or {}), "type": MOVED, "version": self._version, "now": event["now"]}


def _is_closed(state: Mapping[str, Any] | None) -> bool:
    return state is not None and state["state"] != "open"
