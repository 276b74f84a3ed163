"""System checks for settings that contradict each other."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning

from transcription.vendors.rtzr import LANGUAGES

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def check_settings(**_: Any) -> list[CheckMessage]:
    """Check the settings, without a query or network access."""
    return [*_deployment(), *_vendor()]


def _deployment() -> Iterator[CheckMessage]:
    if settings.EMBEDDED:
        return
    if not settings.SECRET_KEY_GIVEN:
        yield Error(
            "DJANGO_SECRET_KEY is required once database, Redis and vendor are your own.",
            hint="Set it to a long random string, the same one for every process on every machine.",
            id="mico.E001",
        )
    if not settings.ALLOWED_HOSTS:
        yield Error(
            "ALLOWED_HOSTS is required once database, Redis and vendor are your own.",
            hint="Set it to the names under which people reach this Mico, with commas between them.",
            id="mico.E002",
        )
    if settings.DEBUG:
        yield Error(
            "DEBUG is on in a deployment: every error page would show settings and people's data.",
            hint="Unset DEBUG.",
            id="mico.E003",
        )


def _vendor() -> Iterator[CheckMessage]:
    credentials = {
        "RTZR_CLIENT_ID": settings.RTZR_CLIENT_ID,
        "RTZR_CLIENT_SECRET": settings.RTZR_CLIENT_SECRET,
    }
    missing = [name for name, value in credentials.items() if not value]
    if len(missing) == 1:
        yield Error(
            f"{missing[0]} is missing: the vendor's credentials are two variables.",
            hint="Set both, or neither for the embedded vendor.",
            id="mico.E004",
        )
    base_url = urlsplit(settings.STT_VENDORS["rtzr"]["base_url"])
    if not missing and base_url.scheme != "https" and base_url.hostname not in LOOPBACK:
        yield CheckWarning(
            "RTZR_BASE_URL is not https: credentials and recordings travel in the clear.",
            hint="Use an https address.",
            id="mico.W001",
        )
    languages = settings.STT_VENDORS["rtzr"].get("languages", LANGUAGES)
    if not languages:
        yield Error(
            f"RTZR_LANGUAGES is {','.join(settings.RTZR_LANGUAGES)}, and the vendor can transcribe none of these.",
            hint="Name others, or unset it. With pocketsphinx, or a model of Whisper named *.en, it is en only.",
            id="mico.E005",
        )
    elif settings.STT_LANGUAGE and settings.STT_LANGUAGE not in languages:
        yield CheckWarning(
            f"STT_LANGUAGE is {settings.STT_LANGUAGE}, which the vendor cannot transcribe.",
            hint=f"Unset it, or set it to one of {', '.join(languages)}.",
            id="mico.W002",
        )
