"""Text from outside is made safe for a log or an administrator's page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcription.vendors.base import MAX_MESSAGE, AuthFailed, ProtocolError
from transcription.vendors.redact import plain, redact, storable

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "text",
    [
        f"token {JWT} is bad",
        f"Authorization: bearer {JWT[:30]}",
        f'{{"access_token": "{JWT}"}}',
        '{"access_token": "eyJopaque-secret"}',
        '{"client_secret":"eyJopaque"}',
        "client_secret=eyJopaque&client_id=a",
        "https://me:eyJopaque@example.org/",
        "Authorization: Basic eyJvcGFxdWU6eA==",
        "api_key: 'eyJopaque'",
    ],
)
def test_what_looks_like_a_secret_is_removed(text: str) -> None:
    assert "eyJ" not in redact(text)
    assert "[removed]" in redact(text)


def test_known_secrets_are_removed_whatever_they_look_like() -> None:
    assert redact("id hunter2, hunter2!", ("hunter2", "")) == "id [removed], [removed]!"


def test_ordinary_words_stay() -> None:
    text = "Too many concurrent requests: 10 of 10 (sommers), see https://developers.rtzr.ai/docs/en/"
    assert redact(text) == text


def test_a_secret_on_the_limit_is_not_cut_in_two() -> None:
    assert plain("x" * 90 + "hunter2", 94, ("hunter2",)) == "x" * 90 + "[re…"


@given(st.text(), st.integers(1, 50))
def test_plain_text_is_one_bounded_printable_line(text: str, limit: int) -> None:
    result = plain(text, limit)
    assert len(result) <= limit
    assert all(c.isprintable() or c == "\N{NO-BREAK SPACE}" for c in result)
    result.encode()


def test_an_error_is_bounded_and_without_secrets_however_it_is_made() -> None:
    error = ProtocolError(
        f"a\nb {JWT}", may_have_arrived=True, excerpt=f"bearer s3cr3t {'x' * 9000}", code="c" * 99
    )
    assert error.message == "a b [removed]"
    assert error.excerpt.startswith("bearer [removed] xxx")
    assert (len(error.excerpt), len(error.code)) == (500, 64)
    assert len(AuthFailed("x" * 9000).message) == MAX_MESSAGE


@given(st.text(st.characters(exclude_categories=[])))
def test_storable_text_can_be_encoded_and_has_no_nul(text: str) -> None:
    assert b"\x00" not in storable(text).encode()


def test_storable_text_keeps_what_was_said() -> None:
    assert storable("안녕\n하세요 👋") == "안녕\n하세요 👋"
    assert storable("a\x00b\ud83d") == "ab?"
