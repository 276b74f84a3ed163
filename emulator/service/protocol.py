"""RTZR's wire format: its limits, its error codes, and what a result looks like.

Sources: https://developers.rtzr.ai/docs/stt-file/ (formats, error table),
https://developers.rtzr.ai/docs/authentications/ and https://developers.rtzr.ai/docs/rate_limit/.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NotRequired, TypedDict

# A token is valid for six hours: https://developers.rtzr.ai/docs/authentications/
TOKEN_SECONDS: Final = 6 * 3600
# The largest and the longest file: https://developers.rtzr.ai/docs/stt-file/
MAX_BYTES: Final = 2 * 1024**3
MAX_SECONDS: Final = 4 * 3600

# The documented errors: code -> (status, msg). The three 429s are on https://developers.rtzr.ai/docs/rate_limit/
ERRORS: Final[Mapping[str, tuple[int, str]]] = {
    "H0001": (400, "invalid parameter"),
    "H0002": (401, "invalid credential"),
    "H0003": (403, "permission denied"),
    "H0004": (404, "not found"),
    "H0005": (413, "file too large"),
    "H0006": (413, "audio too long"),
    "H0007": (410, "result expired"),
    "H0010": (400, "unsupported file format"),
    "A0001": (429, "usage exhausted"),
    "A0002": (429, "too many concurrent jobs"),
    "A0003": (429, "too many requests"),
    "E500": (500, "internal server error"),
}
THROTTLED: Final = 429
TOO_MANY_JOBS: Final = "A0002"


class VendorError(Exception):
    """An error answer: `{"code": ..., "msg": ...}` with the status of the code.

    An unknown code is sent as a 429: only the controls can ask for one.
    """

    def __init__(self, code: str, detail: str = "", retry_after: str | None = None) -> None:
        self.status, msg = ERRORS.get(code, (THROTTLED, "too many requests"))
        self.code = code
        self.msg = f"{msg}: {detail}" if detail else msg
        self.retry_after = retry_after
        super().__init__(self.msg)


class Word(TypedDict):
    """A word. Times are milliseconds from the start of the audio."""

    start_at: int
    duration: int
    text: str


class Utterance(TypedDict):
    """An utterance. Times are milliseconds; `spk` is present even without diarization, `words` only on request."""

    start_at: int
    duration: int
    msg: str
    spk: int
    lang: str
    words: NotRequired[list[Word]]


class JobFault(TypedDict):
    """The reason of a failed job. The key is `message`; in the body of an HTTP error it is `msg`."""

    code: str
    message: str
