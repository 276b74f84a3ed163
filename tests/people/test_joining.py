"""Joining a meeting by its link, as a guest and with an account."""

import threading
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import ValidationError
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.transactions import start_beside
from tests.visitors import joined_as_guest, signed_in
from transcription.models import Meeting, Participant
from transcription.people import joining, meetings, names

pytestmark = pytest.mark.django_db


@pytest.fixture
def meeting() -> Meeting:
    """A meeting of Mina's whose link is turned on."""
    meeting = meetings.create_meeting(User.objects.create_user("mina"), "Weekly <b>", "en")
    joining.allow(meeting, allowed=True)
    return meeting


def address(meeting: Meeting) -> str:
    return reverse("join", args=[joining.token_of(meeting)])


def page(meeting: Meeting) -> str:
    return reverse("meeting", args=[meeting.pk])


class TestLink:
    """The link, which the owner controls."""

    def test_is_off_until_the_owner_turns_it_on(self) -> None:
        meeting = meetings.create_meeting(User.objects.create_user("jun"), "New", "en")
        assert joining.token_of(meeting) == ""
        assert joining.meeting_of(f"{meeting.pk}-") is None

    def test_is_long_and_never_the_same(self, meeting: Meeting) -> None:
        first = meeting.join_secret
        joining.allow(meeting, allowed=True, renew=True)
        assert len(first) >= 43  # 256 bits
        assert first != meeting.join_secret

    def test_turned_off_it_leads_nowhere_and_on_again_it_is_the_same(self, meeting: Meeting) -> None:
        token = joining.token_of(meeting)
        joining.allow(meeting, allowed=False)
        assert Client().get(reverse("join", args=[token])).status_code == 404
        joining.allow(meeting, allowed=True)
        assert Client().get(reverse("join", args=[token])).status_code == 200

    def test_renewed_the_old_one_is_dead_and_who_is_in_stays(self, meeting: Meeting) -> None:
        guest, old = joined_as_guest(meeting, "Gil"), address(meeting)
        joining.allow(meeting, allowed=True, renew=True)
        answer = Client().post(old, {"name": "Eve"})
        assert answer.status_code == 404
        assert "This link does not lead in" in answer.text
        assert Client().get(address(meeting)).status_code == 200
        assert guest.get(page(meeting)).status_code == 200

    @pytest.mark.parametrize(
        "token", ["x", "1-", "-x", "1", *(f"{n}-{'a' * 43}" for n in ("0", "9" * 40, "١"))]
    )
    def test_nonsense_leads_nowhere(self, meeting: Meeting, token: str) -> None:
        assert Client().get(reverse("join", args=[token])).status_code == 404

    def test_the_secret_of_another_meeting_does_not_open_this_one(self, meeting: Meeting) -> None:
        other = meetings.create_meeting(meeting.owner, "Other", "en")
        joining.allow(other, allowed=True)
        assert joining.meeting_of(f"{meeting.pk}-{other.join_secret}") is None
        assert joining.meeting_of(f"{meeting.pk}-{meeting.join_secret[:-1]}") is None

    def test_of_two_changes_at_once_none_brings_the_old_link_back(self, meeting: Meeting) -> None:
        old = joining.token_of(meeting)
        seen_before = Meeting.objects.get(pk=meeting.pk)
        joining.allow(meeting, allowed=True, renew=True)
        joining.allow(seen_before, allowed=True)
        assert joining.meeting_of(old) is None
        assert joining.meeting_of(joining.token_of(meeting)) == meeting

    def test_only_the_owner_reads_it(self, meeting: Meeting) -> None:
        guest = joined_as_guest(meeting, "Gil")
        assert meeting.join_secret not in guest.get(page(meeting)).text
        assert meeting.join_secret in signed_in(meeting.owner).get(page(meeting)).text

    def test_the_owner_switches_it_on_the_page(self, meeting: Meeting) -> None:
        owner, where = signed_in(meeting.owner), reverse("link", args=[meeting.pk])
        secret = meeting.join_secret
        for action, is_open, same in ("off", False, True), ("on", True, True), ("renew", True, False):
            assert owner.post(where, {"link": action}).status_code == 302
            meeting.refresh_from_db()
            assert (meeting.join_open, meeting.join_secret == secret) == (is_open, same)
        assert owner.post(where, {"link": "x"}).status_code == 404


