"""The languages that meetings can be in: which ones, their names for people, and the usual one of a new meeting.

A code is one of ISO 639, or a mode: `detect` or `multi` (vendors/languages.py).
"""

from collections.abc import Iterable

from babel import Locale
from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from transcription.vendors.languages import DETECT, MODES, MULTI, tag
from transcription.vendors.registry import get_vendor, languages

Choices = list[tuple[str, str | list[tuple[str, str]]]]

# A mode's name lists the languages that it tells apart, up to so many.
MOST_LISTED = 6


def name(code: str) -> str:
    """Return the name of a language or mode in the active language; the code itself if nobody knows it."""
    if code == DETECT:
        return _("Find out by itself")
    if code == MULTI:
        return _("Several languages, mixed")
    return str(_locale().languages.get(tag(code), code))


def stated(code: str) -> str:
    """Return what is said of a meeting in this language: its name, which for `detect` would be an instruction."""
    return _("language found by itself") if code == DETECT else name(code)


def usual() -> str:
    """Return the language of a new meeting whose maker names none.

    It is STT_LANGUAGE, else the active language; the first that the vendor can do.
    """
    able = languages()
    for wanted in (settings.STT_LANGUAGE, _interface(), DETECT):
        if wanted in able:
            return wanted
    return able[0]


def choices(used: Iterable[str]) -> Choices:
    """Return what the vendor can do as the choices of a form, in groups that a person finds theirs in.

    First the active language and those in `used`, then the modes, then all others by name.
    """
    able = languages()
    first = [code for code in dict.fromkeys([_interface(), *used]) if code in able]
    modes = [code for code in MODES if code in able and code not in first]
    others = sorted(set(able) - {*first, *modes}, key=lambda code: name(code).casefold())
    groups = {
        _("Suggested"): first,
        _("Several languages, or unknown"): modes,
        _("All other languages"): others,
    }
    shown = [(label, [(code, _choice(code)) for code in codes]) for label, codes in groups.items() if codes]
    return list(shown) if len(shown) > 1 else [choice for _label, group in shown for choice in group]


def problem(code: str) -> str:
    """Return why the vendor cannot transcribe this language or mode, as a sentence; "" if it can."""
    if code in languages():
        return ""
    if code == DETECT:
        return _("The speech service cannot find out a language by itself.")
    if code == MULTI:
        return _("The speech service cannot transcribe several languages mixed.")
    return _("The speech service cannot transcribe this language: %(language)s.") % {"language": name(code)}


def _choice(code: str) -> str:
    told_apart = get_vendor(settings.STT_VENDOR).candidates
    if code in MODES and 0 < len(told_apart) <= MOST_LISTED:
        return f"{name(code)} ({', '.join(map(name, told_apart))})"
    return name(code)


def _interface() -> str:
    return (get_language() or settings.LANGUAGE_CODE).partition("-")[0]


def _locale() -> Locale:
    return Locale.parse(_interface())
