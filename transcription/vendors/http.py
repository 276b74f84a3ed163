"""The one function that sends requests to a vendor.

Each call sends one request: no retries, no redirects (they would pass the token to another host), no cookies. Connect
and read timeouts always apply, and the answer is bounded in size and time. Transport errors become VendorUnavailable
or ProtocolError of `base.py`, with `may_have_arrived`. Adapters interpret the status; `error_of` covers the codes
that an adapter has no rule for.
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
    VendorError,
    VendorUnavailable,
)
from transcription.vendors.multipart import Multipart
from transcription.vendors.redact import plain

MAX_ANSWER_BYTES = 64 * 1024**2
# Bytes/s below which an upload is not expected to be. It bounds no upload, but tells how long one may take.
SLOWEST_UPLOAD = 500_000
_BLOCK = 64 * 1024
# Errors that say that nobody began with the request: not implemented, another version of HTTP, a network that wants
# a sign-in (https://www.rfc-editor.org/rfc/rfc9110#section-15.6, rfc6585#section-6), and a gateway that got no
# connection (https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/).
_NOT_BEGUN = frozenset({501, 505, 511, 521, 523, 525, 526})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# Requests to this machine ignore the environment's proxies. `requests` looks up these three keys.
_NO_PROXY = {"http": None, "https": None, "all": None}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timeouts in seconds. They are of one kind of request: an answer to a submit takes longer than one to a poll.

    connect_s: also for each block of an upload; read_s: for each silence, before and within the answer; answer_s: for
    the whole body of the answer, because one that drips never reaches the read timeout. Headers that drip are bounded
    only by the job's own time limit.
    """

    connect_s: float = 5.0
    read_s: float = 30.0
    answer_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. Header names are case-insensitive. The repr omits headers and body, which may contain a token.

    secrets: values to remove from excerpts.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def json(self) -> object:
        """Return the parsed body, or None if it is not JSON. No vendor answers with a bare `null`."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def excerpt(self) -> str:
        """Return the beginning of the body for a log: bounded, on one line, without secrets."""
        text = self.body[: 8 * MAX_EXCERPT].decode("utf-8", "replace")
        return plain(f"HTTP {self.status} {text}", MAX_EXCERPT, self.secrets)


class _Local(threading.local):
    session: requests.Session | None = None
    pid: int = 0


_local = _Local()


def session() -> requests.Session:
    """Return this thread's session, which keeps connections alive.

    A forked process gets a session of its own: two processes on one inherited connection would read each other's
    answers.
    """
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
    """Send one request with no body, a urlencoded form or a multipart body. Return the answer, whatever its status.

    Raises VendorUnavailable (no connection, timeout, connection lost), ProtocolError (the answer is larger than
    `max_bytes` or cannot be decompressed), OSError (the file inside `body` cannot be read).
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
        # Not chained: the original holds the request, and so the token.
        raise _unavailable(error, timeouts, body) from None


def error_of(answer: Answer, message: str = "", *, code: str = "") -> VendorError:
    """Return the error for an answer other than 2xx by its status alone, following the rules of HTTP.

    An adapter applies the vendor's own codes first. `message` is the vendor's text, if it can be shown.
    """
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
    if status in {400, 422} and isinstance(answer.json(), dict):  # an HTML page comes from a gateway
        return Rejected("bad_parameters", message, code=code)
    if status >= 500 or status == 408:
        return VendorUnavailable(
            message or f"The vendor has trouble of its own (HTTP {status}).",
            may_have_arrived=_may_have_begun(status, wait_s),
            retry_after_s=wait_s,
            code=code,
        )
    return ProtocolError(
        f"The vendor gave an answer that we don't expect (HTTP {status}).",
        may_have_arrived=status == 303,  # "look there for the answer": the request was acted on
        excerpt=answer.excerpt(),
        code=code,
    )


def _may_have_begun(status: int, wait_s: float | None) -> bool:
    """Whether whoever sent this error may have acted on the request before.

    A 500 may come after the job was made. A 503 is as well what a gateway sends that lost the vendor in the middle;
    only with a Retry-After has the vendor decided not to serve (https://www.rfc-editor.org/rfc/rfc9110#section-15.6.4).
    A 408 says that the request did not come to its end.
    """
    if status == 503 and wait_s is not None:
        return False
    return status >= 500 and status not in _NOT_BEGUN


def _read(response: requests.Response, timeouts: Timeouts, max_bytes: int) -> bytes:
    deadline = time.monotonic() + timeouts.answer_s
    blocks: list[bytes] = []
    size = 0
    try:
        # read1 returns what has arrived; read would wait for a whole block.
        while block := response.raw.read1(_BLOCK, decode_content=True):
            size += len(block)
            if size > max_bytes:
                raise ProtocolError(
                    f"The vendor's answer is larger than {max_bytes} bytes.", may_have_arrived=True
                )
            blocks.append(block)
            if time.monotonic() > deadline:
                raise VendorUnavailable(
                    f"The vendor's answer took longer than {timeouts.answer_s:g} s.", may_have_arrived=True
                )
    except (urllib3.exceptions.HTTPError, VendorError) as error:
        # The status of a refusal is enough: a 429 with half a body is still a 429.
        if response.status_code < 400:
            if isinstance(error, urllib3.exceptions.DecodeError):
                raise ProtocolError(
                    "The vendor's answer cannot be unpacked.", may_have_arrived=True
                ) from None
            raise
    return b"".join(blocks)


def _unavailable(error: Exception, timeouts: Timeouts, body: Multipart | None) -> VendorUnavailable:
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(error, requests.ConnectTimeout):
        message, connected = f"No connection to the vendor within {timeouts.connect_s:g} s.", False
    elif isinstance(reason, urllib3.exceptions.NewConnectionError) or isinstance(error, ValueError):
        message, connected = "No connection to the vendor.", False  # ValueError: the URL is invalid
    elif isinstance(error, requests.ReadTimeout | urllib3.exceptions.ReadTimeoutError):
        message, connected = f"The vendor did not answer within {timeouts.read_s:g} s.", True
    else:
        message, connected = f"The connection to the vendor was lost ({type(error).__name__}).", True
    # A server must not act on a request shorter than its Content-Length (RFC 9112 §8).
    return VendorUnavailable(message, may_have_arrived=connected and (body is None or body.exhausted))


def _new_session() -> requests.Session:
    new = requests.Session()
    for scheme in ("http://", "https://"):
        new.mount(scheme, HTTPAdapter(max_retries=0))
    new.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    new.headers["User-Agent"] = f"Mico/{_version()}"
    return new


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Do nothing. Without an `auth`, requests would overwrite our Authorization header from ~/.netrc."""
    return request


def _version() -> str:
    try:
        return importlib.metadata.version("mico")
    except importlib.metadata.PackageNotFoundError:  # not installed as a package, which is the usual case
        return "dev"
