"""Every bad request is answered with an error in the common shape and a clear code, never with a 500."""

import json
import string
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.api.conftest import SPEECH
from transcription.api import meetings
from transcription.models import Meeting
from transcription.sound import intake, sandbox
from transcription.sound.sandbox import DecoderEnded

FUZZ = hypothesis_settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def error_of(response: Any) -> str:
    """Return the error's code, after a check of the answer's shape."""
    assert response["Content-Type"].startswith("application/json")
    assert set(response.json()) == {"error"}
    error = response.json()["error"]
    assert set(error) == {"code", "message"}
    assert isinstance(error["message"], str)
    assert error["message"]
    return str(error["code"])


@pytest.mark.parametrize(
    "path",
    [
        "",
        "nowhere",
        "meetings/",
        "meetings/x",
        "meetings/-1",
        "meetings/1.5",
        "meetings/0",
        "meetings/%00",
        "meetings/%ff%fe",
        f"meetings/{2**63}",
        f"meetings/{2**64 + 1}",
        f"meetings/{'9' * 5000}",
        f"meetings/{2**63}/transcript",
        "recordings/0",
        f"recordings/{2**63}",
        f"recordings/{2**200}",
        "recordings/١٢",
        "docs",
    ],
)
def test_what_is_not_there_is_404(client: Client, path: str) -> None:
    response = client.get(f"/api/v1/{path}")
    assert (response.status_code, error_of(response)) == (404, "not_found")


@pytest.mark.parametrize("what", ["retry", "cancel"])
@pytest.mark.parametrize("number", [0, 2**63, 2**64])
def test_nothing_is_done_to_what_is_not_there(client: Client, what: str, number: int) -> None:
    response = client.post(f"/api/v1/recordings/{number}/{what}")
    assert (response.status_code, error_of(response)) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "meetings", "GET, POST"),
        ("PUT", "meetings/1", "GET"),
        ("GET", "meetings/1/recordings", "POST"),
        ("GET", "recordings/1/retry", "POST"),
        ("POST", "recordings/1", "GET"),
        ("POST", "stt", "GET"),
    ],
)
def test_a_method_that_is_not_known_is_405(client: Client, method: str, path: str, allowed: str) -> None:
    response = client.generic(method, f"/api/v1/{path}")
    assert (response.status_code, error_of(response)) == (405, "method_not_allowed")
    assert response["Allow"] == allowed


@pytest.mark.parametrize(
    "body",
    [b"{", b"title=x", b"\xff\xfe\x00", b'{"title": "\xff"}', b"[" * 100_000, b"9" * 5000, b"\x00"],
)
def test_a_body_that_is_not_json_is_400(client: Client, body: bytes) -> None:
    response = client.generic("POST", "/api/v1/meetings", body, "application/json")
    assert (response.status_code, error_of(response)) == (400, "bad_request")


def test_no_body_at_all_is_422(client: Client) -> None:
    response = client.generic("POST", "/api/v1/meetings", b"", "application/json")
    assert (response.status_code, error_of(response)) == (422, "invalid")
    assert response.json()["error"]["message"] == "body: Field required"


def test_half_a_surrogate_is_422(client: Client) -> None:
    response = client.generic("POST", "/api/v1/meetings", rb'{"title": "\ud800"}', "application/json")
    assert (response.status_code, error_of(response)) == (422, "invalid")


def test_a_form_where_json_is_needed_is_415(client: Client, minsu: Any) -> None:
    response = client.post("/api/v1/meetings", {"title": "x"})  # multipart
    assert (response.status_code, error_of(response)) == (415, "unsupported_media_type")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(minsu)
    browser.cookies["csrftoken"] = "a" * 32
    response = browser.post("/api/v1/meetings", {"title": "x", "csrfmiddlewaretoken": "a" * 32})
    assert (response.status_code, error_of(response)) == (415, "unsupported_media_type")


def test_a_json_body_larger_than_any_meeting_is_413(client: Client) -> None:
    body = b'{"title": "' + b"x" * 3_000_000 + b'"}'
    response = client.generic("POST", "/api/v1/meetings", body, "application/json")
    assert (response.status_code, error_of(response)) == (413, "too_large")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"no boundary anywhere", "multipart/form-data"),
        (b"", "multipart/form-data; boundary=x"),
        (b"garbage", "multipart/form-data; boundary=x"),
        (b"--x\r\n\r\n", "multipart/form-data; boundary=x"),
        (b"x", 'multipart/form-data; boundary="\xff"'),
        (b"a=%ff%00", "application/x-www-form-urlencoded"),
        (b"a=b", "application/x-www-form-urlencoded; charset=utf-16"),
        (b"{}", "application/json"),
        (b"x", "audio/wav"),
        (b"x", ""),
    ],
)
def test_an_upload_in_no_form_that_we_know_is_refused(
    client: Client, meeting: Meeting, body: bytes, content_type: str
) -> None:
    response = client.generic("POST", f"/api/v1/meetings/{meeting.pk}/recordings", body, content_type)
    assert response.status_code in {400, 422}
    assert error_of(response) in {"bad_request", "invalid"}


