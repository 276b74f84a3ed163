"""The one function through which requests leave for a vendor.

One request, one answer: no retries, no redirects (they would carry the token elsewhere), no cookies, a
connect and a read timeout always, and an answer that is bounded in size and in time. What goes wrong on the
way becomes Unavailable or ProtocolError of base.py, with an honest `may_have_arrived`; what to make of a
status is the adapter's business, with `error_of` for everything that it has no opinion about.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from transcription.vendors import retry_after
from transcription.vendors.base import (
    MAX_EXCERPT,
    AuthFailed,
    ProtocolError,
    QuotaExhausted,
    Rejected,
    Scope,
    Throttled,
    Unavailable,
    VendorError,
)
from transcription.vendors.multipart import Multipart
from transcription.vendors.redact import plain

MAX_ANSWER_BYTES = 64 * 1024**2
_BLOCK = 64 * 1024
# Answers of a gateway about a vendor that it lost on the way: nobody knows what the vendor did.
_LOST_BY_GATEWAY = frozenset({502, 504, 520, 524})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# Never through the proxy of the environment: requests looks up these three.
_NO_PROXY = {"http": None, "https": None, "all": None}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. connect_s also bounds each block of an upload; read_s each silence, before and within the
    answer; answer_s the body of the answer as a whole, since one that drips never hits the read timeout.
    Headers that drip are bounded by nothing but the job's own limit."""

    connect_s: float = 5.0
    read_s: float = 30.0
    answer_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Headers without regard to case; neither headers nor body in the repr, they can hold a token.

    secrets: what was sent and must not come back out in an excerpt.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def json(self) -> object:
        """The parsed body, or None if it is not JSON: no vendor answers a bare `null`."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def excerpt(self) -> str:
        """The beginning of the body for a log: bounded, on one line, secrets removed."""
        text = self.body[: 8 * MAX_EXCERPT].decode("utf-8", "replace")
        return plain(f"HTTP {self.status} {text}", MAX_EXCERPT, self.secrets)


class _Local(threading.local):
    session: requests.Session | None = None
    pid: int = 0


_local = _Local()


def session() -> requests.Session:
    """This thread's session with its kept-alive connections. After a fork a new one: two processes that talk
    on one inherited connection would read each other's answers."""
    if _local.session is None or _local.pid != os.getpid():
        _local.session, _local.pid = _new_session(), os.getpid()
    return _local.session


def send(
    session: requests.Session,
    method: str,
    url: str,
    *,
    timeouts: Timeouts,
    headers: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
    body: Multipart | None = None,
    max_bytes: int = MAX_ANSWER_BYTES,
    secrets: tuple[str, ...] = (),
) -> Answer:
    """One request with nothing, a urlencoded form or a multipart body; whatever the status, its answer.

    Raises Unavailable (no connection, timeout, connection lost), ProtocolError (an answer larger than
    `max_bytes`, or that cannot be unpacked), OSError (the file inside `body` cannot be read).
    """
    all_headers = dict(headers or {})
    if body is not None:
        all_headers["Content-Type"] = body.content_type
    try:
        with session.request(
            method,
            url,
            headers=all_headers,
            data=form if body is None else body,
            timeout=(timeouts.connect_s, timeouts.read_s),
            allow_redirects=False,
            stream=True,
            proxies=_NO_PROXY if urlsplit(url).hostname in _LOOPBACK else None,  # type: ignore[arg-type]
            auth=_as_it_is,
        ) as response:
            content = _read(response, timeouts, max_bytes)
            return Answer(response.status_code, response.headers, content, secrets)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        if body is not None and body.failure is not None:
            raise body.failure from None
        # Not chained: the original holds the request, and with it the token.
        raise _unavailable(error, timeouts, body) from None


def error_of(answer: Answer, message: str = "", *, code: str = "") -> VendorError:
    """What an answer other than 2xx means by its status alone. Every rule here is HTTP's own; a vendor's
    codes come first. `message` is what the vendor said, if it said something that can be shown."""
    wait_s = retry_after.parse(answer.headers, answer.json())
    status = answer.status
    if status == 429:
        return Throttled(Scope.ALL, wait_s, message, code=code)
    if status == 402:
        return QuotaExhausted(wait_s, message, code=code)
    if status in {401, 403}:
        return AuthFailed(message or "The vendor refuses our credentials.", code=code)
    if status == 413:
        return Rejected("too_large", message, code=code)
    if status == 415:
        return Rejected("unsupported_format", message, code=code)
    if status in {400, 422} and isinstance(answer.json(), dict):  # an HTML page is some gateway's opinion
        return Rejected("bad_parameters", message, code=code)
    if status >= 500 or status == 408:
        return Unavailable(
            message or f"The vendor has trouble of its own (HTTP {status}).",
            may_have_arrived=status in _LOST_BY_GATEWAY,
            retry_after_s=wait_s,
            code=code,
        )
    return ProtocolError(
        f"The vendor gave an answer that we don't expect (HTTP {status}).",
        may_have_arrived=False,
        excerpt=answer.excerpt(),
        code=code,
    )


def _read(response: requests.Response, timeouts: Timeouts, max_bytes: int) -> bytes:
    deadline = time.monotonic() + timeouts.answer_s
    blocks: list[bytes] = []
    size = 0
    try:
        # read1: what has arrived, instead of waiting until a whole block has dripped in.
        while block := response.raw.read1(_BLOCK, decode_content=True):
            size += len(block)
            if size > max_bytes:
                raise ProtocolError(
                    f"The vendor's answer is larger than {max_bytes} bytes.", may_have_arrived=True
                )
            blocks.append(block)
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"The vendor's answer took longer than {timeouts.answer_s:g} s.", may_have_arrived=True
                )
    except (urllib3.exceptions.HTTPError, VendorError) as error:
        # The status of a refusal says enough: a 429 with half a body is still a 429.
        if response.status_code < 400:
            if isinstance(error, urllib3.exceptions.DecodeError):
                raise ProtocolError(
                    "The vendor's answer cannot be unpacked.", may_have_arrived=True
                ) from None
            raise
    return b"".join(blocks)


def _unavailable(error: Exception, timeouts: Timeouts, body: Multipart | None) -> Unavailable:
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(error, requests.ConnectTimeout):
        message, connected = f"No connection to the vendor within {timeouts.connect_s:g} s.", False
    elif isinstance(reason, urllib3.exceptions.NewConnectionError) or isinstance(error, ValueError):
        message, connected = "No connection to the vendor.", False  # ValueError: the URL itself is no good
    elif isinstance(error, requests.ReadTimeout | urllib3.exceptions.ReadTimeoutError):
        message, connected = f"The vendor did not answer within {timeouts.read_s:g} s.", True
    else:
        message, connected = f"The connection to the vendor was lost ({type(error).__name__}).", True
    # A request that is shorter than its Content-Length is incomplete, and not to be acted on (RFC 9112 §8).
    return Unavailable(message, may_have_arrived=connected and (body is None or body.exhausted))


def _new_session() -> requests.Session:
    new = requests.Session()
    for scheme in ("http://", "https://"):
        new.mount(scheme, HTTPAdapter(max_retries=0))
    new.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    new.headers["User-Agent"] = f"Mico/{_version()}"
    return new


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """An `auth` that does nothing. Without one, requests takes ~/.netrc and overwrites our Authorization."""
    return request


def _version() -> str:
    try:
        return importlib.metadata.version("mico")
    except importlib.metadata.PackageNotFoundError:  # run from the source tree, as usual
        return "dev"
