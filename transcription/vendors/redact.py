"""Text that came from outside, made fit for a log, an exception or an administrator's page."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_GONE = "[removed]"
# What a token looks like wherever it stands; the secrets that we know ourselves are removed by value.
_TOKENS = re.compile(
    r"eyJ[\w-]{5,}(?:\.[\w-]*){0,4}"  # a JWT, whole or cut short
    r"|(?<=bearer )[^\s\"',;]+"
    r"|(?<=basic )[a-z0-9+/=]{8,}"
    r"|(?<=://)[^/\s@]+(?=@)",  # user:password in a URL
    re.IGNORECASE,
)
_FIELDS = re.compile(
    r"""((?:access_|refresh_)?token|client_secret|secret|password|api[_-]?key|authorization)"""
    r"""(["']?\s*[:=]\s*["']?)(?!bearer |basic )[^\s"'&,}]+""",
    re.IGNORECASE,
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without `secrets` and without anything that looks like a token, a password or a key."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, _GONE)
    return _FIELDS.sub(rf"\1\2{_GONE}", _TOKENS.sub(_GONE, text))


def storable(text: str) -> str:
    """`text` as every database takes it: PostgreSQL refuses NUL, and half a surrogate pair is not UTF-8."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def plain(text: str, limit: int, secrets: Iterable[str] = ()) -> str:
    """`redact(text)` on one line of printable characters, at most `limit` of them.

    Cut generously before the work and exactly after it: a huge body costs nothing, and a secret that
    straddles the limit is recognised before it is cut in two.
    """
    text = redact(text[: limit * 4 + 4096], secrets)
    text = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