class TestGuest:
    """Joining with no more than a name."""

    def test_says_a_name_and_is_in(self, meeting: Meeting) -> None:
        browser = Client()
        assert "Weekly &lt;b&gt;" in browser.get(address(meeting)).text
        answer = browser.post(address(meeting), {"name": "  Gil   Kim "})
        assert answer["Location"] == page(meeting)
        guest = meeting.participants.get(user=None)
        assert (guest.name, guest.is_present) == ("Gil Kim", True)
        assert "Gil Kim" in browser.get(page(meeting)).text

    def test_looking_at_the_link_joins_nothing(self, meeting: Meeting) -> None:
        for method in "get", "head":
            getattr(Client(), method)(address(meeting))
        assert meeting.participants.count() == 1

    def test_a_session_that_somebody_planted_is_worth_nothing(self, meeting: Meeting) -> None:
        planted = Client()
        session = planted.session
        session["x"] = 1
        session.save()
        name = django_settings.SESSION_COOKIE_NAME
        before = planted.cookies[name].value

        planted.post(address(meeting), {"name": "Gil"})

        assert planted.cookies[name].value != before
        attacker = Client()
        attacker.cookies[name] = before
        assert attacker.get(page(meeting)).status_code == 302
        assert planted.get(page(meeting)).status_code == 200

    def test_the_key_never_leaves_the_server(self, meeting: Meeting) -> None:
        browser = joined_as_guest(meeting, "Gil")
        key = meeting.participants.get(name="Gil").guest_key
        assert key
        assert key not in browser.get(page(meeting)).text
        assert all(key not in morsel.value for morsel in browser.cookies.values())

    def test_who_is_in_already_is_not_asked_again(self, meeting: Meeting) -> None:
        browser = joined_as_guest(meeting, "Gil")
        assert browser.get(address(meeting))["Location"] == page(meeting)
        assert browser.post(address(meeting), {"name": "Gil 2"})["Location"] == page(meeting)
        assert meeting.participants.count() == 2

    def test_cannot_be_called_like_somebody_with_an_account(self, meeting: Meeting) -> None:
        answer = Client().post(address(meeting), {"name": "MINA"})
        assert answer.status_code == 422
        assert "is called that already" in answer.text
        joined_as_guest(meeting, "Gil")
        joined_as_guest(meeting, "Gil")  # two guests may have one name

    @pytest.mark.parametrize(
        "name", ["ÉVA", "e\u0301va", "éva\u200d", "éva\ufe0f", "éva \u2800", "éva\u3164", "é\uff56a"]
    )
    def test_nor_so_that_nobody_sees_the_difference(self, meeting: Meeting, name: str) -> None:
        meetings.rename(meeting, meeting.participants.get(), "éva")
        answer = Client().post(address(meeting), {"name": name})
        assert answer.status_code == 422
        assert "is called that already" in answer.text
        assert meeting.participants.count() == 1

    def test_their_name_is_text_and_never_markup(self, meeting: Meeting) -> None:
        joined_as_guest(meeting, "<script>alert(1)</script>")
        html = signed_in(meeting.owner).get(page(meeting)).text
        assert "<script>alert" not in html
        assert "&lt;script&gt;alert" in html

    @pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\x00b", "a\u202eb", "\u3164", "…"])
    def test_a_wrong_name_is_said(self, meeting: Meeting, name: str) -> None:
        answer = Client().post(address(meeting), {"name": name})
        assert answer.status_code == 422
        assert 'class="problem"' in answer.text
        assert meeting.participants.count() == 1

    @pytest.mark.parametrize("change", ["off", "renewed", "deleted"])
    def test_a_link_that_ends_while_it_is_followed_leads_nowhere(
        self, meeting: Meeting, change: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        followed = address(meeting)
        read = joining.meeting_of

        def meanwhile(token: str) -> Meeting | None:
            found = read(token)
            if change == "deleted":
                Meeting.objects.all().delete()
            else:
                joining.allow(meeting, allowed=change != "off", renew=change == "renewed")
            return found

        monkeypatch.setattr(joining, "meeting_of", meanwhile)
        for browser, form in (Client(), {"name": "Gil"}), (signed_in(User.objects.create_user("jun")), {}):
            answer = browser.post(followed, form)
            assert answer.status_code == 404
            assert "This link does not lead in" in answer.text
        assert not Participant.objects.exclude(name="mina").exists()

    def test_another_sites_form_joins_nothing(self, meeting: Meeting) -> None:
        browser = Client(enforce_csrf_checks=True)
        browser.get(address(meeting))
        assert browser.post(address(meeting), {"name": "Gil"}).status_code == 403
        assert meeting.participants.count() == 1

    def test_the_page_is_never_kept_by_a_cache(self, meeting: Meeting) -> None:
        assert "no-store" in Client().get(address(meeting))["Cache-Control"]


class TestAccount:
    """Joining while signed in takes one confirmation."""

    def test_joins_with_one_post_under_their_own_name(self, meeting: Meeting) -> None:
        jun = User.objects.create_user("jun", first_name="Jun")
        browser = signed_in(jun)
        html = browser.get(address(meeting)).text
        assert 'name="name"' not in html
        assert not meeting.participants.filter(user=jun).exists()
        assert browser.post(address(meeting))["Location"] == page(meeting)
        assert meeting.participants.get(user=jun).name == "Jun"

    def test_comes_back_after_being_removed(self, meeting: Meeting) -> None:
        jun = User.objects.create_user("jun")
        meetings.remove(meeting, meetings.invite(meeting, jun))
        assert signed_in(jun).post(address(meeting)).status_code == 302
        assert meeting.participants.get(user=jun).is_present


class TestLimit:
    """The number of people who can join is limited, should a link spread too far."""

    @pytest.fixture(autouse=True)
    def _three(self, settings: Any) -> None:
        settings.MEETING_MAX_PEOPLE = 3

    def test_a_full_meeting_takes_nobody_more(self, meeting: Meeting) -> None:
        for name in "Ann", "Ben":
            joined_as_guest(meeting, name)
        for browser, form in (Client(), {"name": "Cem"}), (signed_in(User.objects.create_user("jun")), {}):
            answer = browser.post(address(meeting), form)
            assert answer.status_code == 422
            assert "no room for more people" in answer.text
        assert meeting.participants.count() == 3

    def test_leaving_makes_room_only_after_a_while(self, meeting: Meeting) -> None:
        for name in "Ann", "Ben":
            joined_as_guest(meeting, name)
        meetings.remove(meeting, meeting.participants.get(name="Ann"))
        assert Client().post(address(meeting), {"name": "Ann"}).status_code == 422
        Participant.objects.filter(name="Ann").update(joined_at=timezone.now() - joining.COUNTED_FOR)
        assert Client().post(address(meeting), {"name": "Ann"}).status_code == 302

    def test_who_has_no_account_any_more_takes_no_place(self, meeting: Meeting) -> None:
        joined_as_guest(meeting, "Ann")
        meetings.invite(meeting, User.objects.create_user("jun"))
        Participant.objects.update(joined_at=timezone.now() - joining.COUNTED_FOR)
        assert Client().post(address(meeting), {"name": "Ben"}).status_code == 422
        User.objects.get(username="jun").delete()
        assert Client().post(address(meeting), {"name": "Ben"}).status_code == 302

    def test_who_is_in_with_an_account_comes_in_all_the_same(self, meeting: Meeting) -> None:
        jun = User.objects.create_user("jun")
        meetings.invite(meeting, jun)
        joined_as_guest(meeting, "Ann")
        assert joining.join_with_account(meeting, jun).user == jun


@pytest.mark.django_db(transaction=True)
def test_of_two_who_come_at_once_for_one_place_one_gets_it(settings: Any) -> None:
    settings.MEETING_MAX_PEOPLE = 2
    meeting = meetings.create_meeting(User.objects.create_user("mina"), "Weekly", "en")
    joining.allow(meeting, allowed=True)
    full = threading.Event()

    def come() -> None:
        try:
            joining.join_as_guest(Meeting.objects.get(pk=meeting.pk), "Ben", SessionStore())
        except joining.Full:
            full.set()

    with transaction.atomic():
        joining.join_as_guest(meeting, "Ann", SessionStore())
        ben = start_beside(come)
    ben.join()
    assert full.is_set()
    assert meeting.participants.count() == 2


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (" 김 민지 ", "김 민지"),
        ("Ann\tB", "Ann B"),
        ("👩‍🔬 Ann", "👩‍🔬 Ann"),
        ("e\u0301va", "éva"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("7", "7"),
        ("x" * 60, "x" * 60),
    ],
)
def test_names_are_kept_on_one_line(given: str, kept: str) -> None:
    assert names.checked(given) == kept


@pytest.mark.parametrize("given", ["\u200d", "--", "\ud800x", "a\u2066b", "\u115f\u1160", "a\x7f"])
def test_names_that_show_nothing_or_something_else_are_refused(given: str) -> None:
    with pytest.raises(ValidationError):
        names.checked(given)


def test_the_names_of_accounts_are_kept_up_to_a_length() -> None:
    user = User.objects.create_user("x", first_name="a" * 150, last_name="b" * 150)
    assert meetings.create_meeting(user, "Long", "en").participants.get().name == "a" * 150
