"""Access to the API: tokens, sessions, and other people's meetings."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.rows import a_row
from transcription.models import ApiToken, Meeting, Transcription
from transcription.people import tokens
from transcription.people.meetings import create_meeting, invite, remove

Speech = Callable[[], Any]

UNAUTHENTICATED = {"error": {"code": "unauthenticated", "message": "Send a valid bearer token, or sign in."}}
NOT_FOUND = {"error": {"code": "not_found", "message": "There is no such thing, or it is not yours to see."}}


def every_call(meeting: int, recording: int) -> list[tuple[str, str]]:
    return [
        ("POST", "/api/v1/meetings"),
        ("GET", "/api/v1/meetings"),
        ("GET", f"/api/v1/meetings/{meeting}"),
        ("POST", f"/api/v1/meetings/{meeting}/recordings"),
        ("GET", f"/api/v1/meetings/{meeting}/transcript"),
        ("GET", f"/api/v1/recordings/{recording}"),
        ("POST", f"/api/v1/recordings/{recording}/retry"),
        ("POST", f"/api/v1/recordings/{recording}/cancel"),
        ("GET", "/api/v1/stt"),
    ]


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic bWluc3U6cHc="},
        {"Authorization": "Bearer \xff\xfe\x00"},
    ],
)
def test_nobody_gets_anything_without_a_valid_token(meeting: Meeting, header: dict[str, str]) -> None:
    row = a_row(meeting)
    client = Client(headers=header, enforce_csrf_checks=True)
    for method, path in every_call(meeting.pk, row.recording_id):
        response = client.generic(method, path)
        assert (response.status_code, response.json()) == (401, UNAUTHENTICATED), path
        assert response["WWW-Authenticate"] == "Bearer"
    assert Meeting.objects.count() == 1


def test_a_strangers_upload_is_not_read(
    meeting: Meeting, speech: Speech, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_reading(*_args: object, **_options: object) -> None:
        raise AssertionError("the body was parsed")

    monkeypatch.setattr("django.http.request.HttpRequest.parse_file_upload", no_reading)
    response = Client(enforce_csrf_checks=True).post(
        f"/api/v1/meetings/{meeting.pk}/recordings", {"audio": speech()}
    )
    assert response.status_code == 401


def test_the_schema_is_for_everybody() -> None:
    response = Client().get("/api/v1/openapi.json")
    assert response.status_code == 200
    schema = response.json()
    assert set(schema["paths"]) == {
        "/api/v1/meetings",
        "/api/v1/meetings/{meeting_id}",
        "/api/v1/meetings/{meeting_id}/recordings",
        "/api/v1/meetings/{meeting_id}/transcript",
        "/api/v1/recordings/{recording_id}",
        "/api/v1/recordings/{recording_id}/retry",
        "/api/v1/recordings/{recording_id}/cancel",
        "/api/v1/recordings/{recording_id}/speakers",
        "/api/v1/meetings/{meeting_id}/uploads",
        "/api/v1/uploads/{upload_id}",
        "/api/v1/utterances/{utterance_id}",
        "/api/v1/stt",
    }
    assert set(schema["components"]["securitySchemes"]) == {"Bearer", "Session"}


def test_the_word_bearer_may_be_written_in_any_case(minsu: User) -> None:
    token = tokens.make(minsu)
    assert Client(headers={"Authorization": f"bearer {token}"}).get("/api/v1/meetings").status_code == 200


def test_a_revoked_token_is_refused(client: Client) -> None:
    assert client.get("/api/v1/meetings").status_code == 200
    ApiToken.objects.all().delete()
    assert client.get("/api/v1/meetings").status_code == 401


def test_the_token_of_an_inactive_user_is_refused(client: Client, minsu: User) -> None:
    User.objects.filter(pk=minsu.pk).update(is_active=False)
    assert client.get("/api/v1/meetings").status_code == 401


def test_a_bad_token_is_refused_whatever_the_session(minsu: User) -> None:
    client = Client(headers={"Authorization": "Bearer wrong"})
    client.force_login(minsu)
    assert client.get("/api/v1/meetings").status_code == 401


def test_a_token_is_the_caller_whatever_the_session(
    minsu: User, stranger: User, meeting: Meeting, as_user: Callable[[User], Client]
) -> None:
    client = as_user(minsu)
    client.force_login(stranger)
    assert client.get(f"/api/v1/meetings/{meeting.pk}").status_code == 200


# --- Sessions -------------------------------------------------------------------------------------


@pytest.fixture
def browser(minsu: User) -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(minsu)
    return client


def test_a_session_may_look(browser: Client, meeting: Meeting) -> None:
    assert browser.get(f"/api/v1/meetings/{meeting.pk}").status_code == 200


def test_a_session_without_the_csrf_token_may_change_nothing(browser: Client, meeting: Meeting) -> None:
    row = a_row(meeting, status="queued")
    for method, path in every_call(meeting.pk, row.recording_id):
        response = browser.generic(method, path)
        if method == "POST":
            assert (response.status_code, response.json()["error"]["code"]) == (403, "csrf"), path
        else:
            assert response.status_code == 200
    assert Meeting.objects.count() == 1
    assert Transcription.objects.get().status == "queued"


def test_a_session_with_the_csrf_token_may(browser: Client) -> None:
    browser.cookies["csrftoken"] = token = "a" * 32
    response = browser.post(
        "/api/v1/meetings",
        {"title": "From the page"},
        content_type="application/json",
        headers={"X-CSRFToken": token},
    )
    assert response.status_code == 201
    response = browser.post(
        "/api/v1/meetings", {"title": "x"}, content_type="application/json", headers={"X-CSRFToken": "b" * 32}
    )
    assert response.status_code == 403


# --- Other people's meetings ----------------------------------------------------------------------


def test_words_that_waited_do_not_become_those_of_who_signed_in_meanwhile(
    client: Client, meeting: Meeting, stranger: User, speech: Speech
) -> None:
    mine = meeting.participants.get()
    other = invite(meeting, stranger)

    def hand_in(speaker: object) -> int:
        return client.post(
            f"/api/v1/meetings/{meeting.pk}/recordings",
            {"audio": speech()},
            headers={"X-Mico-Participant": str(speaker)},
        ).status_code

    assert [hand_in(other.pk), hand_in(0), hand_in("nobody")] == [403, 403, 422]
    assert meeting.recordings.count() == 0
    assert hand_in(mine.pk) == 201


def test_other_peoples_meetings_are_not_there(client: Client, theirs: Meeting, speech: Speech) -> None:
    row = a_row(theirs, status="queued")
    for method, path in every_call(theirs.pk, row.recording_id):
        if path in {"/api/v1/meetings", "/api/v1/stt"}:
            continue
        response = client.post(path, {"audio": speech()}) if method == "POST" else client.get(path)
        assert (response.status_code, response.json()) == (404, NOT_FOUND), path
    assert Transcription.objects.get().status == "queued"
    assert client.get("/api/v1/meetings").json() == []


def test_what_failed_elsewhere_cannot_be_retried(client: Client, theirs: Meeting) -> None:
    row = a_row(theirs, status="failed")
    assert client.post(f"/api/v1/recordings/{row.recording_id}/retry").status_code == 404
    assert Transcription.objects.get().status == "failed"


def test_being_staff_opens_no_meeting(
    stranger: User, meeting: Meeting, as_user: Callable[[User], Client]
) -> None:
    User.objects.filter(pk=stranger.pk).update(is_staff=True, is_superuser=True)
    assert as_user(stranger).get(f"/api/v1/meetings/{meeting.pk}").status_code == 404


def test_who_is_invited_sees_it_and_who_is_removed_does_not(
    stranger: User, meeting: Meeting, as_user: Callable[[User], Client]
) -> None:
    row = a_row(meeting)
    client = as_user(stranger)
    paths = [f"/api/v1/meetings/{meeting.pk}", f"/api/v1/recordings/{row.recording_id}"]
    participant = invite(meeting, stranger)
    assert [client.get(path).status_code for path in paths] == [200, 200]
    remove(meeting, participant)
    assert [client.get(path).status_code for path in paths] == [404, 404]


@pytest.mark.usefixtures("media")
def test_a_client_id_of_another_meeting_means_nothing_here(
    client: Client, minsu: User, meeting: Meeting, speech: Speech
) -> None:
    other = create_meeting(minsu, "Other", "en")
    same = "0f8fad5b-d9cb-469f-a165-70867728950e"
    answers = [
        client.post(f"/api/v1/meetings/{m.pk}/recordings", {"audio": speech(), "client_id": same})
        for m in (meeting, other)
    ]
    assert [a.status_code for a in answers] == [201, 201]
    assert answers[0].json()["id"] != answers[1].json()["id"]
