"""The contract of a speech-to-text vendor: two calls, four answers, one error tree.

    submit(audio, options) -> Accepted | Finished
    fetch(job_id)          -> Running | Finished | JobFailed

Times inside a recording are whole milliseconds; waits are seconds. Nothing in this package retries, sleeps or uses
the database: the caller decides what to do about an answer or an error.

The error tree has one class for each decision of the caller, not one for each status code:

    VendorError                 .code: the vendor's own code ("A0002", "" if none), .message: for an administrator
    ├── Throttled               429: wait; nothing is lost. .scope says what has to wait:
    │                             ALL     every request of this account
    │                             SUBMIT  new jobs only; polling goes on, since finished jobs free the slots
    ├── QuotaExhausted          the account has used up what it paid for; waiting alone does not help
    ├── AuthFailed              the credentials are refused even after a fresh authentication, or the account is not
    │                             let in: an admin must act, and every request waits
    ├── Rejected                this audio is refused for good. .reason: bad_parameters, language_unsupported,
    │                             unsupported_format, too_large, too_long, forbidden
    ├── ResultGone              the job no longer exists. .reason: not_found, expired. The audio was paid for once,
    │                             so it is uploaded again only if a person asks
    ├── VendorUnavailable       5xx, timeout, no connection: try later. .may_have_arrived, see below
    └── ProtocolError           an answer that is not understood, with a bounded .excerpt without secrets. Handled
                                  like VendorUnavailable, but with fewer tries. .may_have_arrived

`may_have_arrived` matters after a submit. It says whether the vendor may have a job whose id is unknown here:

    False  certainly not: no connection (refused, no such host, no TLS, connect timeout), the connection broke before
           the last byte of the body was sent, or the answer says that nobody began: any 4xx, a redirect, a 503 with
           Retry-After, 501, 505, 511, and a gateway that got no connection (Cloudflare's 521, 523, 525 and 526).
    True   the vendor may have read the whole body: read timeout, connection lost while waiting for or reading the
           answer, every other 5xx (an error may come after the job was made), 303, or a success whose content is not
           understood.

After a fetch it has no meaning: polling again costs nothing.

`retry_after_s` is the wait that the answer asked for: None if it named none; 0.0 is a legal "now". It is finite and
not negative. It is not capped here.

Errors on our own side are not in the tree and keep their types: OSError if the audio file cannot be read,
redis.RedisError if Redis, which stores the tokens, fails.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from transcription.vendors.redact import plain

MAX_CODE = 64  # characters
MAX_MESSAGE = 300
MAX_EXCERPT = 500


# Input


@dataclass(frozen=True, slots=True)
class AudioSource:
    """A recording's audio in the storage.

    file: seekable, read from its current position for `size_bytes`; lead_ms: so much at its beginning was transcribed
    before and is context only, but for the words that end in its last `lead_tail_ms`; tail_ms: the words that end in
    so much at its end are left to the next source, which has this one's end as its lead. The times of the result
    count from the file's beginning, lead included.
    """

    file: BinaryIO
    size_bytes: int
    filename: str
    content_type: str
    lead_ms: int = 0
    lead_tail_ms: int = 0
    tail_ms: int = 0


@dataclass(frozen=True, slots=True)
class SubmitOptions:
    """The options of a submit.

    language: one of the vendor's `languages`; speaker_count: 0 lets the vendor guess, ignored without diarization;
    keywords: words that the vendor should expect.
    """

    language: str
    diarization: bool = False
    speaker_count: int = 0
    keywords: tuple[str, ...] = ()


# Output


@dataclass(frozen=True, slots=True)
class Word:
    start_ms: int
    duration_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class VendorUtterance:
    """A stretch of speech of one speaker.

    speaker: the vendor's label ("0", "1"), or "" if it gave none; some vendors give labels without diarization;
    language: "" if the vendor did not name it.
    """

    start_ms: int
    duration_ms: int
    text: str
    speaker: str = ""
    language: str = ""
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Transcript:
    """The result, in the vendor's order. An empty one is legal: nobody spoke."""

    utterances: tuple[VendorUtterance, ...]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The vendor has accepted the audio. Later fetches need nothing but `job_id`."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Running:
    """The job is not finished. done_ms: so much of the audio that was sent is done; None: it does not tell."""

    done_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    transcript: Transcript


@dataclass(frozen=True, slots=True)
class JobFailed:
    """The vendor gave up the job. code: the vendor's own; reason: the vendor's text, bounded plain text."""

    code: str
    reason: str


# Errors


class Scope(enum.Enum):
    """What has to wait after a 429."""

    ALL = "all"
    SUBMIT = "submit"


class VendorError(Exception):
    """The root of the error tree. `message` and `code` are bounded, on one line, and contain no secrets."""

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


class VendorUnavailable(VendorError):
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
    """An account at a vendor. Safe to share between threads, and to use after a fork.

    accepted_formats: names as `audio.probe` reports them; other formats are transcoded first; poll_advice_s: the
    interval that the vendor advises between two fetches of a job; languages: what a recording can be in, as codes of
    ISO 639 and the modes that the vendor has (languages.py); candidates: the languages that its modes tell apart,
    empty if all of them; stretch_s: how soon and how late what somebody says without a pause is cut and sent;
    lead_ms: the longest lead that it takes, 0 if it takes none; tells_progress: whether its answers about a running
    job say how much is done; pools: the names of the groups of jobs that the vendor counts apart, each up to 60 of
    [A-Za-z0-9._-], or "" alone if it counts all jobs together.
    """

    name: str
    label: str
    accepted_formats: frozenset[str]
    max_bytes: int
    max_duration_ms: int
    poll_advice_s: float
    languages: tuple[str, ...]
    candidates: tuple[str, ...]
    stretch_s: tuple[float, float]
    lead_ms: int
    tells_progress: bool
    pools: tuple[str, ...]

    def model(self, language: str) -> str:
        """Return the vendor's model for one of `languages`, up to 60 characters. Turnaround is learned by model."""
        ...

    def submit_limit_s(self, size_bytes: int) -> float:
        """Return the longest time in seconds that a submit of so many bytes is expected to take.

        For a vendor that transcribes within the request, this is the time of the whole transcription.
        """
        ...

    def ask(self) -> None:
        """Send a request that costs nothing, and return if the vendor answers it as one that is well.

        Raises any VendorError except Rejected and ResultGone.
        """
        ...

    def pool(self, language: str) -> str:
        """Return which of `pools` a job in one of `languages` belongs to."""
        ...

    def submit(self, audio: AudioSource, options: SubmitOptions) -> Accepted | Finished:
        """Submit the audio. Raises any VendorError except ResultGone."""
        ...

    def fetch(self, job_id: str) -> Running | Finished | JobFailed:
        """Return the state of the job. Raises any VendorError."""
        ...
