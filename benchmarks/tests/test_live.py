"""How the words that were heard are compared with those that were read."""

import pytest

from benchmarks.accuracy.mistakes import distance
from benchmarks.live import bars, lateness
from benchmarks.reading import Heard, pairs, words


def test_words_are_compared_without_case_punctuation_and_hyphens() -> None:
    assert words("It's the cold-hearted, “best” TIMES.") == ["its", "the", "cold", "hearted", "best", "times"]


@pytest.mark.parametrize(
    ("heard", "errors"),
    [("a b c d", 0), ("a x c d", 1), ("a c d", 1), ("a b b c d", 1), ("", 4), ("b c d e", 2)],
)
def test_a_word_that_is_changed_dropped_or_added_is_wrong(heard: str, errors: int) -> None:
    assert distance(["a", "b", "c", "d"], heard.split()) == errors


WHOLE = [Heard(" One", 0, 0.4), Heard(" two.", 0.5, 0.9), Heard(" Three", 1, 1.4), Heard(" four", 2, 2.5)]


def test_only_words_that_both_have_are_paired_in_order() -> None:
    live = [Heard("one", 10, 10.4), Heard("too", 10.5, 10.9), Heard("three-four", 11, 12.5)]
    assert [(one.text, other.text) for one, other in pairs(WHOLE, live)] == [
        (" One", "one"),
        (" Three", "three-four"),
        (" four", "three-four"),
    ]


def test_a_word_is_late_from_its_end_in_the_file_to_its_recording_on_the_page() -> None:
    live = [Heard(w.text, 100 + w.start, 100 + w.end, recording=1 + (w.start > 0.9)) for w in WHOLE]
    assert lateness(WHOLE, live, {1: 102.0, 2: 104.0}) == pytest.approx([1.6, 1.1, 2.6, 1.5])


def test_the_targets_are_those_of_one_or_of_several() -> None:
    late = {"p50": 5.0, "p95": 9.0}
    runs = {str(n): {"speakers": n, "late_s": late, "wrong": [2] * n} for n in (1, 3)}
    assert list(bars({"whole_file_wrong": 2, "runs": runs}).values()) == [
        False,
        False,
        True,
        True,
        True,
        True,
    ]
    assert list(bars({"whole_file_wrong": 1, "runs": runs}).values())[2::3] == [False, False]
