"""Resumable uploads: the tus protocol, and interruptions at every point."""

import base64
import fcntl
import os
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tests.stt import AUDIO
from transcription.lifecycle.sweep import sweep
from transcription.models import Meeting, Recording, Transcription, Upload
from transcription.people.meetings import create_meeting, invite, remove
from transcription.sound import intake, uploads

pytestmark = pytest.mark.django_db

SPEECH = (AUDIO / "speech_slt_1.wav").read_bytes()
TUS = {"Tus-Resumable": "1.0.0"}


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def meeting(db: None) -> Meeting:
    return create_meeting(User.objects.create_user("mina"), "Weekly", "en")


@pytest.fixture
def page(meeting: Meeting) -> Client:
    """The browser of the meeting's owner."""
    client = Client()
    client.force_login(meeting.owner)
    return client


def metadata(**values: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())


def name(**values: str) -> dict[str, Any]:
    return {"Upload-Metadata": metadata(**values)}


def begin(page: Client, meeting: Meeting, size: int = len(SPEECH), **headers: Any) -> Any:
    headers.setdefault("Upload-Metadata", metadata(filename="talk.wav"))
    return page.post(
        f"/api/v1/meetings/{meeting.pk}/uploads", headers=TUS | {"Upload-Length": str(size)} | headers
    )


def begun(page: Client, meeting: Meeting, size: int = len(SPEECH), **headers: Any) -> str:
    response = begin(page, meeting, size, **headers)
    assert response.status_code == 201, response.content
    where: str = response["Location"].removeprefix("http://testserver")
    return where


def patch(page: Client, where: str, offset: int, part: bytes, **headers: str) -> Any:
    return page.patch(
        where,
        part,
        content_type="application/offset+octet-stream",
        headers=TUS | {"Upload-Offset": str(offset)} | headers,
    )


def offset(page: Client, where: str) -> int:
    response = page.head(where, headers=TUS)
    assert response.status_code == 200
    return int(response["Upload-Offset"])


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def test_a_file_in_parts_becomes_a_recording(page: Client, meeting: Meeting, media: Path) -> None:
    client_id = uuid.uuid4()
    where = begun(page, meeting, **name(filename="회의.wav", client_id=str(client_id)))
    assert offset(page, where) == 0
    for start in range(0, len(SPEECH), 30_000):
        response = patch(page, where, start, SPEECH[start : start + 30_000])
        assert response.status_code == 204
        assert response["Tus-Resumable"] == "1.0.0"
        assert int(response["Upload-Offset"]) == min(start + 30_000, len(SPEECH))
    recording = Recording.objects.get()
    assert response["Mico-Recording"] == str(recording.pk)
    assert (recording.name, recording.kind, recording.client_id) == ("회의.wav", "upload", client_id)
    assert recording.participant == meeting.participants.get()
    with recording.audio.open() as kept:
        assert kept.read() == SPEECH
    assert Transcription.objects.get().status == "queued"
    assert list((media / "incoming").iterdir()) == []
    # A complete upload still answers, with the id of its recording.
    head = page.head(where, headers=TUS)
    assert (head["Upload-Offset"], head["Upload-Length"]) == (str(len(SPEECH)), str(len(SPEECH)))
    assert head["Mico-Recording"] == str(recording.pk)
    assert head["Cache-Control"] == "no-store"
    assert code(patch(page, where, len(SPEECH), b"x")) == (409, "wrong_offset")


def test_an_upload_says_when_it_expires_and_what_the_server_can(
    page: Client, meeting: Meeting, settings: Settings
) -> None:
    response = begin(page, meeting)
    assert response["Upload-Expires"].endswith("GMT")
    options = page.options(f"/api/v1/meetings/{meeting.pk}/uploads")
    assert options.status_code == 204
    assert options["Tus-Version"] == "1.0.0"
    assert options["Tus-Extension"] == "creation,expiration,termination"
    assert options["Tus-Max-Size"] == str(settings.MAX_UPLOAD_BYTES)


