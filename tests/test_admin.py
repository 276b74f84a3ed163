"""The operator's console: what it shows, what it lets be done, and what it costs."""

import re
from typing import Any

import pytest
import redis
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.rows import a_row
from transcription import tokens
from transcription.gate import Gate, Permit, Purpose, Refused
from transcription.meetings import create_meeting, invite
from transcription.models import (
    ApiToken,
    GateEvent,
    Meeting,
    Participant,
    Recording,
    Transcription,
    Utterance,
)
from transcription.redis_client import redis_client

TABLES = [Meeting, Participant, Recording, Transcription, Utterance, GateEvent, ApiToken]


@pytest.fixture
def operator(db: None) -> User:
    return User.objects.create_superuser("operator")


@pytest.fixture
def client(operator: User) -> Client:
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def meeting(db: None) -> Meeting:
    return create_meeting(User.objects.create_user("minsu"), "Weekly", "en")


@pytest.fixture
def onlooker(db: None) -> Client:
    """Staff who may look at everything and do nothing."""
    user = User.objects.create_user("onlooker", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = Client()
    client.force_login(user)
    return client


def url(model: type, page: str = "changelist", *args: object) -> str:
    return reverse(f"admin:transcription_{model.__name__.lower()}_{page}", args=args)


def rows_of_everything(count: int, start: int) -> None:
    """`count` rows in every table, each with other rows behind its foreign keys."""
    for n in range(start, start + count):
        user = User.objects.create_user(f"user{n}")
        meeting = create_meeting(user, f"Meeting {n}", "en")
        row = a_row(meeting, status="failed", texts=[(0, 1, "0", f"word {n}")])
        GateEvent.objects.create(vendor="rtzr", kind="closed", episode=n, transcription=row, user=user)
        tokens.make(user)


def shown_ids(response: Any) -> set[int]:
    return {row.pk for row in response.context["cl"].result_list}


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
    monkeypatch.setattr("transcription.stt.presence.alive", _away)
    content = client.get(url(GateEvent)).content.decode()
    assert "<strong>unknown</strong> (Redis does not answer)" in content


def _away() -> None:
    raise redis.ConnectionError("away")


def test_the_queue_is_a_click_away(client: Client) -> None:
    content = client.get(url(GateEvent)).content.decode()
    link = reverse("django_rq:home")
    assert f'href="{link}"' in content
    assert client.get(link).status_code == 200
    assert Client().get(link).status_code == 302


# --- What may not be done -------------------------------------------------------------------------


@pytest.mark.parametrize("model", [Recording, Transcription, Utterance, GateEvent])
def test_what_the_workflow_writes_is_only_looked_at(client: Client, model: type[Any]) -> None:
    rows_of_everything(1, 0)
    pk = model.objects.get().pk
    content = client.get(url(model, "change", pk)).content.decode()
    assert 'name="_save"' not in content
    assert not re.search(r'<(input|select|textarea)[^>]+name="(status|vendor|kind|text)', content)
    assert client.post(url(model, "change", pk), {"status": "done", "vendor": "x"}).status_code == 403
    assert client.get(url(model, "add")).status_code == 403
    assert client.post(url(model, "delete", pk), {"post": "yes"}).status_code == 403
    client.post(url(model), {"action": "delete_selected", "_selected_action": [pk], "post": "yes"})
    assert model.objects.filter(pk=pk).exists()


def test_meetings_are_neither_made_nor_deleted_here(client: Client, meeting: Meeting) -> None:
    assert client.get(url(Meeting, "add")).status_code == 403
    assert client.post(url(Meeting, "delete", meeting.pk), {"post": "yes"}).status_code == 403
    assert Meeting.objects.exists()


def test_a_token_can_be_revoked_and_nothing_else(client: Client, meeting: Meeting) -> None:
    token = tokens.make(meeting.owner)
    pk = ApiToken.objects.get().pk
    page = client.get(url(ApiToken, "change", pk)).content.decode()
    assert tokens.digest(token)[:8] in page
    assert tokens.digest(token) not in page
    assert client.get(url(ApiToken, "add")).status_code == 403
    assert client.post(url(ApiToken, "change", pk), {}).status_code == 403
    assert client.post(url(ApiToken, "delete", pk), {"post": "yes"}).status_code == 302
    assert tokens.find(token) is None


def test_several_tokens_can_be_revoked_at_once(client: Client, meeting: Meeting) -> None:
    tokens.make(meeting.owner)
    tokens.make(meeting.owner)
    pks = list(ApiToken.objects.values_list("pk", flat=True))
    client.post(url(ApiToken), {"action": "delete_selected", "_selected_action": pks, "post": "yes"})
    assert not ApiToken.objects.exists()


# --- What may be done -----------------------------------------------------------------------------


def act(client: Client, action: str, *rows: Transcription) -> list[str]:
    """The messages that follow."""
    response = client.post(
        url(Transcription), {"action": action, "_selected_action": [row.pk for row in rows]}, follow=True
    )
    return [str(message) for message in response.context["messages"]]


def statuses() -> list[str]:
    return list(Transcription.objects.current().order_by("recording_id").values_list("status", flat=True))


def test_retry_puts_back_what_failed_and_says_how_many(
    client: Client, operator: User, meeting: Meeting
) -> None:
    rows = [a_row(meeting, status=status) for status in ("failed", "cancelled", "done", "queued")]
    assert act(client, "retry", *rows) == ["2 were put back in the queue."]
    assert statuses() == ["queued", "queued", "done", "queued"]
    assert Transcription.objects.count() == 6
    entries = LogEntry.objects.filter(user=operator)
    assert sorted(entry.object_id or "" for entry in entries) == sorted(str(row.pk) for row in rows[:2])
    assert {entry.change_message for entry in entries} == {"Retried."}


def test_cancel_ends_what_is_on_its_way_and_says_how_many(client: Client, meeting: Meeting) -> None:
    rows = [a_row(meeting, status=s) for s in ("queued", "submitting", "processing", "done", "failed")]
    assert act(client, "cancel", *rows) == ["3 were cancelled."]
    assert statuses() == ["cancelled", "cancelled", "cancelled", "done", "failed"]


def test_when_there_is_nothing_to_do_it_says_so(client: Client, meeting: Meeting) -> None:
    row = a_row(meeting)
    assert act(client, "retry", row) == ["Nothing was retried: only what failed or was cancelled can be."]
    assert act(client, "cancel", row) == ["Nothing was cancelled: all of it is finished."]


def test_an_attempt_that_was_replaced_is_not_retried_nor_its_successor_cancelled(
    client: Client, meeting: Meeting
) -> None:
    old = a_row(meeting, status="failed")
    act(client, "retry", old)
    assert act(client, "cancel", old) == ["Nothing was cancelled: all of it is finished."]
    assert act(client, "retry", old) == ["Nothing was retried: only what failed or was cancelled can be."]
    assert statuses() == ["queued"]


def test_who_may_only_look_is_offered_no_action(onlooker: Client, meeting: Meeting) -> None:
    row = a_row(meeting, status="queued")
    assert onlooker.get(url(Transcription)).context["action_form"] is None
    act(onlooker, "cancel", row)
    assert statuses() == ["queued"]


def test_a_title_is_put_right_and_nothing_else_of_the_row_is_written(
    client: Client, meeting: Meeting
) -> None:
    with CaptureQueriesContext(connection) as queries:
        response = client.post(
            url(Meeting, "change", meeting.pk),
            {
                "title": "Weekly, right",
                "language": "en",
                "participants-TOTAL_FORMS": 0,
                "participants-INITIAL_FORMS": 0,
            },
        )
    assert response.status_code == 302
    meeting.refresh_from_db()
    assert meeting.title == "Weekly, right"
    [update] = [q["sql"] for q in queries if q["sql"].startswith('UPDATE "transcription_meeting"')]
    assert "served_at" not in update


def test_who_may_only_look_changes_no_title(onlooker: Client, meeting: Meeting) -> None:
    assert (
        onlooker.post(url(Meeting, "change", meeting.pk), {"title": "x", "language": "en"}).status_code == 403
    )


@pytest.fixture
def invited(meeting: Meeting) -> Participant:
    return invite(meeting, User.objects.create_user("jane"))


def test_somebody_can_be_brought_into_a_meeting(client: Client, meeting: Meeting) -> None:
    jane = User.objects.create_user("jane")
    data = {"meeting": meeting.pk, "user": jane.pk}
    assert client.post(url(Participant, "add"), data).status_code == 302
    assert set(meeting.participants.values_list("user__username", flat=True)) == {"minsu", "jane"}
    assert client.post(url(Participant, "add"), data).status_code == 200  # already there: the form says so
    assert meeting.participants.count() == 2


def test_the_form_for_it_loads_neither_all_meetings_nor_all_people(client: Client, meeting: Meeting) -> None:
    User.objects.create_user("somebody-else")
    content = client.get(url(Participant, "add")).content.decode()
    assert "somebody-else" not in content
    assert "Weekly" not in content


def test_somebody_can_be_taken_out_but_not_the_owner(
    client: Client, meeting: Meeting, invited: Participant
) -> None:
    owner = Participant.objects.get(meeting=meeting, user=meeting.owner)
    for participant in (owner, invited):
        client.post(url(Participant, "delete", participant.pk), {"post": "yes"})
    assert list(meeting.participants.all()) == [owner]


def test_people_are_not_taken_out_in_bulk(client: Client, meeting: Meeting) -> None:
    pk = Participant.objects.get().pk
    client.post(url(Participant), {"action": "delete_selected", "_selected_action": [pk], "post": "yes"})
    assert Participant.objects.filter(pk=pk).exists()


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


def test_a_recording_shows_all_its_attempts_at_a_constant_cost(client: Client, meeting: Meeting) -> None:
    row = a_row(meeting, status="failed")
    costs = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            response = client.get(url(Recording, "change", row.recording_id))
        costs.append(len(queries))
        act(client, "retry", *Transcription.objects.all())
        act(client, "cancel", *Transcription.objects.all())
    assert response.status_code == 200
    assert costs[0] == costs[1]
