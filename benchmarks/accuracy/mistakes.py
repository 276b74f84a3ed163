"""How many words or letters of what was said the recogniser got wrong. Pure."""

import re
import unicodedata
from collections.abc import Sequence

KOREAN = "ko"


def units(text: str, language: str) -> list[str]:
    """Return what is compared: the words of a text, or of a Korean one the syllables, without case and punctuation.

    Syllables, because Korean's spaces are a matter of taste.
    """
    text = unicodedata.normalize("NFC", text).casefold().replace("’", "'").replace("'", "")
    text = re.sub(r"[^\w]|_", " ", text)
    if language == KOREAN:
        return [letter for letter in text if letter != " "]
    return re.sub(r"\bmr\b", "mister", text).split()


def distance(said: Sequence[str], heard: Sequence[str]) -> int:
    """Return the fewest units to change, to leave out and to add that make one of the other (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for number, wanted in enumerate(said, 1):
        before, row[0] = row[0], number
        for at, found in enumerate(heard, 1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (wanted != found))
    return row[-1]
