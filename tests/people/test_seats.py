"""Who may do what: every URL of a meeting, requested by every kind of visitor."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tests.rows import a_row
from tests.visitors import INSIDE, OUTSIDE, People, everybody, joined_as_guest, signed_in
from transcription.models import Meeting, Transcription, Upload, Utterance
from transcription.people import meetings, seats
from transcription.web.urls import urlpatterns

pytestmark = pytest.mark.django_db

FETCH = {"X-Requested-With": "fetch"}


@pytest.fixture
def people() -> People:
    """A meeting and every kind of visitor."""
    return everybody()


def pages(people: People) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield what every participant may request: method, URL, form."""
    row = a_row(people.meeting, status="failed")
    meeting, recording = people.meeting.pk, row.recording_id
    yield "get", reverse("meeting", args=[meeting]), {}
    yield "get", reverse("people", args=[meeting]), {}
    yield "get", reverse("recordings", args=[meeting]), {}
    yield "get", reverse("recording", args=[meeting, recording]), {}
    yield "post", reverse("upload", args=[meeting]), {}
    yield "post", reverse("retry", args=[meeting, recording]), {}
    yield "post", reverse("cancel", args=[meeting, recording]), {}
    yield "get", f"/api/v1/meetings/{meeting}", {}
    yield "get", f"/api/v1/meetings/{meeting}/transcript", {}
    yield "get", f"/api/v1/recordings/{recording}", {}


def owners(people: People) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield what only the owner may request: method, URL, form."""
    meeting, jun = people.meeting.pk, people.participant("jun").pk
    yield "post", reverse("people", args=[meeting]), {"username": "other"}
    yield "post", reverse("rename", args=[meeting, jun]), {"name": "Somebody"}
    yield "post", reverse("link", args=[meeting]), {"link": "renew"}
    yield "post", reverse("end", args=[meeting]), {}
    yield "post", reverse("reopen", args=[meeting]), {}
    yield "get", reverse("delete", args=[meeting]), {}
    yield "post", reverse("remove", args=[meeting, people.participant("Gil").pk]), {}
    yield "post", reverse("delete", args=[meeting]), {}


@pytest.mark.parametrize("who", INSIDE)
def test_who_is_in_the_meeting_reads_and_records(people: People, who: str) -> None:
    for method, address, form in pages(people):
        status = getattr(people.browsers[who], method)(address, form, headers=FETCH).status_code
        assert status in {200, 302}, address


@pytest.mark.parametrize("who", OUTSIDE)
def test_who_is_not_gets_nothing(people: People, who: str) -> None:
    for method, address, form in [*pages(people), *owners(people)]:
        status = getattr(people.browsers[who], method)(address, form, headers=FETCH).status_code
        assert status == (401 if who == "anonymous" else 404), address
    assert Meeting.objects.filter(
        pk=people.meeting.pk, ended_at=None, join_secret=people.meeting.join_secret
    ).exists()


def every_address(people: People) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield every page and API operation of one meeting as (method, URL, arguments of a valid request).

    They are read from the URL patterns, so a new one cannot be forgotten here.
    """
    owner = people.participant("mina")
    row = a_row(people.meeting, status="failed", texts=[(0, 1, "0", "Hello.")], kind="upload")
    upload = Upload.objects.create(
        meeting=people.meeting, participant=owner, client_id=uuid.uuid4(), size_bytes=10
    )
    ids: dict[str, Any] = {
        "meeting_id": people.meeting.pk,
        "recording_id": row.recording_id,
        "participant_id": people.participant("jun").pk,
        "utterance_id": row.utterances.get().pk,
        "upload_id": upload.pk,
        "first": 0,
    }
    for pattern in urlpatterns:
        if "meeting_id" in (names := pattern.pattern.converters):
            for method in "GET", "POST":
                yield method, reverse(pattern.name, kwargs={name: ids[name] for name in names}), {}
    for path, operations in Client().get("/api/v1/openapi.json").json()["paths"].items():
        if "{" in path:
            for method in operations:
                sent = json.dumps({"label": "0", "name": "Eve", "version": 1, "text": "Eve's."})
                yield method.upper(), path.format(**ids), {"data": sent, "content_type": "application/json"}
    audio = SimpleUploadedFile("x.wav", b"RIFF")
    yield "FORM", f"/api/v1/meetings/{people.meeting.pk}/recordings", {"data": {"audio": audio}}


