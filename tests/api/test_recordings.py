"""/meetings/{id}/recordings and /recordings/{id}: submit, read, retry, cancel."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.test import Client
from django.test.client import encode_multipart
from pytest_django import DjangoAssertNumQueries, Settings

from tests.api.conftest import SPEECH
from tests.rows import a_row
from transcription.models import Meeting, Recording, Transcription
from transcription.sound import intake

Speech = Callable[[], SimpleUploadedFile]

pytestmark = pytest.mark.usefixtures("media")


def hand_in(client: Client, meeting: Meeting, **fields: Any) -> Any:
    return client.post(f"/api/v1/meetings/{meeting.pk}/recordings", fields)


def test_a_language_that_the_vendor_does_not_have_is_refused_in_words(
    client: Client, meeting: Meeting, speech: Speech, media: Path, vendor_knows: Callable[..., None]
) -> None:
    vendor_knows("ko", "multi")
    response = hand_in(client, meeting, audio=speech())
    assert response.status_code == 422
    assert response.json()["error"] == {
        "code": "language_unsupported",
        "message": "The speech service cannot transcribe this language: English."
        " The owner of the meeting can choose another language.",
    }
    assert not Recording.objects.exists()
    assert not media.exists()


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_live_recording_may_say_that_its_speaker_goes_on(
    client: Client, meeting: Meeting, speech: Speech, goes_on: bool
) -> None:
    said = {"goes_on": "true"} if goes_on else {}
    assert hand_in(client, meeting, audio=speech(), kind="live", **said).status_code == 201
    assert Recording.objects.get().goes_on is goes_on


def test_an_upload_is_kept_and_waits(client: Client, meeting: Meeting, speech: Speech, media: Path) -> None:
    response = hand_in(client, meeting, audio=speech())
    assert response.status_code == 201
    recording = Recording.objects.get()
    assert response.json() == {
        "id": recording.pk,
        "meeting": meeting.pk,
        "client_id": None,
        "kind": "upload",
        "offset_ms": 0,
        "duration_ms": recording.duration_ms,
        "read_ms": None,
        "whole_ms": None,
        "status": "queued",
        "delayed": False,
        "queue_position": 1,
        "eta_s": None,
        "progress_ms": None,
        "error": None,
        "vendor": "rtzr",
        "version": 1,
        "possible_duplicate": 0,
        "utterances": [],
    }
    assert recording.participant is not None
    assert recording.participant.name == "Minsu Kim"
    assert recording.name == "hello.wav"
    assert recording.audio.name
    assert (media / recording.audio.name).read_bytes() == SPEECH.read_bytes()


def test_the_fields_of_a_live_recording_are_kept(client: Client, meeting: Meeting, speech: Speech) -> None:
    given = uuid.uuid4()
    response = hand_in(client, meeting, audio=speech(), client_id=str(given), offset_ms="1500", kind="live")
    assert response.status_code == 201
    assert {name: response.json()[name] for name in ("client_id", "offset_ms", "kind")} == {
        "client_id": str(given),
        "offset_ms": 1500,
        "kind": "live",
    }


def test_the_same_client_id_again_is_the_same_recording(
    client: Client, meeting: Meeting, speech: Speech
) -> None:
    given = str(uuid.uuid4())
    first = hand_in(client, meeting, audio=speech(), client_id=given)
    again = hand_in(client, meeting, audio=speech(), client_id=given)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert Recording.objects.count() == Transcription.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("client_id", "not-a-uuid"),
        ("client_id", ""),
        ("offset_ms", "-1"),
        ("offset_ms", "soon"),
        ("offset_ms", "1e400"),
        ("offset_ms", str(intake.LATEST_OFFSET_MS + 1)),
        ("offset_ms", "9" * 5000),
        ("kind", "stream"),
    ],
)
def test_a_malformed_field_is_named(
    client: Client, meeting: Meeting, speech: Speech, field: str, value: str
) -> None:
    response = hand_in(client, meeting, audio=speech(), **{field: value})
    assert response.status_code == 422
    assert response.json()["error"]["code"] == "invalid"
    assert response.json()["error"]["message"].startswith(f"{field}: ")
    assert not Recording.objects.exists()


@pytest.mark.parametrize("fields", [{}, {"audio": "text"}])
def test_without_a_file_it_says_so(client: Client, meeting: Meeting, fields: dict[str, str]) -> None:
    response = hand_in(client, meeting, **fields)
    assert response.status_code == 422
    assert response.json() == {"error": {"code": "invalid", "message": "audio: Field required"}}


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "empty"),
        (b"just text, no sound at all", 415, "not_audio"),
        (SPEECH.read_bytes()[:20], 422, "unreadable"),
    ],
)
def test_what_is_no_audio_is_refused(
    client: Client, meeting: Meeting, content: bytes, status: int, code: str
) -> None:
    response = hand_in(client, meeting, audio=SimpleUploadedFile("a.wav", content))
    assert response.status_code == status
    assert response.json()["error"]["code"] == code
    assert not Recording.objects.exists()


def test_a_file_over_the_limit_is_refused_before_it_is_read(
    client: Client, meeting: Meeting, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MAX_UPLOAD_BYTES = 1024

    def no_reading(*_args: object, **_options: object) -> None:
        raise AssertionError("the body was parsed")

    monkeypatch.setattr("django.http.request.HttpRequest.parse_file_upload", no_reading)
    response = hand_in(client, meeting, audio=SimpleUploadedFile("a.wav", bytes(2_000_000)))
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "too_large"


def test_a_file_of_exactly_the_limit_is_taken_though_its_form_is_larger(
    client: Client, meeting: Meeting, settings: Settings
) -> None:
    settings.MAX_UPLOAD_BYTES = SPEECH.stat().st_size
    response = hand_in(client, meeting, audio=SimpleUploadedFile("a.wav", SPEECH.read_bytes()))
    assert response.status_code == 201


@pytest.mark.parametrize(("over", "status"), [(0, 422), (1, 413)])
def test_a_form_may_weigh_a_megabyte_beside_the_largest_file(
    client: Client, meeting: Meeting, settings: Settings, over: int, status: int
) -> None:
    """A form that is within the limit is read, and answered with 422, because it has no file."""
    settings.MAX_UPLOAD_BYTES = 1024
    size = settings.MAX_UPLOAD_BYTES + 1024**2 + over
    form = encode_multipart("x", {"note": "n" * (size - len(encode_multipart("x", {"note": ""})))})
    assert len(form) == size

    response = client.post(
        f"/api/v1/meetings/{meeting.pk}/recordings", form, content_type="multipart/form-data; boundary=x"
    )

    assert response.status_code == status


def test_audio_that_is_too_long_is_refused_with_413(
    client: Client, meeting: Meeting, speech: Speech, settings: Settings
) -> None:
    settings.MAX_AUDIO_SECONDS = 1
    response = hand_in(client, meeting, audio=speech())
    assert (response.status_code, response.json()["error"]["code"]) == (413, "too_long")


def test_a_meeting_that_is_deleted_meanwhile_is_not_found(
    client: Client, meeting: Meeting, speech: Speech, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(**_fields: object) -> None:
        raise intake.deleted()

    monkeypatch.setattr(intake, "receive", gone)
    response = hand_in(client, meeting, audio=speech())
    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


def test_a_file_just_over_the_limit_is_refused_by_its_own_size(
    client: Client, meeting: Meeting, settings: Settings
) -> None:
    settings.MAX_UPLOAD_BYTES = SPEECH.stat().st_size - 1
    response = hand_in(client, meeting, audio=SimpleUploadedFile("a.wav", SPEECH.read_bytes()))
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "too_large"


def test_an_upload_is_never_whole_in_memory(
    client: Client, meeting: Meeting, speech: Speech, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []
    receive = intake.receive

    def spy(**given: Any) -> Any:
        seen.append(given["upload"])
        return receive(**given)

    monkeypatch.setattr(intake, "receive", spy)
    assert hand_in(client, meeting, audio=speech()).status_code == 201
    assert isinstance(seen[0], TemporaryUploadedFile)


def test_a_finished_recording_has_its_words(
    client: Client,
    meeting: Meeting,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    row = a_row(
        meeting, duration_ms=4000, texts=[(0, 900, "0", "Good morning."), (1000, 0, "1", "<b>안녕</b>")]
    )
    with django_assert_max_num_queries(4):  # token, its use, the recording, the words
        response = client.get(f"/api/v1/recordings/{row.recording_id}")
    assert response.status_code == 200
    assert response.json()["status"] == "done"
    assert response.json()["duration_ms"] == 4000
    ids = list(row.utterances.values_list("pk", flat=True))
    each = {"speaker": "Minsu Kim", "language": "en", "version": 1, "edited": False}
    assert response.json()["utterances"] == [
        each | {"id": ids[0], "start_ms": 0, "duration_ms": 900, "text": "Good morning."},
        each | {"id": ids[1], "start_ms": 1000, "duration_ms": 0, "text": "<b>안녕</b>"},
    ]


def test_a_failed_recording_says_why_and_keeps_the_vendors_words_back(
    client: Client, meeting: Meeting
) -> None:
    row = a_row(meeting, status="failed", error_code="vendor_auth", error_detail="secret 10.0.0.1")
    response = client.get(f"/api/v1/recordings/{row.recording_id}")
    assert response.json()["error"] == {
        "code": "vendor_auth",
        "message": "The speech service does not accept this system's credentials.",
    }
    assert "10.0.0.1" not in response.content.decode()


def test_a_retry_starts_again(client: Client, meeting: Meeting) -> None:
    row = a_row(meeting, status="failed", version=4)
    response = client.post(f"/api/v1/recordings/{row.recording_id}/retry")
    assert response.status_code == 200
    assert (response.json()["status"], response.json()["version"]) == ("queued", 5)
    assert response.json()["error"] is None


@pytest.mark.parametrize("status", ["queued", "submitting", "processing", "done"])
def test_a_retry_of_what_did_not_fail_is_a_conflict(client: Client, meeting: Meeting, status: str) -> None:
    row = a_row(meeting, status=status)
    response = client.post(f"/api/v1/recordings/{row.recording_id}/retry")
    assert response.status_code == 409
    assert response.json()["error"]["code"] == "nothing_to_retry"
    assert Transcription.objects.get().status == status


@pytest.mark.parametrize("status", ["queued", "submitting", "processing"])
def test_what_is_on_its_way_can_be_cancelled(client: Client, meeting: Meeting, status: str) -> None:
    row = a_row(meeting, status=status)
    response = client.post(f"/api/v1/recordings/{row.recording_id}/cancel")
    assert response.status_code == 200
    assert response.json()["status"] == "cancelled"


@pytest.mark.parametrize("status", ["done", "failed", "cancelled"])
def test_what_is_over_cannot_be_cancelled(client: Client, meeting: Meeting, status: str) -> None:
    row = a_row(meeting, status=status)
    response = client.post(f"/api/v1/recordings/{row.recording_id}/cancel")
    assert response.status_code == 409
    assert response.json()["error"]["code"] == "nothing_to_cancel"
    assert Transcription.objects.get().status == status
