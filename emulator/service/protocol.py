"""RTZR's wire format: its error codes and the rules for `config`.

Sources: https://developers.rtzr.ai/docs/stt-file/ (config, formats, error table),
https://developers.rtzr.ai/docs/authentications/ and https://developers.rtzr.ai/docs/rate_limit/.
Two rules of `config` are not documented but were observed: RTZR refuses `diarization` without `use_diarization`, and
whisper without `language`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NotRequired, TypedDict

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


@dataclass(frozen=True)
class Config:
    """The parts of `config` that change a result here. The others are only validated."""

    model_name: str
    language: str
    use_word_timestamp: bool
    # The number of speakers to tell apart: None without `use_diarization`, 0 to guess.
    speakers: int | None = None


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _one_of(*names: str) -> Callable[[object], bool]:
    return lambda value: value in names


def _counts_in(field: str) -> Callable[[object], bool]:
    return lambda value: isinstance(value, dict) and _count(value.get(field, 0))


# field -> (what it must be, in words; the check). Like the vendor, the emulator ignores unknown fields.
_FIELDS: Final[Mapping[str, tuple[str, Callable[[object], bool]]]] = {
    "model_name": ("sommers or whisper", _one_of("sommers", "whisper")),
    "language": ("a string", lambda value: isinstance(value, str)),
    "language_candidates": ("a list of strings", _strings),
    "domain": ("GENERAL or CALL", _one_of("GENERAL", "CALL")),
    "use_diarization": ("a boolean", _flag),
    "diarization": ("an object with spk_count >= 0", _counts_in("spk_count")),
    "use_itn": ("a boolean", _flag),
    "use_disfluency_filter": ("a boolean", _flag),
    "use_profanity_filter": ("a boolean", _flag),
    "use_paragraph_splitter": ("a boolean", _flag),
    "paragraph_splitter": ("an object with max >= 0", _counts_in("max")),
    "use_word_timestamp": ("a boolean", _flag),
    "keywords": ("a list of strings", _strings),
}
_SOMMERS_LANGUAGES: Final = (
    "ko",
    "en",
)  # "en" is an extension of the emulator, whose recogniser knows only English
_ISO_LANGUAGE: Final = re.compile(r"[a-z]{2,3}")


def parse_config(text: str, spoken: frozenset[str] | None) -> Config:
    """Parse the `config` part of a submit. Raises H0001 with a reason.

    spoken: the languages that the engine knows, or None if it accepts any.
    """
    try:
        config: Any = json.loads(text)
    except ValueError as error:
        raise VendorError("H0001", "config is not JSON") from error
    if not isinstance(config, dict):
        raise VendorError("H0001", "config is not a JSON object")
    for field, (wanted, is_valid) in _FIELDS.items():
        if field in config and not is_valid(config[field]):
            raise VendorError("H0001", f"{field} has to be {wanted}")
    if "diarization" in config and not config.get("use_diarization", False):
        raise VendorError("H0001", "diarization needs use_diarization")
    model_name = config.get("model_name", "sommers")
    language = _language(model_name, config.get("language"))
    if spoken is not None and language not in spoken:
        raise VendorError(
            "H0001", f"language {language} is not available, this engine knows {', '.join(sorted(spoken))}"
        )
    speakers = config.get("diarization", {}).get("spk_count", 0) if config.get("use_diarization") else None
    return Config(model_name, language, config.get("use_word_timestamp", False), speakers)


def _language(model_name: str, language: str | None) -> str:
    """Return the language to recognise. For whisper's `detect` and `multi` that is English, the only one there is."""
    if model_name == "whisper":
        if language is None:
            raise VendorError("H0001", "whisper needs a language")
        if language in ("detect", "multi"):
            return "en"
        if not _ISO_LANGUAGE.fullmatch(language):
            raise VendorError("H0001", "language has to be detect, multi or an ISO code")
        return language
    language = "ko" if language is None else language
    if language not in _SOMMERS_LANGUAGES:
        raise VendorError("H0001", f"sommers does not know the language {language}")
    return language