@pytest.mark.parametrize("who", OUTSIDE)
def test_nothing_of_a_meeting_can_be_reached_from_outside(people: People, who: str) -> None:
    addresses = list(every_address(people))
    assert len(addresses) > 50
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "10", "Upload-Offset": "0"}
    for method, address, sent in addresses:
        browser = people.browsers[who]
        if method == "FORM":
            answer = browser.post(address, headers=FETCH, **sent)
        else:
            answer = browser.generic(method, address, headers=FETCH | tus, **sent)
        # An incomplete form is refused before the meeting is looked up, so this reveals nothing about it.
        incomplete = method == "POST" and address.endswith("/recordings") and answer.status_code == 422
        expected = {401} if who == "anonymous" else {404, 405}
        assert incomplete or answer.status_code in expected, (method, address, answer.status_code)
    assert (Meeting.objects.count(), Upload.objects.count()) == (2, 1)
    assert Transcription.objects.get().status == "failed"
    assert Utterance.objects.get().text == "Hello."
    assert set(people.meeting.participants.present().values_list("name", flat=True)) == {"mina", "jun", "Gil"}


@pytest.mark.parametrize(("who", "status"), [("Gil", 200), ("mina", 403)])
def test_a_guest_changes_what_they_said_and_nothing_that_others_said(
    people: People, who: str, status: int
) -> None:
    row = a_row(people.meeting, participant=people.participant(who), texts=[(0, 1, "", "Helo.")])
    said = row.utterances.get()
    answer = people.browsers["guest"].patch(
        f"/api/v1/utterances/{said.pk}", {"version": 1, "text": "Hello."}, content_type="application/json"
    )
    assert answer.status_code == status
    said.refresh_from_db()
    assert said.text == ("Hello." if status == 200 else "Helo.")


@pytest.mark.parametrize("who", ["participant", "guest"])
def test_who_does_not_own_it_changes_neither_it_nor_its_people(people: People, who: str) -> None:
    for method, address, form in owners(people):
        if "remove" in address and who == "guest":
            continue  # the guest may leave
        status = getattr(people.browsers[who], method)(address, form, headers=FETCH).status_code
        assert status == 404, address
    assert set(people.meeting.participants.present().values_list("name", flat=True)) == {"mina", "jun", "Gil"}


def test_the_owner_does(people: People) -> None:
    for method, address, form in owners(people):
        status = getattr(people.browsers["owner"], method)(address, form, headers=FETCH).status_code
        assert status in {200, 204, 302}, address
    assert not Meeting.objects.filter(pk=people.meeting.pk).exists()


def test_a_guest_sees_neither_the_list_nor_the_admin_nor_what_the_api_has_for_accounts(
    people: People,
) -> None:
    guest = people.browsers["guest"]
    for address in "/", "/admin/", reverse("password_change"):
        assert guest.get(address).status_code == 302
    assert guest.post(reverse("sample")).status_code == 302
    for address in "/api/v1/meetings", "/api/v1/stt":
        assert guest.get(address).status_code == 401
    body = {"title": "Mine"}
    assert guest.post("/api/v1/meetings", body, content_type="application/json").status_code == 401


def test_a_guests_session_needs_the_csrf_token_as_any_other(people: People) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.cookies = people.browsers["guest"].cookies
    answer = browser.post(f"/api/v1/meetings/{people.meeting.pk}/recordings")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "csrf")


