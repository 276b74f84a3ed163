"""What Whisper writes when nobody said it, and what people do say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.engines.nonsense import is_repetitive, is_subtitle, without_loops


@pytest.mark.parametrize(
    "text",
    [
        " Thank you for watching!",
        "Thanks for watching.",
        "시청해 주셔서 감사합니다.",
        "MBC 뉴스 이덕영입니다.",
        "ご視聴ありがとうございました",
        "Subtitles by the Amara.org community",
    ],
)
def test_the_end_of_a_film_is_no_speech(text: str) -> None:
    assert is_subtitle(text, logprob=-0.7, no_speech=0.3)
    assert is_subtitle(text, logprob=-0.2, no_speech=0.7)


@pytest.mark.parametrize(
    ("text", "logprob", "no_speech"),
    [
        ("Thank you for watching!", -0.2, 0.1),  # clearly said, at the end of a webinar
        ("Thank you for watching the door.", -0.9, 0.9),
        ("Thank you.", -0.5, 0.3),
        ("감사합니다.", -0.5, 0.3),
        ("Bye.", -0.2, 0.9),
    ],
)
def test_what_is_said_in_meetings_stays(text: str, logprob: float, no_speech: float) -> None:
    assert not is_subtitle(text, logprob, no_speech)


@pytest.mark.parametrize("text", ["Thank you.", "감사합니다.", "you"])
def test_a_phrase_of_both_goes_if_whisper_is_unsure(text: str) -> None:
    assert is_subtitle(text, logprob=-1.2, no_speech=0.2)
    assert is_subtitle(text, logprob=-0.5, no_speech=0.8)


def test_text_that_repeats_itself_is_noticed() -> None:
    assert is_repetitive("It was the best of times. " * 12)
    assert not is_repetitive("It was the best of times, it was the worst of times, it was the age of wisdom.")


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("no no no that is wrong", "no no no that is wrong"),
        ("yes yes yes yes yes yes", "yes"),
        ("so I went I went I went I went I went home", "so I went home"),
        ("and then. And then. And then. And then. And then.", "and then."),
        ("", ""),
    ],
)
def test_a_loop_is_said_once(said: str, kept: str) -> None:
    words = said.split()
    assert without_loops(words, words) == kept.split()


@given(st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f", "g", "h"]), max_size=60))
def test_words_are_only_left_out_and_never_moved(words: list[str]) -> None:
    numbered = list(enumerate(words))
    kept = without_loops(numbered, words)
    assert kept == sorted(set(kept))
    assert set(kept) <= set(numbered)
