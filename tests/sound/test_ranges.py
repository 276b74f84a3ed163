"""The player's audio: `Range` requests, and headers that keep a browser from running what is in the file."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tests.rows import a_row
from transcription.models import Meeting, Recording
from transcription.people import meetings

pytestmark = pytest.mark.django_db


@pytest.fixture
def meeting() -> Meeting:
    """Mina's."""
    return meetings.create_meeting(User.objects.create_user("mina"), "Weekly", "en")


@pytest.fixture
def page(client: Client, meeting: Meeting) -> Client:
    """Mina's browser."""
    client.force_login(meeting.owner)
    return client


@pytest.fixture
def where(meeting: Meeting, settings: Any, tmp_path: Path) -> str:
    """The URL of a recording with a file of 1000 bytes."""
    settings.MEDIA_ROOT = tmp_path
    row = a_row(meeting)
    recording = row.recording
    recording.audio.save("x", SimpleUploadedFile("x", bytes(n % 251 for n in range(1000))), save=False)
    recording.size_bytes = 1000
    recording.save()
    return reverse("audio", args=[meeting.pk, recording.pk])


def test_whole(page: Client, where: str) -> None:
    response = page.get(where)
    assert response.status_code == 200
    assert len(response.getvalue()) == 1000
    assert response["Accept-Ranges"] == "bytes"
    assert response["Content-Type"] == "audio/wav"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"] == "inline"
    assert "private" in response["Cache-Control"]


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        ("bytes=0-", 0, 999),
        ("bytes=0-0", 0, 0),
        ("bytes=100-199", 100, 199),
        ("bytes=990-5000", 990, 999),
        ("bytes=-10", 990, 999),
        ("bytes=-5000", 0, 999),
        ("BYTES=5-6", 5, 6),
        (f"bytes=5-{2**64 - 1}", 5, 999),
    ],
)
def test_parts(page: Client, where: str, wanted: str, first: int, last: int) -> None:
    response = page.get(where, headers={"Range": wanted})
    assert response.status_code == 206
    assert response["Content-Range"] == f"bytes {first}-{last}/1000"
    assert response["Content-Length"] == str(last - first + 1)
    assert response.getvalue() == bytes(n % 251 for n in range(first, last + 1))


@pytest.mark.parametrize("wanted", ["bytes=1000-", "bytes=5000-6000", "bytes=-0"])
def test_outside_of_the_file(page: Client, where: str, wanted: str) -> None:
    response = page.get(where, headers={"Range": wanted})
    assert response.status_code == 416
    assert response["Content-Range"] == "bytes */1000"


@pytest.mark.parametrize(
    "wanted",
    ["bytes=", "bytes=5-1", "lines=1-2", "bytes=0-1,5-6", "bytes=٣-٤", "x", "bytes=0-" + "9" * 5000],
)
def test_what_cannot_be_understood_is_ignored(page: Client, where: str, wanted: str) -> None:
    response = page.get(where, headers={"Range": wanted.encode().decode("latin-1")})
    assert response.status_code == 200
    assert len(response.getvalue()) == 1000


def test_its_size_can_be_asked_for_without_it(page: Client, where: str) -> None:
    response = page.head(where, headers={"Range": "bytes=0-9"})  # only GET has ranges
    assert (response.status_code, response["Content-Length"], response.content) == (200, "1000", b"")


def test_a_part_of_another_version_is_sent_whole(page: Client, where: str) -> None:
    def sent(version: str) -> int:
        response = page.get(where, headers={"Range": "bytes=0-9", "If-Range": version})
        return len(response.getvalue())

    whole = page.get(where)
    assert whole.getvalue()
    assert sent('"another"') == 1000
    assert sent(whole["ETag"]) == 10


def test_a_file_that_is_gone_is_not_found(page: Client, where: str, tmp_path: Path) -> None:
    for file in (tmp_path / "audio").rglob("*"):
        if file.is_file():
            file.unlink()
    assert page.get(where).status_code == 404


@pytest.mark.parametrize("form", ["html", "svg", "asf", ""])
def test_an_unknown_format_is_never_served_as_a_page(page: Client, where: str, form: str) -> None:
    Recording.objects.update(format=form)
    response = page.get(where)
    assert response.getvalue()
    assert response["Content-Type"] == "application/octet-stream"
    assert "sandbox" in response["Content-Security-Policy"]
