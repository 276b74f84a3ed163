"""What the settings make of the environment."""

import pytest
from environs import ValidationError

from emulator.engines.languages import languages_of
from mico import settings
from transcription.vendors.languages import MODES, WHISPER

OF_BASE = [code for code in WHISPER if code != "yue"]  # Cantonese came with large-v3


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, {"languages": [*OF_BASE, *MODES], "candidates": []}),
        ({"WHISPER_MODEL": "large-v3-turbo"}, {"languages": [*WHISPER, *MODES], "candidates": []}),
        ({"WHISPER_MODEL": "base.en"}, {"languages": ["en"], "candidates": []}),
        ({"EMULATOR_ENGINE": "pocketsphinx"}, {"languages": ["en"], "candidates": []}),
        ({"RTZR_LANGUAGES": ["multi", "ko"]}, {"languages": ["ko", "multi"], "candidates": []}),
        ({"RTZR_LANGUAGE_CANDIDATES": ["fr"]}, {"languages": [*OF_BASE, *MODES], "candidates": ["fr"]}),
        ({"EMBEDDED_VENDOR": False, "EMULATOR_ENGINE": "pocketsphinx"}, {}),
        ({"EMBEDDED_VENDOR": False, "RTZR_LANGUAGES": ["ko", "en"]}, {"languages": ["ko", "en"]}),
        ({"EMBEDDED_VENDOR": False, "RTZR_LANGUAGE_CANDIDATES": ["ko"]}, {"candidates": ["ko"]}),
    ],
)
def test_the_languages_are_those_of_the_engine_or_the_account(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, object], expected: dict[str, list[str]]
) -> None:
    for name, value in ({"EMULATOR_ENGINE": "whisper", "WHISPER_MODEL": "base"} | variables).items():
        monkeypatch.setattr(settings, name, value)
    assert settings.vendor_languages() == expected


def test_the_embedded_vendor_is_sent_short_stretches() -> None:
    assert settings.STT_VENDORS["rtzr"]["stretch_s"] == (4, 8)


@pytest.mark.parametrize("lengths", [[], [5], [8, 4], [5, 5], [0.5, 5], [10, 61], [3, 5, 7]])
def test_a_stretch_has_a_soonest_and_a_later_latest_end(lengths: list[float]) -> None:
    with pytest.raises(ValidationError, match="two numbers"):
        settings.rising(lengths)


@pytest.mark.parametrize(
    "model", ["tiny", "base", "base.en", "large-v2", "large-v3", "large-v3-turbo", "turbo"]
)
def test_what_is_offered_is_what_the_embedded_engine_knows(
    monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.setattr(settings, "WHISPER_MODEL", model)
    offered = set(settings.vendor_languages()["languages"])
    assert offered - set(MODES) == languages_of(model)
    assert (offered >= set(MODES)) is (model != "base.en")


@pytest.mark.parametrize(
    ("text", "first_cap", "first_caps"),
    [
        ("", 10, {"sommers": 10, "whisper": 2}),
        ("10", 10, {}),
        ("0", 0, {}),
        ("sommers=20,whisper=5", 10, {"sommers": 20, "whisper": 5}),
        ("whisper=0", 10, {"sommers": 10, "whisper": 0}),
        ("sommers=20, whisper=5", 10, {"sommers": 20, "whisper": 5}),
    ],
)
def test_the_jobs_at_once_are_one_number_or_those_of_each_model(
    text: str, first_cap: int, first_caps: dict[str, int]
) -> None:
    assert settings.jobs_at_once(text) == {"first_cap": first_cap, "first_caps": first_caps}


@pytest.mark.parametrize("text", ["-1", "ten", "10001", "other=3", "sommers", "10,whisper=2", "whisper=2.5"])
def test_other_jobs_at_once_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValidationError, match="sommers=20,whisper=5"):
        settings.jobs_at_once(text)
