"""The states of a vendor's gate in words, for an administrator on call: what it means, and what to do."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Words:
    """The texts for one state, translated when shown."""

    what: str | Promise
    meaning: str | Promise
    to_do: str | Promise


_WORDS = {
    "open": Words(
        _("Open: requests go to the vendor"),
        _("Recordings are sent as they come, and results are fetched."),
        _("Nothing. To stop all requests, for maintenance for example, hold the gate below."),
    ),
    "rate": Words(
        _("Closed: the vendor answers 429, too many requests"),
        _(
            "All workers wait. At the next try a single request goes out; once it is answered, the gate opens by"
            " itself and everything that waited is sent. Nothing is lost: recordings are kept and wait."
        ),
        _(
            "Nothing at first. If it happens often, see whether another program uses the same account, and ask the"
            " vendor for a higher limit."
        ),
    ),
    "concurrency": Words(
        _("Closed for new recordings: the vendor takes no more jobs at once"),
        _(
            "New recordings wait. Results of the jobs at the vendor are still fetched, and each one that is finished"
            " makes room for another."
        ),
        _("Nothing at first. If it happens often, ask the vendor for more jobs at once."),
    ),
    "quota": Words(
        _("Quota used up: the vendor transcribes nothing more until the account has usage again"),
        _(
            "New recordings are kept and wait; results of what was sent before are still fetched. Waiting alone does"
            " not help. From time to time one request tries whether the vendor accepts again; if so, the gate opens"
            " by itself."
        ),
        _(
            "Buy more usage in the vendor's own console, or wait until the vendor renews it. Then press Resume: what"
            " waits is sent at once. Nobody has to upload anything again."
        ),
    ),
    "credentials": Words(
        _("Credentials refused: the vendor does not let this system's account in"),
        _(
            "Nothing is sent and no result is fetched; recordings are kept and wait. From time to time one request"
            " tries whether the vendor accepts the account again; if so, the gate opens by itself."
        ),
        _(
            "Compare RTZR_CLIENT_ID and RTZR_CLIENT_SECRET with the vendor's own console, and see there whether the"
            " account is active. After a change of the variables restart all processes of Mico. Then press Resume:"
            " what waits is sent at once. Nobody has to upload anything again."
        ),
    ),
    "unavailable": Words(
        _("Closed: the vendor does not answer"),
        _(
            "Several requests in a row got a server error, no connection, or no answer in time. All workers wait, and"
            " single requests try whether it is over. The gate opens by itself at the first answer."
        ),
        _(
            "Look at the vendor's status page, and at the network of the machines that the workers run on. The"
            " command manage.py preflight makes one request and says what is wrong."
        ),
    ),
    "unavailable submit": Words(
        _("Closed for new recordings: the vendor answers them with errors"),
        _(
            "Several recordings in a row were answered with an error after which the vendor may have them all the"
            " same. New ones wait, and results are still fetched. Now and then one recording tries whether it is"
            " over, more and more rarely, because each may be charged twice. The gate opens by itself at the first"
            " answer."
        ),
        _(
            "Look at the vendor's status page. Press Resume when it is over; if it is not, a few more recordings may"
            " be charged twice."
        ),
    ),
    "hold": Words(
        _("Held by hand: nothing is sent"),
        _(
            "An administrator stopped all requests. Recordings are kept and wait, and everybody in a meeting sees"
            " that transcription is paused. It does not end by itself."
        ),
        _("Press Resume when the reason is gone."),
    ),
    "unknown": Words(
        _("Not known: Redis does not answer"),
        _(
            "The gate is kept in Redis. Without it nothing is sent, and nobody can tell how the gate stands."
            " Recordings that arrive are kept."
        ),
        _(
            "See that the Redis server runs and can be reached (REDIS_URL). Everything goes on by itself then."
        ),
    ),
}
_CLOSED = Words(
    _("Closed: requests wait"),
    _("The gate opens by itself once the vendor answers again."),
    _("Look at the history for what the vendor said."),
)
_REASONS = {
    "rate": _("429: too many requests"),
    "concurrency": _("429: too many jobs at once"),
    "quota": _("429: quota used up"),
    "credentials": _("credentials refused"),
    "unavailable": _("no answer"),
    "hold": _("held by hand"),
}
_LANES = {"all": _("everything"), "submit": _("new recordings")}


def explain(state: str, reason: str | None, scope: str | None) -> Words:
    """Return the texts for `state`, an `events.SttState` or "unknown"."""
    if state in _WORDS:
        return _WORDS[state]
    return _WORDS.get(f"{reason} {scope}") or _WORDS.get(reason or "", _CLOSED)


def reason_in_short(reason: str) -> str | Promise:
    """Return the reason in a few words, for a list. An unknown reason is returned unchanged."""
    return _REASONS.get(reason, reason)


def lane_in_short(lane: str, pool: str = "") -> str | Promise:
    """Return what the gate holds back: everything, or new recordings only, perhaps only those of a pool."""
    held = _LANES.get(lane, lane)
    return format_lazy("{} ({})", held, pool) if pool else held
