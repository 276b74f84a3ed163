"""Validation of RTZR's `results` of a finished job, and conversion to a Transcript; `progress` of a running one.

https://developers.rtzr.ai/docs/en/stt-file/: `{"utterances": [{"start_at": ms, "duration": ms, "msg", "lang",
"spk": int, "words"?: [{"start_at", "duration", "text"}]}]}`. Unknown fields are ignored.
"""

from __future__ import annotations

from typing import TypeGuard

from transcription.vendors.base import Transcript, VendorUtterance, Word
from transcription.vendors.redact import storable

_LONGEST_MS = 2**31 - 1  # 24 days, the largest value of the database column


def transcript_of(results: object) -> Transcript | None:
    """Return None if any part has another form: nobody would notice what is missing from a partial transcript."""
    entries = results.get("utterances") if isinstance(results, dict) else None
    if not isinstance(entries, list):
        return None
    utterances = [_utterance(entry) for entry in entries]
    if None in utterances:
        return None
    return Transcript(tuple(u for u in utterances if u is not None))


def done_ms_of(progress: object) -> int | None:
    """Return the milliseconds of audio that a running job has done, or None if it tells nothing usable.

    `{"done_ms", "duration_ms"}` is an extension of Mico's own service (docs/emulator.md).
    """
    fields = progress if isinstance(progress, dict) else {}
    done, duration = fields.get("done_ms"), fields.get("duration_ms")
    return done if _is_ms(done) and _is_ms(duration) and done <= duration else None


def _utterance(entry: object) -> VendorUtterance | None:
    if not isinstance(entry, dict):
        return None
    start, duration, text = entry.get("start_at"), entry.get("duration"), entry.get("msg")
    if not _is_ms(start) or not _is_ms(duration) or not isinstance(text, str):
        return None
    speaker, language = entry.get("spk"), entry.get("lang")
    return VendorUtterance(
        start_ms=start,
        duration_ms=duration,
        text=storable(text),
        speaker=storable(str(speaker))[:64] if isinstance(speaker, int | str) else "",
        language=storable(language)[:16] if isinstance(language, str) else "",
        words=_words(entry.get("words")),
    )


def _words(entries: object) -> tuple[Word, ...]:
    """Return all words, or none if any is invalid: the text is complete without them."""
    words = []
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict):
            return ()
        start, duration, text = entry.get("start_at"), entry.get("duration"), entry.get("text")
        if not _is_ms(start) or not _is_ms(duration) or not isinstance(text, str):
            return ()
        words.append(Word(start, duration, storable(text)))
    return tuple(words)


def _is_ms(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LONGEST_MS
