"""Codes of languages."""

import re

import pytest

from transcription.vendors.languages import MODES, WHISPER, tag


def test_whisper_knows_a_hundred_languages_by_short_codes() -> None:
    assert len(set(WHISPER)) == len(WHISPER) == 100
    assert all(re.fullmatch(r"[a-z]{2,3}", code) for code in WHISPER)
    assert not set(WHISPER) & set(MODES)


@pytest.mark.parametrize(
    ("code", "expected"),
    [("ko", "ko"), ("haw", "haw"), ("jw", "jv"), ("detect", ""), ("multi", ""), ("", "")],
)
def test_the_tag_of_a_code_is_a_language(code: str, expected: str) -> None:
    assert tag(code) == expected
