"""The wait that an answer asks for, in seconds: `Retry-After` and related headers.

The first valid one in this order:

    Retry-After          RFC 9110 §10.2.3: seconds or a date in one of three forms; `0` is legal, `1.5` occurs
    retry-after-ms       milliseconds (OpenAI, Azure)
    RateLimit            draft-ietf-httpapi-ratelimit-headers: `"default";r=0;t=30`
    RateLimit-Reset,     seconds left, epoch seconds, epoch milliseconds, or a Go duration (`6m0s`, `285ms`)
    X-RateLimit-Reset
    RetryInfo            google.rpc, in the body: `"retryDelay": "3.5s"`
    (https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto)

A malformed, negative or absurd value is ignored: it neither raises nor becomes a wait of zero. A wait of hours is
returned as it is; the caller caps it.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping

from django.utils.http import parse_http_date

# Longer than any monthly quota: such a value is a date in the wrong unit, not a wait.
LONGEST_S = 32 * 86400.0
# A "seconds left" above this is a date: as epoch seconds in 2001, as epoch milliseconds in 1970.
_EPOCH_S = 1e9
_EPOCH_MS = 1e11

_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,9})?", re.ASCII)
_GO_PART = r"(?:\d{1,9}(?:\.\d{1,9})?(?:h|ms|m|s|us|µs|ns))"
_GO_DURATION = re.compile(rf"{_GO_PART}{{1,6}}", re.ASCII)
_GO_UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
# A member of a structured list: "name";key=value;key. A value is quoted, or has no delimiters.
_MEMBER = r'"[^"\\]*"(?:\s*;\s*[a-z*][\w.*-]*(?:=(?:"[^"\\]*"|[\w.*/:=+-]+))?)*'
_RATE_LIMIT = re.compile(rf"\s*{_MEMBER}(?:\s*,\s*{_MEMBER})*\s*", re.ASCII)


def parse(headers: Mapping[str, str], body: object = None, *, now: float | None = None) -> float | None:
    """Return the seconds to wait (finite, >= 0), or None if the answer names no wait.

    headers: case-insensitive, as in `requests`; body: the parsed JSON, if the body is JSON; now: the time in epoch
    seconds, used if the answer has no Date header.
    """
    sent_at = _http_date(headers.get("Date", ""))
    if sent_at is None:
        sent_at = time.time() if now is None else now
    candidates = (
        _retry_after(headers.get("Retry-After", ""), sent_at),
        _milliseconds(headers.get("retry-after-ms", "")),
        _rate_limit(headers.get("RateLimit", "")),
        _reset(headers.get("RateLimit-Reset", ""), sent_at),
        _reset(headers.get("X-RateLimit-Reset", ""), sent_at),
        _retry_info(body),
    )
    return next((wait for wait in candidates if wait is not None), None)


def _retry_after(text: str, sent_at: float) -> float | None:
    seconds = _number(text)
    if seconds is not None:
        return _sane(seconds)
    date = _http_date(text)
    # Relative to the Date of the answer, so clock skew cancels out. A past date is a legal "now".
    return None if date is None else _sane(max(0.0, date - sent_at))


def _milliseconds(text: str) -> float | None:
    value = _number(text)
    return None if value is None else _sane(value / 1000)


def _reset(text: str, sent_at: float) -> float | None:
    value = _number(text)
    if value is None:
        return _go_duration(text)
    if value >= _EPOCH_MS:
        value = max(0.0, value / 1000 - sent_at)
    elif value >= _EPOCH_S:
        value = max(0.0, value - sent_at)
    return _sane(value)


def _rate_limit(text: str) -> float | None:
    if len(text) > 1000 or not _RATE_LIMIT.fullmatch(text):
        return None
    waits = []
    for member in re.findall(_MEMBER, text, re.ASCII):
        parameters = dict(re.findall(r";\s*([rt])=(\d{1,9})(?![\w.])", member, re.ASCII))
        if parameters.get("r") == "0" and "t" in parameters:
            waits.append(float(parameters["t"]))
    return _sane(max(waits)) if waits else None


def _retry_info(body: object) -> float | None:
    if isinstance(body, list) and body:  # Google wraps a stream's error in a list
        body = body[0]
    error = body.get("error") if isinstance(body, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict) and str(detail.get("@type")).endswith("google.rpc.RetryInfo"):
            return _go_duration(str(detail.get("retryDelay")))
    return None


def _number(text: str) -> float | None:
    text = text.strip()
    return float(text) if _NUMBER.fullmatch(text) else None


def _go_duration(text: str) -> float | None:
    text = text.strip()
    if not _GO_DURATION.fullmatch(text):
        return None
    parts = re.findall(r"([\d.]+)([a-zµ]+)", text)
    return _sane(sum(float(value) * _GO_UNITS_S[unit] for value, unit in parts))


def _http_date(text: str) -> float | None:
    try:
        return float(parse_http_date(text.strip())) if len(text) < 60 else None
    except (ValueError, OverflowError):
        return None


def _sane(seconds: float) -> float | None:
    return seconds if math.isfinite(seconds) and 0 <= seconds <= LONGEST_S else None