def test_a_part_goes_only_where_the_upload_stands(page: Client, meeting: Meeting) -> None:
    where = begun(page, meeting)
    patch(page, where, 0, SPEECH[:100])
    for wrong in 0, 99, 101:
        assert code(patch(page, where, wrong, b"x")) == (409, "wrong_offset")
    assert code(patch(page, where, 100, SPEECH)) == (409, "wrong_offset")  # beyond the upload's size
    assert offset(page, where) == 100
    assert patch(page, where, 100, SPEECH[100:]).status_code == 204
    with Recording.objects.get().audio.open() as kept:
        assert kept.read() == SPEECH


def test_what_a_process_wrote_before_it_died_does_not_count(
    page: Client, meeting: Meeting, media: Path
) -> None:
    where = begun(page, meeting)
    patch(page, where, 0, SPEECH[:100])
    [file] = (media / "incoming").iterdir()
    with file.open("ab") as half:
        half.write(b"half a part")
    assert offset(page, where) == 100
    patch(page, where, 100, SPEECH[100:])
    with Recording.objects.get().audio.open() as kept:
        assert kept.read() == SPEECH


def test_a_process_that_died_after_the_recording_was_made_makes_no_second_one(
    page: Client, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = begun(page, meeting)
    half = len(SPEECH) // 2
    patch(page, where, 0, SPEECH[:half])
    upload = Upload.objects.get()
    real = intake.receive

    def die(**fields: Any) -> Any:
        real(**fields)
        raise KeyboardInterrupt

    monkeypatch.setattr(intake, "receive", die)
    with pytest.raises(KeyboardInterrupt):
        patch(page, where, half, SPEECH[half:])
    monkeypatch.undo()
    upload.refresh_from_db()
    assert upload.received_bytes == half  # the last part was not acknowledged
    assert code(patch(page, where, half, b"x" * (len(SPEECH) - half))) == (409, "wrong_offset")
    with Recording.objects.get().audio.open() as kept:
        assert kept.read() == SPEECH  # the upload's file may be the recording's, and is unchanged
    head = page.head(where, headers=TUS)
    assert head["Mico-Recording"] == str(Recording.objects.get().pk)
    assert int(head["Upload-Offset"]) == len(SPEECH)


def test_a_database_that_does_not_answer_costs_the_last_part_and_not_the_file(
    page: Client, meeting: Meeting, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = begun(page, meeting)
    half = len(SPEECH) // 2
    patch(page, where, 0, SPEECH[:half])

    def busy(*_: object, **__: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(Recording, "save", busy)
    assert code(patch(page, where, half, SPEECH[half:])) == (503, "busy")
    monkeypatch.undo()
    assert offset(page, where) == half
    assert patch(page, where, half, SPEECH[half:]).status_code == 204
    with Recording.objects.get().audio.open() as kept:
        assert kept.read() == SPEECH
    assert [file.name for file in media.rglob("*") if file.is_file()] == [
        Path(str(Recording.objects.get().audio.name)).name
    ]


def test_what_is_cancelled_while_a_part_comes_is_gone(
    page: Client, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = begun(page, meeting)
    write = uploads._write

    def cancelled(*args: Any) -> int:
        uploads.discard(Upload.objects.get())
        return write(*args)

    monkeypatch.setattr(uploads, "_write", cancelled)
    assert code(patch(page, where, 0, b"x")) == (410, "gone")
    assert not Upload.objects.exists()


def test_the_last_part_again_while_the_recording_is_made_throws_nothing_away(
    page: Client, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = begun(page, meeting)
    save, again = Recording.save, []

    def meanwhile(recording: Recording, *args: Any, **options: Any) -> None:
        again.append(code(patch(page, where, 0, SPEECH)))
        save(recording, *args, **options)

    monkeypatch.setattr(Recording, "save", meanwhile)
    assert patch(page, where, 0, SPEECH).status_code == 204
    assert again == [(423, "locked")]
    assert Upload.objects.get().recording == Recording.objects.get()


def test_a_file_that_is_gone_begins_again(page: Client, meeting: Meeting, media: Path) -> None:
    where = begun(page, meeting)
    for file in (media / "incoming").iterdir():
        file.unlink()
    assert code(patch(page, where, 0, b"x")) == (410, "gone")
    assert code(patch(page, where, 0, b"x")) == (404, "not_found")


def test_two_requests_never_write_at_once(page: Client, meeting: Meeting, media: Path) -> None:
    where = begun(page, meeting)
    [path] = (media / "incoming").iterdir()
    with path.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert code(patch(page, where, 0, b"x")) == (423, "locked")
    assert patch(page, where, 0, SPEECH[:10]).status_code == 204


def test_the_same_client_id_is_one_upload_and_one_recording(page: Client, meeting: Meeting) -> None:
    named = name(client_id=str(uuid.uuid4()))
    where = begun(page, meeting, **named)
    assert begun(page, meeting, **named) == where
    patch(page, where, 0, SPEECH)
    assert begun(page, meeting, **named) == where
    assert Recording.objects.count() == 1


def test_what_is_not_sound_is_refused_when_it_is_whole_and_nothing_is_kept(
    page: Client, meeting: Meeting, media: Path
) -> None:
    where = begun(page, meeting, 3000)
    patch(page, where, 0, b"x" * 2000)
    assert code(patch(page, where, 2000, b"x" * 1000)) == (415, "not_audio")
    assert not Upload.objects.exists()
    assert not Recording.objects.exists()
    assert list((media / "incoming").iterdir()) == []


def test_what_can_be_refused_before_a_byte_is_sent_is(
    page: Client, meeting: Meeting, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MAX_UPLOAD_BYTES = 5000
    assert code(begin(page, meeting, 5001)) == (413, "too_large")
    assert code(begin(page, meeting, 0)) == (400, "empty")
    for length in "", "x", "-1", "9" * 30, "٣":
        response = page.post(
            f"/api/v1/meetings/{meeting.pk}/uploads",
            headers=TUS | {"Upload-Length": length.encode().decode("latin-1")},
        )
        assert code(response) == (400, "bad_request")
    assert code(begin(page, meeting, 10, **{"Upload-Metadata": "filename ???"})) == (400, "bad_request")
    assert code(begin(page, meeting, 10, **{"Upload-Metadata": metadata(client_id="x")})) == (422, "invalid")
    assert code(begin(page, meeting, 10, **{"Tus-Resumable": "0.2.2"})) == (412, "tus_version")
    monkeypatch.setattr(uploads, "MOST_AT_ONCE", 1)
    where = begun(page, meeting, 5000)  # the largest that is allowed
    assert code(begin(page, meeting, 10)) == (409, "too_many")
    wrong = page.patch(where, b"x", content_type="text/plain", headers=TUS | {"Upload-Offset": "0"})
    assert code(wrong) == (415, "unsupported_media_type")
    assert code(patch(page, where, 0, b"x", **{"Tus-Resumable": ""})) == (412, "tus_version")


def test_a_language_that_the_vendor_does_not_have_is_refused_before_a_byte_is_sent(
    page: Client, meeting: Meeting, vendor_knows: Callable[..., None]
) -> None:
    where = begun(page, meeting)
    vendor_knows("ko")
    refused = begin(page, meeting, 10, **{"Accept-Language": "ko"})
    assert code(refused) == (422, "language_unsupported")
    assert refused.json()["error"]["message"] == (
        "음성 인식 서비스가 이 언어는 글로 옮기지 못합니다: 영어. 회의 주최자가 다른 언어로 바꿀 수 있습니다."
    )
    assert Upload.objects.count() == 1
    # A file that is on its way already is kept: it can be tried again once the language is put right.
    assert patch(page, where, 0, SPEECH).status_code == 204
    assert Recording.objects.count() == 1


def test_an_ended_meeting_takes_no_new_file(page: Client, meeting: Meeting) -> None:
    where = begun(page, meeting)
    Meeting.objects.update(ended_at=timezone.now())
    assert code(begin(page, meeting)) == (409, "meeting_ended")
    assert code(patch(page, where, 0, SPEECH)) == (409, "meeting_ended")
    assert not Upload.objects.exists()


@pytest.mark.parametrize("odd", ["", ".", "..", "/", "a/"])
def test_a_file_without_a_proper_name_is_taken_too(page: Client, meeting: Meeting, odd: str) -> None:
    where = begun(page, meeting, **name(filename=odd))
    assert patch(page, where, 0, SPEECH).status_code == 204
    assert Recording.objects.count() == 1


def test_a_file_name_is_shown_and_never_a_path(page: Client, meeting: Meeting) -> None:
    begun(page, meeting, **name(filename="../../etc/pass\u202ewd"))
    assert Upload.objects.get().name == "passwd"


def test_an_upload_is_its_owners_as_long_as_they_are_in_the_meeting(page: Client, meeting: Meeting) -> None:
    jun = User.objects.create_user("jun")
    participant = invite(meeting, jun)
    where = begun(page, meeting)
    theirs = Client()
    theirs.force_login(jun)
    stranger = Client()
    stranger.force_login(User.objects.create_user("stranger"))
    for other in theirs, stranger:  # another participant, and somebody else
        assert code(patch(other, where, 0, b"x")) == (404, "not_found")
        assert other.head(where, headers=TUS).status_code == 404
        assert other.delete(where, headers=TUS).status_code == 404
    assert begin(stranger, meeting).status_code == 404
    assert stranger.options(f"/api/v1/meetings/{meeting.pk}/uploads").status_code == 404
    assert begin(Client(), meeting).status_code == 401

    own = begun(theirs, meeting)
    remove(meeting, participant)
    assert code(patch(theirs, own, 0, b"x")) == (404, "not_found")
    assert begin(theirs, meeting).status_code == 404
    assert offset(page, where) == 0


def test_a_session_needs_the_csrf_token(meeting: Meeting) -> None:
    checked = Client(enforce_csrf_checks=True)
    checked.force_login(meeting.owner)
    assert begin(checked, meeting).status_code == 403
    upload = uploads.begin(meeting.participants.get(), client_id=uuid.uuid4(), name="x", size=10)
    assert patch(checked, f"/api/v1/uploads/{upload.pk}", 0, b"x").status_code == 403
    assert checked.delete(f"/api/v1/uploads/{upload.pk}", headers=TUS).status_code == 403


def test_what_is_cancelled_is_gone(page: Client, meeting: Meeting, media: Path) -> None:
    where = begun(page, meeting)
    patch(page, where, 0, SPEECH[:100])
    response = page.delete(where, headers=TUS)
    assert response.status_code == 204
    assert page.head(where, headers=TUS).status_code == 404
    assert list((media / "incoming").iterdir()) == []


def test_what_nobody_goes_on_with_is_thrown_away_and_nothing_else(
    page: Client, meeting: Meeting, media: Path, settings: Settings
) -> None:
    old, new = begun(page, meeting), begun(page, meeting)
    pk = uuid.UUID(old.rsplit("/", 1)[1])
    long_ago = timezone.now() - settings.UPLOAD_LIFETIME - timedelta(minutes=1)
    Upload.objects.filter(pk=pk).update(changed_at=long_ago)
    # A slow upload: its file is old, but its row changed lately.
    os.utime(media / "incoming" / uuid.UUID(new.rsplit("/", 1)[1]).hex, (0, 0))

    swept = {(Path(found.file.name).name, found.what) for found in sweep(timedelta(hours=1))}
    # What is no upload is kept and named, such as pytest's own folder if it lies beside them.
    assert {name for name, what in swept if what != "kept"} == {pk.hex}
    assert (pk.hex, "removed") in swept
    assert page.head(old, headers=TUS).status_code == 404
    assert offset(page, new) == 0
