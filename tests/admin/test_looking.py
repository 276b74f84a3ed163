"""What the operator's console shows, and how many queries it takes."""

from typing import Any

import pytest
import redis
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.admin.console import TABLES, rows_of_everything, shown_ids, url
from tests.rows import a_row
from transcription.gate import Gate, Permit, Purpose, Refused
from transcription.live.redis_client import redis_client
from transcription.models import (
    GateEvent,
    Meeting,
    Recording,
    Transcription,
    Utterance,
)
from transcription.people.meetings import create_meeting

# --- Lists ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)
def test_a_list_costs_as_many_queries_with_30_rows_as_with_3(client: Client, model: type[Any]) -> None:
    costs = []
    for count, start in ((3, 0), (27, 3)):
        rows_of_everything(count, start)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            response = client.get(url(model))
        assert response.status_code == 200
        costs.append(len(queries))
    assert len(shown_ids(response)) == 30
    assert costs[0] == costs[1]
    assert costs[0] <= 10


def test_every_table_has_its_list() -> None:
    of_ours = {model for model in admin.site._registry if model._meta.app_label == "transcription"}
    assert of_ours == set(TABLES)


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)
@pytest.mark.parametrize("query", ["word", "12", "' OR 1=1", "9" * 40, "\x00", "안녕", "%"])
def test_any_search_is_answered(client: Client, model: type[Any], query: str) -> None:
    rows_of_everything(1, 0)
    assert client.get(url(model), {"q": query}).status_code == 200


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)
def test_any_row_can_be_looked_at(client: Client, onlooker: Client, model: type[Any]) -> None:
    rows_of_everything(1, 0)
    page = url(model, "change", model.objects.get().pk)
    assert client.get(page).status_code == 200
    assert onlooker.get(page).status_code == 200


def test_the_console_is_for_staff_only(meeting: Meeting) -> None:
    client = Client()
    client.force_login(meeting.owner)
    for model in TABLES:
        assert client.get(url(model)).status_code == 302


def test_a_transcription_can_be_found_by_its_number_and_the_vendors(client: Client, meeting: Meeting) -> None:
    first, second = a_row(meeting, vendor_job_id="job-1"), a_row(meeting, vendor_job_id="job-2")
    assert shown_ids(client.get(url(Transcription), {"q": "job-2"})) == {second.pk}
    assert first.pk in shown_ids(client.get(url(Transcription), {"q": str(first.pk)}))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"possible_duplicate": "yes"}, {"twice"}),
        ({"possible_duplicate": "no"}, {"done", "failed", "old"}),
        ({"error_code": "too_long"}, {"failed"}),
        ({"status__exact": "done"}, {"done", "twice", "old"}),
        ({"vendor": "rtzr"}, {"done", "failed", "twice"}),
    ],
)
def test_the_work_can_be_filtered(
    client: Client, meeting: Meeting, query: dict[str, str], expected: set[str]
) -> None:
    rows = {
        "done": a_row(meeting),
        "failed": a_row(meeting, status="failed", error_code="too_long"),
        "twice": a_row(meeting, possible_duplicate=1),
        "old": a_row(meeting, vendor="bygone"),
    }
    assert shown_ids(client.get(url(Transcription), query)) == {rows[name].pk for name in expected}


def test_a_possible_duplicate_is_in_the_list(client: Client, meeting: Meeting) -> None:
    a_row(meeting, possible_duplicate=3)
    content = client.get(url(Transcription)).content.decode()
    assert '<td class="field-possible_duplicate">3</td>' in content


# --- The gate -------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [GateEvent, Transcription])
def test_the_gate_is_shown_above_its_history_and_above_the_work(
    client: Client, meeting: Meeting, model: type[Any]
) -> None:
    a_row(meeting, status="queued")
    gate = Gate(redis_client(), "rtzr")
    permit = gate.acquire(Purpose.SUBMIT)
    assert isinstance(permit, Permit)
    gate.report(permit, Refused("all", 60.0))
    response = client.get(url(model))
    [standing] = response.context["standings"]
    assert (standing["state"], standing["reason"], standing["waiting"]) == ("blocked", "rate", 1)
    assert "<strong>blocked</strong>" in response.content.decode()


def test_without_redis_the_lists_are_still_there(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transcription.service.standing.presence.alive", _away)
    content = client.get(url(GateEvent)).content.decode()
    assert "<strong>unknown</strong> (Redis does not answer)" in " ".join(content.split())


def _away() -> None:
    raise redis.ConnectionError("away")


def test_the_queue_is_a_click_away(client: Client) -> None:
    content = client.get(url(GateEvent)).content.decode()
    link = reverse("django_rq:home")
    assert f'href="{link}"' in content
    assert client.get(link).status_code == 200
    assert Client().get(link).status_code == 302


# --- Pages of one row -----------------------------------------------------------------------------


def test_a_transcription_shows_how_its_words_begin_and_escapes_them(client: Client, meeting: Meeting) -> None:
    row = a_row(meeting, kind="upload", texts=[(1500, 10, "0", "<script>alert(1)</script>")])
    content = client.get(url(Transcription, "change", row.pk)).content.decode()
    assert "1.5 s  Speaker 1: &lt;script&gt;alert(1)&lt;/script&gt;" in content
    assert f'href="{url(Utterance)}?transcription__id__exact={row.pk}"' in content


def test_the_lists_that_are_linked_to_can_be_filtered_so(client: Client, meeting: Meeting) -> None:
    row = a_row(meeting, texts=[(0, 1, "", "mine")])
    other = a_row(create_meeting(meeting.owner, "Other", "en"), texts=[(0, 1, "", "not mine")])
    words = client.get(url(Utterance), {"transcription__id__exact": row.pk})
    assert shown_ids(words) == {row.utterances.get().pk}
    work = client.get(url(Transcription), {"meeting__id__exact": other.meeting_id})
    assert shown_ids(work) == {other.pk}


def test_a_recording_shows_all_its_transcriptions_at_a_constant_cost(
    client: Client, meeting: Meeting
) -> None:
    row = a_row(meeting, status="failed")
    costs = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            response = client.get(url(Recording, "change", row.recording_id))
        costs.append(len(queries))
        for action in ("retry", "cancel"):
            pks = list(Transcription.objects.values_list("pk", flat=True))
            client.post(url(Transcription), {"action": action, "_selected_action": pks})
    assert response.status_code == 200
    assert costs[0] == costs[1]