def test_more_fields_than_anybody_needs_are_400(client: Client, meeting: Meeting) -> None:
    response = client.post(f"/api/v1/meetings/{meeting.pk}/recordings", {f"f{n}": "x" for n in range(1100)})
    assert (response.status_code, error_of(response)) == (400, "bad_request")


def test_a_fault_of_ours_is_a_500_that_says_nothing_of_the_inside(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_args: object) -> None:
        raise RuntimeError("secret-path")

    monkeypatch.setattr(meetings, "create_meeting", fail)
    client.raise_request_exception = False
    response = client.post("/api/v1/meetings", {"title": "x"}, content_type="application/json")
    assert (response.status_code, error_of(response)) == (500, "internal")
    assert "secret-path" not in response.content.decode()
    [record] = [r for r in caplog.records if r.name == "django.request"]
    assert record.levelname == "ERROR"
    assert record.exc_info is not None
    assert "secret-path" in str(record.exc_info[1])


def test_a_busy_database_is_a_503_to_try_again(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(intake, "receive", fail)
    meeting = client.post("/api/v1/meetings", {"title": "x"}, content_type="application/json").json()["id"]
    with SPEECH.open("rb") as audio:
        response = client.post(f"/api/v1/meetings/{meeting}/recordings", {"audio": audio})
    assert (response.status_code, error_of(response)) == (503, "busy")
    assert response["Retry-After"] == "5"


def test_messages_are_in_the_readers_language_and_codes_are_not(client: Client) -> None:
    response = client.get("/api/v1/nowhere", headers={"Accept-Language": "ko"})
    assert response["Content-Language"] == "ko"
    assert error_of(response) == "not_found"


@FUZZ
@given(st.text(alphabet=st.characters(exclude_categories=[]), max_size=250), st.text(max_size=12) | st.none())
def test_no_title_and_no_language_is_a_500(client: Client, title: str, language: str | None) -> None:
    response = client.post(
        "/api/v1/meetings", {"title": title, "language": language}, content_type="application/json"
    )
    if response.status_code == 201:
        assert response.json()["title"] == title.strip()
        assert (
            client.get(f"/api/v1/meetings/{response.json()['id']}/transcript?format=vtt").status_code == 200
        )
    else:
        assert (response.status_code, error_of(response)) == (422, "invalid")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["title", "language"]), inner)
    ),
    max_leaves=5,
)


@FUZZ
@given(JSON)
def test_no_json_is_a_500(client: Client, data: Any) -> None:
    response = client.generic("POST", "/api/v1/meetings", json.dumps(data), "application/json")
    assert response.status_code in {201, 400, 422}
    if response.status_code != 201:
        error_of(response)


@FUZZ
@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60), st.binary(max_size=200))
def test_no_field_of_an_upload_is_a_500(
    client: Client, meeting: Meeting, client_id: str, offset_ms: str, kind: str, audio: bytes
) -> None:
    parts = {"client_id": client_id, "offset_ms": offset_ms, "kind": kind}
    body = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
        % (name.encode(), value.encode(errors="surrogatepass"))
        for name, value in parts.items()
    )
    body += b'--x\r\nContent-Disposition: form-data; name="audio"; filename="%b"\r\n\r\n%b\r\n--x--\r\n' % (
        kind.encode(errors="surrogatepass").replace(b'"', b"").replace(b"\n", b"") or b"a",
        audio,
    )
    response = client.generic(
        "POST", f"/api/v1/meetings/{meeting.pk}/recordings", body, "multipart/form-data; boundary=x"
    )
    assert response.status_code in {400, 415, 422}
    error_of(response)


@FUZZ
@given(st.text(alphabet=string.printable + "\x00\xff", max_size=30))
def test_no_query_is_a_500(client: Client, meeting: Meeting, value: str) -> None:
    for path, name in (
        ("/api/v1/meetings", "limit"),
        ("/api/v1/meetings", "offset"),
        (f"/api/v1/meetings/{meeting.pk}/transcript", "format"),
    ):
        response = client.get(path, {name: value})
        if response.status_code != 200:
            assert (response.status_code, error_of(response)) == (422, "invalid")


@FUZZ
@given(st.text(alphabet=st.characters(min_codepoint=0, max_codepoint=255), max_size=80))
def test_no_authorization_is_a_500(db: None, header: str) -> None:
    response = Client().get("/api/v1/stt", headers={"Authorization": header})
    assert (response.status_code, error_of(response)) == (401, "unauthenticated")


def test_a_decoder_that_was_stopped_with_the_server_asks_to_try_again(
    client: Client, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise DecoderEnded("The decoder ended with status -15.")

    monkeypatch.setattr(sandbox, "probe", stopped)
    upload = SimpleUploadedFile("talk.ogg", b"OggS and more")
    answer = client.post(f"/api/v1/meetings/{meeting.pk}/recordings", {"audio": upload, "kind": "upload"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "busy")
    assert answer["Retry-After"] == "5"
