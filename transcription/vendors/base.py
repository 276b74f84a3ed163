"""What every speech-to-text vendor looks like to the rest of Mico: two calls, four answers, one error tree.

    submit(audio, options) -> Accepted | Finished
    fetch(job_id)          -> Running | Finished | JobFailed

All times inside a recording are whole milliseconds, all waits are seconds. Nothing in this package retries,
sleeps or knows of a database: what to do about an answer or an error is the caller's decision.

The error tree. Each class is one decision of the caller's, not one status code:

    VendorError                 .code: the vendor's own code ("A0002", "" if none), .message: fit for an admin
    ├── Throttled               429: wait, nothing is lost. .scope says what has to wait:
    │                             ALL     every request of this account
    │                             SUBMIT  new jobs only; polling goes on, it is what frees the slots
    ├── QuotaExhausted          the account has used up what it paid for: waiting alone does not help
    ├── AuthFailed              the credentials are refused, after one fresh authentication: an admin must act
    ├── Rejected                this audio, for ever. .reason: bad_parameters, unsupported_format, too_large,
    │                             too_long, forbidden
    ├── ResultGone              the job is not there any more. .reason: not_found, expired. Never upload again
    │                             unasked: it was paid for once
    ├── Unavailable             5xx, timeout, no connection: try later. .may_have_arrived, see below
    └── ProtocolError           an answer that we don't understand, with a bounded .excerpt without secrets:
                                  like Unavailable, but worth only a few tries. .may_have_arrived

`may_have_arrived` matters after a submit: can there be a job at the vendor that we have no id of?

    False  for certain not: no connection (refused, no such host, connect timeout), the connection broke
           before the last byte of the body was handed over, or the vendor itself answered that it failed
           (500, 501, 503, a redirect, an unknown 4xx). An error answer is taken at its word.
    True   the whole body may have been read: read timeout, connection lost while waiting for or reading the
           answer, a gateway answering for a vendor it lost (502, 504, Cloudflare's 520 and 524), or a success
           whose content is garbage.

After a fetch it says nothing: asking twice costs nothing.

`retry_after_s` is what the answer itself asked for: None if nothing, and 0.0 is a legal "now". It is not
capped here; it is finite and not negative.

One kind of error is not in the tree: trouble on our own side keeps its own type. OSError is the audio file
that could not be read, redis.RedisError the Redis where the tokens are.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from transcription.vendors.redact import plain

MAX_CODE = 64  # characters
MAX_MESSAGE = 300
MAX_EXCERPT = 500


# What goes in


@dataclass(frozen=True, slots=True)
class AudioSource:
    """One recording as it lies in storage.

    file: seekable, read from where it stands, size_bytes of it; on_progress: told after each block how many
    bytes of the request are out, so that a long upload can say that it lives.
    """

    file: BinaryIO
    size_bytes: int
    filename: str
    content_type: str
    on_progress: Callable[[int], None] | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """What to ask of the vendor.

    language: ISO 639-1 ("ko", "en"); speaker_count: 0 lets the vendor guess, and counts only with
    diarization; keywords: words that it should expect.
    """

    language: str
    diarization: bool = False
    speaker_count: int = 0
    keywords: tuple[str, ...] = ()


# What comes out


@dataclass(frozen=True, slots=True)
class Word:
    start_ms: int
    duration_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Utterance:
    """One stretch of speech of one speaker. `speaker` is the vendor's label ("0", "1"; "" if it gave none),
    which some vendors give without having been asked to tell speakers apart; `language` is "" if not said."""

    start_ms: int
    duration_ms: int
    text: str
    speaker: str = ""
    language: str = ""
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Transcript:
    """In the order of the vendor. No utterances at all is a legal result: nobody spoke."""

    utterances: tuple[Utterance, ...]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The vendor has the audio and works on it; `job_id` is all that is needed to ask again."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Running:
    """Not yet."""


@dataclass(frozen=True, slots=True)
class Finished:
    transcript: Transcript


@dataclass(frozen=True, slots=True)
class JobFailed:
    """The vendor tried and gave up: `code` is its own, `reason` its own words, bounded and plain."""

    code: str
    reason: str


# What goes wrong


class Scope(enum.Enum):
    """What has to wait after a 429."""

    ALL = "all"
    SUBMIT = "submit"


class VendorError(Exception):
    """The root of the tree above. `message` and `code` are bounded, on one line, and hold no secret."""

    def __init__(self, message: str = "", *, code: str = "") -> None:
        self.code = plain(code, MAX_CODE)
        self.message = plain(message, MAX_MESSAGE)
        super().__init__(f"{self.code}: {self.message}" if self.code else self.message)


class Throttled(VendorError):
    def __init__(
        self, scope: Scope, retry_after_s: float | None = None, message: str = "", *, code: str = ""
    ) -> None:
        super().__init__(message or "The vendor asks us to slow down.", code=code)
        self.scope = scope
        self.retry_after_s = retry_after_s


class QuotaExhausted(VendorError):
    def __init__(self, retry_after_s: float | None = None, message: str = "", *, code: str = "") -> None:
        super().__init__(message or "The vendor account's quota is used up.", code=code)
        self.retry_after_s = retry_after_s


class AuthFailed(VendorError):
    pass


class Rejected(VendorError):
    def __init__(self, reason: str, message: str = "", *, code: str = "") -> None:
        super().__init__(message or f"The vendor refuses this audio: {reason}.", code=code)
        self.reason = reason


class ResultGone(VendorError):
    def __init__(self, reason: str, message: str = "", *, code: str = "") -> None:
        super().__init__(message or f"The vendor does not have the result: {reason}.", code=code)
        self.reason = reason


class Unavailable(VendorError):
    def __init__(
        self,
        message: str = "",
        *,
        may_have_arrived: bool,
        retry_after_s: float | None = None,
        code: str = "",
    ) -> None:
        super().__init__(message or "The vendor cannot be reached.", code=code)
        self.may_have_arrived = may_have_arrived
        self.retry_after_s = retry_after_s


class ProtocolError(VendorError):
    def __init__(self, message: str, *, may_have_arrived: bool, excerpt: str = "", code: str = "") -> None:
        super().__init__(message, code=code)
        self.may_have_arrived = may_have_arrived
        self.excerpt = plain(excerpt, MAX_EXCERPT)


class Vendor(Protocol):
    """One vendor account. Safe to use from several threads, and after a fork.

    accepted_formats: names as `audio.probe` reports them; anything else has to be transcoded first.
    poll_advice_s: how long to leave between two fetches of one job.
    """

    name: str
    label: str
    accepted_formats: frozenset[str]
    max_bytes: int
    max_duration_ms: int
    poll_advice_s: float

    def supports(self, language: str) -> bool:
        """Whether speech in this language (ISO 639-1) can be sent."""
        ...

    def model(self, language: str) -> str:
        """Which of the vendor's models such speech goes to: each has a turnaround of its own. Up to 60 characters."""
        ...

    def submit(self, audio: AudioSource, options: Options) -> Accepted | Finished:
        """Hands over the audio. Any VendorError except ResultGone."""
        ...

    def fetch(self, job_id: str) -> Running | Finished | JobFailed:
        """How the job stands. Any VendorError."""
        ...
