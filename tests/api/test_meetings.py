"""/meetings: create, list, read one, download its transcript."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import docx
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from pytest_django import DjangoAssertNumQueries, Settings

from tests.rows import a_row
from transcription.models import Meeting
from transcription.people.meetings import create_meeting, invite


def post(client: Client, data: Any) -> Any:
    return client.post("/api/v1/meetings", data, content_type="application/json")


def test_a_meeting_is_made_with_its_caller_as_owner_and_participant(client: Client, minsu: User) -> None:
    response = post(client, {"title": "  주간 회의 ", "language": "ko"})
    assert response.status_code == 201
    meeting = Meeting.objects.get()
    answer = response.json()
    assert parse_datetime(answer.pop("created_at")) == meeting.created_at.replace(
        microsecond=meeting.created_at.microsecond // 1000 * 1000
    )
    assert answer == {"id": meeting.pk, "title": "주간 회의", "language": "ko", "owner": "minsu"}
    assert [p.user for p in meeting.participants.all()] == [minsu]


@pytest.mark.parametrize(
    ("setting", "requested", "language"),
    [("", "ko", "ko"), ("", "en-GB", "en"), ("", "fr", "en"), ("ja", "ko", "ja"), ("detect", "ko", "detect")],
)
def test_without_a_language_it_is_the_servers_or_that_of_the_request(
    client: Client, settings: Settings, setting: str, requested: str, language: str
) -> None:
    settings.STT_LANGUAGE = setting
    response = client.post(
        "/api/v1/meetings",
        {"title": "Plan"},
        content_type="application/json",
        headers={"Accept-Language": requested},
    )
    assert response.json()["language"] == language


@pytest.mark.parametrize("mode", ["detect", "multi"])
def test_a_meeting_need_not_be_in_one_language(client: Client, mode: str) -> None:
    made = post(client, {"title": "Plan", "language": mode}).json()
    assert made["language"] == mode
    assert client.get(f"/api/v1/meetings/{made['id']}").json()["language"] == mode
    assert client.get(f"/api/v1/meetings/{made['id']}/transcript").json()["language"] == mode


def test_a_language_that_the_vendor_does_not_have_is_refused_with_those_that_it_has(
    client: Client, vendor_knows: Callable[..., None]
) -> None:
    vendor_knows("ko", "detect")
    response = post(client, {"title": "Plan", "language": "en"})
    assert response.status_code == 422
    assert response.json()["error"] == {
        "code": "invalid",
        "message": "language: the speech service cannot transcribe this language; it knows ko, detect",
    }
    response = client.post(
        "/api/v1/meetings",
        {"title": "Plan", "language": "multi"},
        content_type="application/json",
        headers={"Accept-Language": "ko"},
    )
    assert response.json()["error"]["message"] == (
        "language: 음성 인식 서비스가 이 언어는 글로 옮기지 못합니다. 가능한 언어: ko, detect"
    )
    assert not Meeting.objects.exists()


@pytest.mark.parametrize("title", ["x" * 200, "가" * 200, "👩‍👩‍👧 <b>&amp;</b>", "'; DROP TABLE--"])
def test_any_title_of_one_line_is_kept_as_it_is(client: Client, title: str) -> None:
    assert post(client, {"title": title}).json()["title"] == title
    assert Meeting.objects.get().title == title


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "title"),
        ({"title": ""}, "title"),
        ({"title": " \u3000\n"}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": "a\x00b"}, "title"),
        ({"title": "a\nb"}, "title"),
        ({"title": "a\u2028b"}, "title"),
        ({"title": None}, "title"),
        ({"title": 7}, "title"),
        ({"title": ["x"]}, "title"),
        ({"title": "x", "language": "klingon"}, "language"),
        ({"title": "x", "language": "e" * 300}, "language"),
        ({"title": "x", "language": "\x00\x00"}, "language"),
        ({"title": "x", "language": ""}, "language"),
        ([], "body"),
        ("x", "body"),
        (None, "body"),
    ],
)
def test_a_malformed_field_is_named(client: Client, data: Any, field: str) -> None:
    response = client.post(
        "/api/v1/meetings", data if data is not None else "null", content_type="application/json"
    )
    if isinstance(data, str):
        response = client.post("/api/v1/meetings", f'"{data}"', content_type="application/json")
    assert response.status_code == 422
    assert response.json()["error"]["code"] == "invalid"
    assert response.json()["error"]["message"].startswith(f"{field}: ")
    assert not Meeting.objects.exists()


def test_mine_are_listed_newest_first_and_nobody_elses(
    client: Client, minsu: User, stranger: User, theirs: Meeting
) -> None:
    first, second = create_meeting(minsu, "First", "en"), create_meeting(minsu, "Second", "en")
    shared = create_meeting(stranger, "Shared", "en")
    invite(shared, minsu)
    Meeting.objects.filter(pk=first.pk).update(created_at=timezone.now())
    response = client.get("/api/v1/meetings")
    assert [(m["title"], m["owner"]) for m in response.json()] == [
        ("First", "minsu"),
        ("Shared", "stranger"),
        ("Second", "minsu"),
    ]
    assert second.pk in {m["id"] for m in response.json()}


def test_the_list_is_paged(client: Client, minsu: User) -> None:
    for number in range(5):
        create_meeting(minsu, str(number), "en")
    pages = [client.get(f"/api/v1/meetings?limit=2&offset={offset}").json() for offset in (0, 2, 4, 6)]
    assert [[m["title"] for m in page] for page in pages] == [["4", "3"], ["2", "1"], ["0"], []]


def test_the_list_is_of_a_hundred_unless_asked_otherwise(client: Client, minsu: User) -> None:
    for number in range(101):
        create_meeting(minsu, str(number), "en")
    assert len(client.get("/api/v1/meetings").json()) == 100
    assert len(client.get("/api/v1/meetings?limit=500").json()) == 101


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=x", "offset=-1", "offset=" + "9" * 30, "limit=%ff", "offset="]
)
def test_a_page_that_cannot_be_is_refused(client: Client, query: str) -> None:
    response = client.get(f"/api/v1/meetings?{query}")
    assert response.status_code == 422
    assert response.json()["error"]["message"].startswith(query.split("=", maxsplit=1)[0] + ": ")


def test_a_meeting_shows_its_people_and_recordings_in_spoken_order(
    client: Client, meeting: Meeting, stranger: User
) -> None:
    invite(meeting, stranger)
    late = a_row(meeting, offset_ms=9000, duration_ms=500, status="failed", error_code="too_long")
    early = a_row(meeting, offset_ms=10, status="processing")
    answer = client.get(f"/api/v1/meetings/{meeting.pk}").json()
    assert answer["participants"] == ["minsu", "stranger"]
    assert [(r["id"], r["status"], r["delayed"]) for r in answer["recordings"]] == [
        (early.recording_id, "processing", False),
        (late.recording_id, "failed", False),
    ]
    assert answer["recordings"][1] == {
        "id": late.recording_id,
        "meeting": meeting.pk,
        "client_id": None,
        "kind": "live",
        "offset_ms": 9000,
        "duration_ms": 500,
        "read_ms": None,
        "whole_ms": None,
        "status": "failed",
        "delayed": False,
        "queue_position": None,
        "eta_s": None,
        "progress_ms": None,
        "error": {
            "code": "too_long",
            "message": "The recording is longer than can be transcribed in one piece.",
        },
        "vendor": "rtzr",
        "version": 1,
        "possible_duplicate": 0,
    }


def test_a_meeting_costs_as_many_queries_with_many_recordings_as_with_one(
    client: Client, meeting: Meeting, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.get("/api/v1/meetings")  # writes the token's use, which happens once a minute
    for count in (1, 20):
        for _ in range(count):
            a_row(meeting)
        with django_assert_num_queries(4):  # token, meeting, recordings, people
            client.get(f"/api/v1/meetings/{meeting.pk}")


@pytest.mark.parametrize(
    ("form", "content_type", "begins"),
    [
        ("txt", "text/plain; charset=utf-8", "Weekly\n"),
        ("srt", "application/x-subrip; charset=utf-8", "1\r\n00:00:01,500 --> 00:00:02,400\r\n"),
        ("md", "text/markdown; charset=utf-8", "# Weekly\n"),
        ("vtt", "text/vtt; charset=utf-8", "WEBVTT\n\n1\n00:00:01.500 --> 00:00:02.400\n"),
    ],
)
def test_a_transcript_is_a_file_to_keep(
    client: Client, meeting: Meeting, form: str, content_type: str, begins: str
) -> None:
    a_row(meeting, offset_ms=1000, texts=[(500, 900, "0", "안녕하세요.")])
    response = client.get(f"/api/v1/meetings/{meeting.pk}/transcript?format={form}")
    assert response.status_code == 200
    assert response["Content-Type"] == content_type
    assert response["Content-Disposition"] == (
        f"attachment; filename=\"meeting-{meeting.pk}.{form}\"; filename*=UTF-8''Weekly.{form}"
    )
    assert response.content.decode().startswith(begins)
    assert "안녕하세요." in response.content.decode()


def test_the_date_in_a_file_is_in_the_readers_zone_and_says_so(client: Client, meeting: Meeting) -> None:
    Meeting.objects.filter(pk=meeting.pk).update(created_at=datetime(2026, 3, 1, 23, 30, tzinfo=UTC))
    address = f"/api/v1/meetings/{meeting.pk}/transcript"
    seoul = client.get(address, {"format": "txt", "timezone": "Asia/Seoul"}).content.decode()
    assert seoul.startswith("Weekly\n2026-03-02 08:30 UTC+09:00\n")
    markdown = client.get(address, {"format": "md", "timezone": "America/New_York"}).content.decode()
    assert "UTC-05:00" in markdown
    answer = client.get(address, {"format": "txt", "timezone": "Mars/Olympus"})
    assert answer.status_code == 422
    assert "time zone" in answer.json()["error"]["message"]


def test_a_transcript_is_a_word_document_if_wanted(client: Client, meeting: Meeting) -> None:
    a_row(meeting, texts=[(500, 900, "0", "안녕하세요.")])
    response = client.get(f"/api/v1/meetings/{meeting.pk}/transcript?format=docx&times=false&speakers=0")
    assert response["Content-Type"].endswith("wordprocessingml.document")
    document = docx.Document(io.BytesIO(response.content))
    assert [paragraph.text for paragraph in document.paragraphs][2:] == ["안녕하세요."]


@pytest.mark.parametrize("query", ["", "?format=json"])
def test_a_transcript_is_json_unless_asked_otherwise(client: Client, meeting: Meeting, query: str) -> None:
    row = a_row(meeting, offset_ms=1000, texts=[(500, 900, "0", "Hello.")])
    response = client.get(f"/api/v1/meetings/{meeting.pk}/transcript{query}")
    assert response["Content-Type"] == "application/json"
    assert response.json() == {
        "meeting": meeting.pk,
        "title": "Weekly",
        "language": "en",
        "lines": [
            {
                "recording": row.recording_id,
                "start_ms": 1500,
                "duration_ms": 900,
                "speaker": "Minsu Kim",
                "language": "en",
                "text": "Hello.",
            }
        ],
    }


def test_an_unknown_form_of_the_transcript_is_refused(client: Client, meeting: Meeting) -> None:
    response = client.get(f"/api/v1/meetings/{meeting.pk}/transcript?format=pdf")
    assert response.status_code == 422
    assert response.json()["error"]["message"].startswith("format: ")