def test_a_guest_who_leaves_is_out(people: People) -> None:
    guest, meeting = people.browsers["guest"], people.meeting.pk
    guest.post(reverse("remove", args=[meeting, people.participant("Gil").pk]))
    assert guest.get(reverse("meeting", args=[meeting])).status_code == 404


def test_the_audio_file_is_for_who_is_inside(people: People, settings: object, tmp_path: object) -> None:
    settings.MEDIA_ROOT = tmp_path  # type: ignore[attr-defined]
    row = a_row(people.meeting)
    address = reverse("audio", args=[people.meeting.pk, row.recording_id])
    for who, browser in people.browsers.items():
        seen = seats.seat_in(people.meeting.pk, seats.visitor_of(*_asking(browser)))
        assert (seen is not None) == (who in INSIDE), who
        # There is no file, so those who may hear it get 404 as well. The others must get the same answer.
        assert browser.get(address).status_code == (302 if who == "anonymous" else 404)


def _asking(browser: Client) -> tuple[User, SessionStore]:
    session = browser.session
    user = User.objects.filter(pk=session.get("_auth_user_id") or 0).first()
    return user, session  # type: ignore[return-value]


def test_a_key_opens_one_meeting_and_no_other_of_the_same_owner(people: People) -> None:
    other = meetings.create_meeting(people.meeting.owner, "Other", "en")
    assert people.browsers["guest"].get(reverse("meeting", args=[other.pk])).status_code == 404


def test_one_browser_can_be_a_guest_of_several_meetings(people: People) -> None:
    other = meetings.create_meeting(people.meeting.owner, "Other", "en")
    browser = joined_as_guest(people.meeting, "Ann")
    second = joined_as_guest(other, "Ann")  # its link is made here
    other.refresh_from_db()
    browser.post(f"/j/{other.pk}-{other.join_secret}/", {"name": "Ann again"})
    assert browser.get(reverse("meeting", args=[people.meeting.pk])).status_code == 200
    assert browser.get(reverse("meeting", args=[other.pk])).status_code == 200
    assert second.get(reverse("meeting", args=[people.meeting.pk])).status_code == 404


def test_a_browser_forgets_the_first_of_too_many_meetings() -> None:
    session = SessionStore()
    keys = [seats.give_key(session) for _ in range(seats.MOST_KEYS + 1)]
    assert seats.visitor_of(User(), session).guest_keys == tuple(keys[1:])


def test_an_account_comes_before_the_same_persons_seat_as_a_guest(people: People) -> None:
    browser = joined_as_guest(people.meeting, "Min")
    browser.force_login(people.meeting.owner)
    assert 'data-testid="invite"' in browser.get(reverse("meeting", args=[people.meeting.pk])).text


@pytest.mark.parametrize("held", ["x", [1, None], {"a": 1}, None])
def test_a_session_that_holds_something_else_than_keys_opens_nothing(people: People, held: object) -> None:
    browser = Client()
    session = browser.session
    session[seats.SESSION_KEY] = held
    session.save()
    browser.cookies["mico_session"] = browser.cookies.get("mico_session", "")
    assert browser.get(reverse("meeting", args=[people.meeting.pk]), headers=FETCH).status_code in {401, 404}


def test_meetings_beyond_any_number_are_not_there(people: People) -> None:
    for who in "owner", "guest":
        assert people.browsers[who].get(f"/m/{10**30}/").status_code == 404


def test_signing_out_ends_the_guests_seat_too(people: People) -> None:
    guest = people.browsers["guest"]
    guest.force_login(User.objects.create_user("somebody"))
    assert guest.get(reverse("meeting", args=[people.meeting.pk])).status_code == 200
    guest.post(reverse("logout"))
    assert guest.get(reverse("meeting", args=[people.meeting.pk])).status_code == 302


def test_an_inactive_account_has_no_seat(people: People) -> None:
    browser = signed_in(User.objects.get(username="jun"))
    User.objects.filter(username="jun").update(is_active=False)
    assert browser.get(reverse("meeting", args=[people.meeting.pk])).status_code == 302
