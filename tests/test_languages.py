"""The languages that a meeting can be in: what is offered, in which order, and under which names."""

from collections.abc import Callable, Iterator

import pytest
from django.utils import translation
from pytest_django import Settings

from transcription import languages
from transcription.vendors.languages import WHISPER

Knows = Callable[..., None]


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


def codes(choices: languages.Choices) -> dict[str, list[str]]:
    """The codes of each group, by its label."""
    return {
        str(label): [code for code, _name in group] for label, group in choices if isinstance(group, list)
    }


@pytest.mark.parametrize("interface", ["en", "ko"])
def test_every_language_has_a_name_of_its_own(interface: str) -> None:
    with translation.override(interface):
        names = [languages.name(code) for code in (*WHISPER, "detect", "multi")]
    assert len(set(names)) == 102
    assert not set(names) & set(WHISPER)


@pytest.mark.parametrize(
    ("code", "english", "korean"),
    [
        ("ko", "Korean", "한국어"),
        ("haw", "Hawaiian", "하와이어"),
        ("jw", "Javanese", "자바어"),
        ("detect", "Find out by itself", "자동으로 알아내기"),
        ("multi", "Several languages, mixed", "여러 언어를 섞어서"),
        ("tlh", "Klingon", "클링온어"),
        ("xx", "xx", "xx"),
    ],
)
def test_names_are_in_the_language_of_the_interface(code: str, english: str, korean: str) -> None:
    with translation.override("en"):
        assert languages.name(code) == english
    with translation.override("ko"):
        assert languages.name(code) == korean


def test_a_person_finds_theirs_first_and_the_others_by_name(vendor_knows: Knows) -> None:
    vendor_knows("sq", "ja", "en", "de", "ko", "multi", "detect", "mi")
    with translation.override("en"):
        assert codes(languages.choices(["ja", "en", "fr"])) == {
            "Suggested": ["en", "ja"],  # French is not offered: the vendor does not have it
            "Several languages, or unknown": ["detect", "multi"],
            "All other languages": ["sq", "de", "ko", "mi"],  # Albanian, German, Korean, Māori
        }
    with translation.override("ko"):
        assert codes(languages.choices(["multi"])) == {
            "추천": ["ko", "multi"],
            "언어가 여럿이거나 모를 때": ["detect"],
            "그 밖의 모든 언어": ["de", "mi", "sq", "en", "ja"],  # 독일어, 마오리어, 알바니아어, 영어, 일본어
        }


def test_what_whisper_knows_is_offered_in_full_and_once() -> None:
    groups = codes(languages.choices(["detect", "ko"]))
    offered = [code for group in groups.values() for code in group]
    assert sorted(offered) == sorted({*WHISPER, "detect", "multi"} - {"yue"})


def test_a_single_language_needs_no_groups(vendor_knows: Knows) -> None:
    vendor_knows("en")
    assert languages.choices(["ko"]) == [("en", "English")]


def test_a_mode_says_among_which_languages_it_chooses(vendor_knows: Knows) -> None:
    vendor_knows("en", "ko", "detect", candidates=("ko", "en"))
    assert ("detect", "Find out by itself (Korean, English)") in dict(languages.choices([]))[
        "Several languages, or unknown"
    ]
    vendor_knows("en", "ko", "detect", candidates=WHISPER)
    assert ("detect", "Find out by itself") in dict(languages.choices([]))["Several languages, or unknown"]


@pytest.mark.parametrize(
    ("knows", "setting", "interface", "usual"),
    [
        (("en", "ko", "ja"), "ja", "ko", "ja"),
        (("en", "ko", "ja"), "", "ko", "ko"),
        (("en", "ko", "ja"), "", "en", "en"),
        (("en", "ko", "ja"), "de", "ko", "ko"),
        (("ja", "detect"), "", "ko", "detect"),
        (("ja", "de"), "", "ko", "ja"),
    ],
)
def test_the_usual_language_is_one_that_the_vendor_has(
    settings: Settings, vendor_knows: Knows, knows: tuple[str, ...], setting: str, interface: str, usual: str
) -> None:
    settings.STT_LANGUAGE = setting
    vendor_knows(*knows)
    with translation.override(interface):
        assert languages.usual() == usual


@pytest.mark.parametrize(
    ("code", "english", "korean"),
    [
        ("ko", "", ""),
        (
            "de",
            "The speech service cannot transcribe this language: German.",
            "음성 인식 서비스가 이 언어는 글로 옮기지 못합니다: 독일어.",
        ),
        (
            "detect",
            "The speech service cannot find out a language by itself.",
            "음성 인식 서비스가 언어를 자동으로 알아내지 못합니다.",
        ),
        (
            "multi",
            "The speech service cannot transcribe several languages mixed.",
            "음성 인식 서비스가 여러 언어가 섞인 말은 글로 옮기지 못합니다.",
        ),
    ],
)
def test_what_the_vendor_does_not_have_is_said_in_a_sentence(
    vendor_knows: Knows, code: str, english: str, korean: str
) -> None:
    vendor_knows("ko")
    with translation.override("en"):
        assert languages.problem(code) == english
    with translation.override("ko"):
        assert languages.problem(code) == korean
