"""RTZR's `config` part of a submit, and the rules that it has to keep (https://developers.rtzr.ai/docs/stt-file/).

Two of the rules are not documented but were observed: RTZR refuses `diarization` without `use_diarization`, and
whisper without `language`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .protocol import VendorError


@dataclass(frozen=True)
class Config:
    """The parts of `config` that change a result here. The others are only validated."""

    model_name: str
    # An ISO code, or of whisper "detect" (one language, to be found) or "multi" (several, mixed).
    language: str
    use_word_timestamp: bool
    # The number of speakers to tell apart: None without `use_diarization`, 0 to guess.
    speakers: int | None = None
    # The languages that "detect" and "multi" choose from; empty for all.
    candidates: tuple[str, ...] = ()
    # An extension: so much at the beginning of the audio was transcribed before, and is here for its context only.
    lead_ms: int = 0
    # The lead was itself sent with this `tail_ms`: the words at its end are still to be said.
    lead_tail_ms: int = 0
    # An extension: speech goes on after the audio. So much at its end comes again in the lead of what follows, and
    # the words that end in it are said there.
    tail_ms: int = 0


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


SOMMERS: Final = "sommers"
WHISPER: Final = "whisper"
MODELS: Final = (SOMMERS, WHISPER)

# field -> (what it must be, in words; the check). Like the vendor, the emulator ignores unknown fields.
_FIELDS: Final[Mapping[str, tuple[str, Callable[[object], bool]]]] = {
    "model_name": ("sommers or whisper", _one_of(*MODELS)),
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
    "lead_ms": ("a whole number of milliseconds", _count),
    "lead_tail_ms": ("a whole number of milliseconds", _count),
    "tail_ms": ("a whole number of milliseconds", _count),
}
# https://developers.rtzr.ai/docs/en/stt-file/language: all others, `detect` and `multi` are whisper's
_SOMMERS_LANGUAGES: Final = ("ko", "ja")
# Modes of whisper instead of a language.
DETECT: Final = "detect"
MULTI: Final = "multi"
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
    model_name = config.get("model_name", SOMMERS)
    if model_name == SOMMERS and "language_candidates" in config:
        raise VendorError("H0001", "language_candidates are for whisper")
    language = _language(model_name, config.get("language"))
    if spoken is not None and language not in {DETECT, MULTI, *spoken}:
        raise VendorError(
            "H0001", f"language {language} is not available, this engine knows {', '.join(sorted(spoken))}"
        )
    candidates = [code for code in config.get("language_candidates", []) if spoken is None or code in spoken]
    speakers = config.get("diarization", {}).get("spk_count", 0) if config.get("use_diarization") else None
    return Config(
        model_name,
        language,
        config.get("use_word_timestamp", False),
        speakers,
        tuple(candidates),
        config.get("lead_ms", 0),
        config.get("lead_tail_ms", 0),
        config.get("tail_ms", 0),
    )


def _language(model_name: str, language: str | None) -> str:
    """Return the language to recognise, or one of whisper's modes."""
    if model_name == WHISPER:
        if language is None:
            raise VendorError("H0001", "whisper needs a language")
        if language not in (DETECT, MULTI) and not _ISO_LANGUAGE.fullmatch(language):
            raise VendorError("H0001", "language has to be detect, multi or an ISO code")
        return language
    language = "ko" if language is None else language
    if language not in _SOMMERS_LANGUAGES:
        raise VendorError("H0001", f"sommers does not know the language {language}")
    return language
