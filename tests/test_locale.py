"""The translations: complete, compiled, and with the same places to fill in as the original.

When this fails: `manage.py makemessages -l ko --no-location --no-wrap`, translate, `manage.py compilemessages`
(both need gettext, which only people who change a text have to install).
"""

import gettext
import re
from pathlib import Path

import pytest

from tests.catalogue import marked, read_po
from tests.settings import BASE_DIR

CATALOGUE = BASE_DIR / "mico" / "locale" / "ko" / "LC_MESSAGES" / "django.po"
PLACES = re.compile(r"%\(\w+\)[sd]|\{\w+\}|%%")


@pytest.fixture(scope="module")
def korean() -> dict[str, str]:
    """Return the Korean catalogue."""
    return read_po(CATALOGUE)


def test_everything_is_translated(korean: dict[str, str]) -> None:
    missing = {
        path: sorted(text for text in texts if not korean.get(text)) for path, texts in marked().items()
    }
    assert {path: texts for path, texts in missing.items() if texts} == {}


def test_the_reader_of_the_sources_finds_what_is_there() -> None:
    found = marked()
    assert "Record" in found["templates/meetings/meeting/_recorder.html"]
    assert (
        "This file is larger than %(size)s, the most that can be uploaded. Cut it into parts."
        in (found["templates/meetings/meeting/_uploader.html"])
    )
    assert "The file is empty." in found["transcription/reasons.py"]
    assert "queued" in found["transcription/models/transcriptions.py"]


def test_nothing_is_left_that_nobody_says_any_more(korean: dict[str, str]) -> None:
    assert set(korean) - set().union(*marked().values()) == set()


def test_translations_fill_in_what_the_original_does(korean: dict[str, str]) -> None:
    different = {
        text: translation
        for text, translation in korean.items()
        if set(PLACES.findall(text)) != set(PLACES.findall(translation))
    }
    assert different == {}


def test_the_compiled_catalogue_is_up_to_date(korean: dict[str, str]) -> None:
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    assert {text: compiled.gettext(text) for text in korean} == korean


def test_a_fuzzy_guess_is_not_a_translation(tmp_path: Path) -> None:
    guess = tmp_path / "guess.po"
    guess.write_text('#, fuzzy\nmsgid "a"\nmsgstr "b"\n')
    with pytest.raises(ValueError, match="fuzzy"):
        read_po(guess)
