"""Editing a line: who may, what is kept, and two edits at once."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client

from tests.rows import a_row
from tests.transactions import start_beside
from transcription.models import Meeting, Participant, Transcription, Utterance
from transcription.people.meetings import create_meeting, invite
from transcription.people.seats import Seat
from transcription.words import editing, lines, search, transcript
from transcription.words.editing import EditConflict, edit


@pytest.fixture
def meeting(minsu: User) -> Meeting:
    return create_meeting(minsu, "Weekly", "en")


@pytest.fixture
def jane(meeting: Meeting) -> Participant:
    return invite(meeting, User.objects.create_user("jane"))


@pytest.fixture
def line(meeting: Meeting, jane: Participant) -> Utterance:
    """A line of Jane's in Minsu's meeting."""
    return a_row(meeting, participant=jane, texts=[(0, 1, "", "Helo.")]).utterances.get()


def patch(client: Client, line: Utterance, **body: Any) -> Any:
    return client.patch(f"/api/v1/utterances/{line.pk}", body, content_type="application/json")


def offers(user: User, meeting: Meeting) -> bool:
    """Return whether the page lets `user` edit a line."""
    client = Client()
    client.force_login(user)
    return "data-edit" in client.get(f"/m/{meeting.pk}/transcript/").text


def test_an_edit_is_everywhere_and_says_who_and_when(
    as_user: Callable[[User], Client], minsu: User, meeting: Meeting, line: Utterance
) -> None:
    before = line.transcription.version
    answer = patch(as_user(minsu), line, version=1, text="  Hello. ")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["text"], body["version"], body["edited"], body["original"]) == ("Hello.", 2, True, "Helo.")
    assert [(r["version"], r["text"], r["author"]) for r in body["history"]] == [(2, "Hello.", "Minsu Kim")]
    assert Transcription.objects.get().version == before + 1
    assert [said.text for said in transcript.lines(meeting)] == ["Hello."]
    [shown] = lines.first(meeting).lines
    assert (shown.text, shown.edited) == ("Hello.", True)
    assert search.in_meeting(meeting, search.Query.parse("hello"))
    assert not search.in_meeting(meeting, search.Query.parse("helo."))
    [utterance] = (
        as_user(minsu).get(f"/api/v1/recordings/{line.transcription.recording_id}").json()["utterances"]
    )
    assert (utterance["id"], utterance["version"], utterance["edited"]) == (line.pk, 2, True)


def test_the_vendors_words_can_be_brought_back(
    as_user: Callable[[User], Client], minsu: User, line: Utterance
) -> None:
    client = as_user(minsu)
    patch(client, line, version=1, text="Hello.")
    patch(client, line, version=2, text="Hallo.")
    body = patch(
        client, line, version=3, text=client.get(f"/api/v1/utterances/{line.pk}").json()["original"]
    ).json()
    assert (body["text"], body["edited"], body["version"]) == ("Helo.", False, 4)
    assert [r["text"] for r in body["history"]] == ["Hello.", "Hallo.", "Helo."]


def test_of_two_at_once_the_second_is_told_and_nothing_is_overwritten(
    as_user: Callable[[User], Client], minsu: User, line: Utterance, jane: Participant
) -> None:
    assert jane.user is not None
    assert patch(as_user(minsu), line, version=1, text="Minsu's.").status_code == 200
    refused = patch(as_user(jane.user), line, version=1, text="Jane's.")
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "conflict"
    line.refresh_from_db()
    assert (line.text, line.revisions.count()) == ("Minsu's.", 1)


def test_who_has_read_the_line_before_it_changed_cannot_write(meeting: Meeting, line: Utterance) -> None:
    seat = Seat(meeting, meeting.participants.get(user=meeting.owner))
    late = Utterance.objects.select_related("transcription__recording").get(pk=line.pk)
    edit(line, seat, 1, "First.")
    with pytest.raises(EditConflict):
        edit(late, seat, 1, "Second.")
    assert Utterance.objects.get().text == "First."


@pytest.mark.django_db(transaction=True)
def test_of_two_who_write_at_the_same_moment_one_is_told(minsu: User) -> None:
    meeting = create_meeting(minsu, "Weekly", "en")
    seat = Seat(meeting, meeting.participants.get())
    line = a_row(meeting, texts=[(0, 1, "", "Helo.")]).utterances.get()
    also_seen = Utterance.objects.select_related("transcription__recording").get(pk=line.pk)
    conflicts: list[EditConflict] = []

    def write() -> None:
        try:
            edit(also_seen, seat, 1, "Second.")
        except EditConflict as conflict:
            conflicts.append(conflict)

    with transaction.atomic():
        edit(line, seat, 1, "First.")
        second = start_beside(write)
    second.join()
    assert len(conflicts) == 1
    line.refresh_from_db()
    assert (line.text, line.version, [r.text for r in line.revisions.all()]) == ("First.", 2, ["First."])


def test_the_same_text_changes_nothing(
    as_user: Callable[[User], Client], minsu: User, line: Utterance
) -> None:
    body = patch(as_user(minsu), line, version=1, text="Helo.").json()
    assert (body["version"], body["history"], body["edited"]) == (1, [], False)


def test_who_spoke_and_the_owner_may_and_nobody_else(
    as_user: Callable[[User], Client], line: Utterance, jane: Participant, stranger: User, meeting: Meeting
) -> None:
    other = User.objects.create_user("other")
    invite(meeting, other)
    assert jane.user is not None
    refused = patch(as_user(other), line, version=1, text="x")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_yours")
    assert as_user(other).get(f"/api/v1/utterances/{line.pk}").status_code == 200
    assert patch(as_user(stranger), line, version=1, text="x").status_code == 404
    assert as_user(stranger).get(f"/api/v1/utterances/{line.pk}").status_code == 404
    assert patch(Client(), line, version=1, text="x").status_code == 401
    assert patch(as_user(jane.user), line, version=1, text="Hello.").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"text": "x"},
        {"version": 1},
        {"version": 0, "text": "x"},
        {"version": 1, "text": " \n"},
        {"version": 1, "text": "a\x00b"},
        {"version": 1, "text": "\ud800"},
        {"version": 2**31, "text": "x"},
        {"version": 1, "text": "x" * 10_001},
        {"version": 1, "text": None},
    ],
)
def test_what_is_no_text_is_refused(
    as_user: Callable[[User], Client], minsu: User, line: Utterance, body: dict[str, Any]
) -> None:
    assert patch(as_user(minsu), line, **body).status_code == 422
    line.refresh_from_db()
    assert (line.text, line.version) == ("Helo.", 1)


def test_lines_of_replaced_transcriptions_are_kept_and_not_edited(
    as_user: Callable[[User], Client], minsu: User, line: Utterance
) -> None:
    patch(as_user(minsu), line, version=1, text="Hello.")
    Transcription.objects.update(is_current=False)
    assert patch(as_user(minsu), line, version=2, text="x").status_code == 404
    assert Utterance.objects.get().revisions.get().text == "Hello."


def test_the_page_offers_it_to_who_may(
    as_user: Callable[[User], Client], meeting: Meeting, line: Utterance, jane: Participant
) -> None:
    other = User.objects.create_user("other")
    invite(meeting, other)
    for user, offered in (meeting.owner, True), (jane.user, True), (other, False):
        assert user is not None
        assert offers(user, meeting) == offered, user
        assert patch(as_user(user), line, version=1, text=line.text).status_code == (200 if offered else 403)


@pytest.mark.parametrize("answer", [True, False])
def test_the_page_asks_the_rule_that_the_api_asks(
    as_user: Callable[[User], Client],
    meeting: Meeting,
    line: Utterance,
    monkeypatch: pytest.MonkeyPatch,
    answer: bool,
) -> None:
    other = User.objects.create_user("other")
    invite(meeting, other)
    monkeypatch.setattr(editing, "may_edit", lambda _seat, _recording: answer)
    for user in meeting.owner, other:
        assert offers(user, meeting) == answer
        assert patch(as_user(user), line, version=1, text=line.text).status_code == (200 if answer else 403)
