"""Cleaning of text from outside for logs, exceptions and administrators' pages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_GONE = "[removed]"
# The shapes of tokens, wherever they occur; secrets that we know are removed by value.
_TOKENS = re.compile(
    r"eyJ[\w-]{5,}(?:\.[\w-]*){0,4}"  # a JWT, possibly truncated
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
    """Return `text` without `secrets`, and without anything that looks like a token, a password or a key."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, _GONE)
    return _FIELDS.sub(rf"\1\2{_GONE}", _TOKENS.sub(_GONE, text))


def storable(text: str) -> str:
    """Return `text` as every database accepts it: PostgreSQL refuses NUL, and a lone surrogate is not valid UTF-8."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def plain(text: str, limit: int, secrets: Iterable[str] = ()) -> str:
    """Return `redact(text)` on one line of at most `limit` printable characters.

    The text is cut to a multiple of the limit first, so that a huge body is cheap, and to the limit after
    redaction, so that a secret across the limit is recognised.
    """
    text = redact(text[: limit * 4 + 4096], secrets)
    text = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
