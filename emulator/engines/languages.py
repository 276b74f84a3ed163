"""The languages of Whisper's models (https://github.com/openai/whisper, whisper/tokenizer.py)."""

from __future__ import annotations

from typing import Final

_CODES: Final = (
    "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi "
    "hr ht hu hy id is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn "
    "no oc pa pl ps pt ro ru sa sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi "
    "yi yo zh "
)
_LANGUAGES: Final = frozenset(_CODES.split())


def languages_of(model: str) -> frozenset[str]:
    """Return the languages of a model by its name."""
    if model.endswith(".en"):
        return frozenset({"en"})
    # Only large-v3, and turbo, which was made of it, know Cantonese.
    return _LANGUAGES | {"yue"} if {"v3", "turbo"} & set(model.split("-")) else _LANGUAGES
