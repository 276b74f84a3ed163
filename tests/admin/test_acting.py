"""What can be done in the operator's console, and by whom."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.admin.console import rows_of_everything, url
from tests.rows import a_row
from transcription.models import (
    ApiToken,
    GateEvent,
    Meeting,
    Participant,
    Recording,
    Transcription,
    Utterance,
)
from transcription.people import tokens
from transcription.people.meetings import invite

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
    """Run an admin action on `rows`. Return the messages on the next page."""
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


def test_a_replaced_transcription_is_not_retried_nor_its_successor_cancelled(
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


def test_a_language_is_chosen_by_name_among_those_that_the_vendor_has(
    client: Client, meeting: Meeting, vendor_knows: Callable[..., None]
) -> None:
    vendor_knows("ko", "detect")
    html = client.get(url(Meeting, "change", meeting.pk)).text
    options = re.findall(r'<option value="(\w*)"( selected)?>([^<]+)</option>', html)
    assert options == [  # and its own, which stays possible
        ("en", " selected", "English"),
        ("detect", "", "Find out by itself"),
        ("ko", "", "Korean"),
    ]
    forms = {"participants-TOTAL_FORMS": 0, "participants-INITIAL_FORMS": 0}
    for language, status in (("de", 200), ("detect", 302)):
        sent = {"title": "Weekly", "language": language} | forms
        assert client.post(url(Meeting, "change", meeting.pk), sent).status_code == status
    meeting.refresh_from_db()
    assert meeting.language == "detect"
    assert "Find out by itself" in client.get(url(Meeting)).text


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
    # The form is shown again, because she is a participant already.
    assert client.post(url(Participant, "add"), data).status_code == 200
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
    assert list(meeting.participants.present()) == [owner]


def test_people_are_not_taken_out_in_bulk(client: Client, meeting: Meeting) -> None:
    pk = Participant.objects.get().pk
    client.post(url(Participant), {"action": "delete_selected", "_selected_action": [pk], "post": "yes"})
    assert Participant.objects.filter(pk=pk).exists()
