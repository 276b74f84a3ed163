"""The system checks, as `manage.py check` reports them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django import Settings

from mico.checks import check_settings
from tests.servers import BASE_DIR
from tests.settings import VARIABLES
from tests.waiting import patient

# The least that a deployment sets. The servers do not exist: checks connect to none.
DEPLOYMENT = {
    "DATABASE_URL": "postgres://mico:mico@db.invalid/mico",
    "REDIS_URL": "redis://redis.invalid/0",
    "RTZR_CLIENT_ID": "id",
    "RTZR_CLIENT_SECRET": "secret",
    "DJANGO_SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "ALLOWED_HOSTS": "mico.example.org",
    "HTTPS": "true",
}


def check(data: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `manage.py check` with these of Mico's variables and no others."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in VARIABLES | {"DJANGO_SETTINGS_MODULE"}
    }
    return subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", "check", *arguments],
        cwd=BASE_DIR,
        env=environment | {"MICO_ENV_FILE": os.devnull, "MICO_DATA": str(data)} | variables,
        capture_output=True,
        text=True,
        timeout=patient(15),
        check=False,
    )


def identifiers() -> list[str | None]:
    return [message.id for message in check_settings()]


def test_nothing_set_is_fine(tmp_path: Path) -> None:
    result = check(tmp_path, "--fail-level", "WARNING")
    assert result.returncode == 0, result.stderr


def test_a_proper_deployment_is_clean(tmp_path: Path) -> None:
    result = check(tmp_path, "--deploy", "--fail-level", "WARNING", **DEPLOYMENT)
    assert result.returncode == 0, result.stderr
    assert "0 silenced" in result.stdout


@pytest.mark.parametrize(
    ("changes", "identifier"),
    [
        ({"DJANGO_SECRET_KEY": ""}, "mico.E001"),
        ({"ALLOWED_HOSTS": ""}, "mico.E002"),
        ({"DEBUG": "true"}, "mico.E003"),
    ],
)
def test_what_a_deployment_needs(tmp_path: Path, changes: dict[str, str], identifier: str) -> None:
    environment = {name: value for name, value in (DEPLOYMENT | changes).items() if value}
    result = check(tmp_path, **environment)
    assert result.returncode == 1
    assert identifier in result.stderr


@pytest.mark.parametrize(
    ("client_id", "secret", "named"), [("id", "", "RTZR_CLIENT_SECRET"), ("", "secret", "RTZR_CLIENT_ID")]
)
def test_half_of_the_credentials(settings: Settings, client_id: str, secret: str, named: str) -> None:
    settings.RTZR_CLIENT_ID, settings.RTZR_CLIENT_SECRET = client_id, secret
    (message,) = check_settings()
    assert message.id == "mico.E004"
    assert named in message.msg


def test_credentials_in_the_clear(settings: Settings) -> None:
    settings.RTZR_CLIENT_ID, settings.RTZR_CLIENT_SECRET = "id", "secret"
    settings.EMBEDDED_VENDOR = False
    settings.STT_VENDORS = {"rtzr": {"base_url": "http://vendor.example.org"}}
    assert identifiers() == ["mico.W001"]
    settings.STT_VENDORS = {"rtzr": {"base_url": "http://localhost:9009"}}
    assert identifiers() == []


@pytest.mark.parametrize(
    ("language", "languages", "expected"),
    [
        ("", ["en"], []),
        ("en", ["en"], []),
        ("ko", ["en"], ["mico.W002"]),
        ("detect", ["ko", "detect"], []),
        ("multi", ["ko", "detect"], ["mico.W002"]),
        ("", [], ["mico.E005"]),
        ("ko", [], ["mico.E005"]),
    ],
)
def test_a_language_that_the_vendor_cannot_transcribe(
    settings: Settings, language: str, languages: list[str], expected: list[str]
) -> None:
    settings.STT_LANGUAGE = language
    settings.STT_VENDORS = {"rtzr": settings.STT_VENDORS["rtzr"] | {"languages": languages}}
    assert identifiers() == expected


def test_a_language_that_rtzr_does_not_document(settings: Settings) -> None:
    settings.STT_LANGUAGE = "haw"
    settings.STT_VENDORS = {"rtzr": {"base_url": "https://vendor.example.org"}}
    [message] = check_settings()
    assert (message.id, message.msg) == (
        "mico.W002",
        "STT_LANGUAGE is haw, which the vendor cannot transcribe.",
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [("STT_LANGUAGE", "korean"), ("RTZR_LANGUAGES", "ko,klingon"), ("EMULATOR_ENGINE", "x")],
)
def test_a_value_that_is_none_of_the_possible_ones_is_named(
    tmp_path: Path, variable: str, value: str
) -> None:
    result = check(tmp_path, **{variable: value})
    assert result.returncode == 1
    assert variable in result.stderr


def test_every_variable_that_is_read_is_in_the_example() -> None:
    """tests/settings.py relies on it to unset them all, and people find them all in one place."""
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (BASE_DIR / "mico" / "settings.py").read_text()))
    assert read - VARIABLES == set()
    assert VARIABLES - read == set()
