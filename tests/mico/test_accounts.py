"""Signing in: with a password, with a one-time link, and out again."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mico.accounts import links
from mico.accounts.links import signin_link

pytestmark = pytest.mark.django_db

PASSWORD = "a good long pass phrase"


@pytest.fixture
def mina() -> User:
    """A user without a password, who signs in by a link."""
    return User.objects.create_user("mina")


def who(client: Client) -> str | None:
    """Return the id of the user who is signed in."""
    return client.session.get("_auth_user_id")


def test_pages_send_strangers_to_the_sign_in_page_and_back(client: Client) -> None:
    response = client.get("/m/1/")
    assert response.status_code == 302
    assert response["Location"] == f"{reverse('login')}?next=/m/1/"


def test_a_password_signs_in_and_leads_to_where_one_wanted_to_go(client: Client) -> None:
    User.objects.create_user("jun", password=PASSWORD)
    response = client.post(
        reverse("login"), {"username": "jun", "password": PASSWORD, "next": "/accounts/password/"}
    )
    assert response["Location"] == "/accounts/password/"


def test_next_never_leads_to_another_site(client: Client) -> None:
    User.objects.create_user("jun", password=PASSWORD)
    response = client.post(
        reverse("login"), {"username": "jun", "password": PASSWORD, "next": "https://evil.example/"}
    )
    assert response["Location"] == "/"


def test_signing_out_needs_a_post(client: Client, mina: User) -> None:
    client.force_login(mina)
    assert client.get(reverse("logout")).status_code == 405
    assert who(client)
    assert client.post(reverse("logout")).status_code == 302
    assert not who(client)


class TestLink:
    """The one-time link."""

    def test_signs_in(self, client: Client, mina: User) -> None:
        response = client.get(signin_link(mina))
        assert response.status_code == 302
        assert who(client) == str(mina.pk)

    def test_works_once(self, client: Client, mina: User) -> None:
        link = signin_link(mina)
        client.get(link)

        response = Client().get(link)

        assert response.status_code == 410
        assert "This link is used up" in response.text
        assert reverse("login") in response.text

    def test_followed_twice_by_the_same_browser_still_leads_in(self, client: Client, mina: User) -> None:
        link = signin_link(mina)
        client.get(link)
        assert client.get(link).status_code == 302

    def test_a_sign_in_of_any_other_kind_ends_it(self, client: Client, mina: User) -> None:
        link = signin_link(mina)
        client.force_login(mina)
        assert Client().get(link).status_code == 410

    def test_two_sign_ins_within_the_same_second_are_two(self, mina: User) -> None:
        now = timezone.now().replace(microsecond=100)
        User.objects.filter(pk=mina.pk).update(last_login=now)
        mina.refresh_from_db()
        link = signin_link(mina)
        User.objects.filter(pk=mina.pk).update(last_login=now + timedelta(microseconds=1))
        assert Client().get(link).status_code == 410

    def test_a_look_ahead_does_not_use_it_up(self, client: Client, mina: User) -> None:
        link = signin_link(mina)
        assert client.head(link).status_code == 405
        assert client.get(link).status_code == 302

    def test_of_two_at_the_same_moment_one_wins(self, mina: User, monkeypatch: pytest.MonkeyPatch) -> None:
        uid, token = signin_link(mina).rstrip("/").split("/")[-2:]
        check = links._tokens.check_token

        def overtaken(user: User, given: str) -> bool:
            fine = check(user, given)
            User.objects.filter(pk=user.pk).update(last_login=timezone.now())
            return fine

        monkeypatch.setattr(links._tokens, "check_token", overtaken)
        assert links.redeem(uid, token) is None

    def test_dies_with_age(self, client: Client, mina: User, monkeypatch: pytest.MonkeyPatch) -> None:
        link = signin_link(mina)
        later = links._tokens._now() + timedelta(seconds=settings.SIGNIN_LINK_MAX_AGE + 2)
        monkeypatch.setattr(links._tokens, "_now", lambda: later)
        assert client.get(link).status_code == 410

    def test_dies_with_the_account(self, client: Client, mina: User) -> None:
        link = signin_link(mina)
        User.objects.filter(pk=mina.pk).update(is_active=False)
        assert client.get(link).status_code == 410

    def test_is_no_password_reset_and_the_other_way_round(self, client: Client, mina: User) -> None:
        uid, token = signin_link(mina).rstrip("/").split("/")[-2:]
        assert not default_token_generator.check_token(mina, token)
        other = reverse("signin_link", args=[uid, default_token_generator.make_token(mina)])
        assert client.get(other).status_code == 410

    @pytest.mark.parametrize("uid", ["!!", "MQ", "x" * 300, "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "-_-", "w6k"])
    def test_nonsense_is_answered_like_a_used_one(self, client: Client, mina: User, uid: str) -> None:
        assert client.get(f"/accounts/link/{uid}/abc-def/").status_code == 410

    def test_is_not_kept_by_any_cache(self, client: Client, mina: User) -> None:
        assert "no-store" in client.get(signin_link(mina))["Cache-Control"]


class TestPassword:
    """Changing one's own password, or setting the first one."""

    def test_without_one_there_is_none_to_ask_for(self, client: Client) -> None:
        mina = User(username="mina")
        mina.set_unusable_password()
        mina.save()
        client.force_login(mina)
        page = client.get(reverse("password_change"))
        assert "old_password" not in page.text

        data = {"new_password1": PASSWORD, "new_password2": PASSWORD}
        response = client.post(reverse("password_change"), data, follow=True)

        assert "Your password is set." in response.text
        mina.refresh_from_db()
        assert mina.check_password(PASSWORD)
        assert who(client), "setting it does not sign out"

    def test_with_one_the_old_one_is_needed(self, client: Client) -> None:
        jun = User.objects.create_user("jun", password=PASSWORD)
        client.force_login(jun)
        data: dict[str, Any] = {
            "new_password1": "another pass phrase",
            "new_password2": "another pass phrase",
        }
        assert client.post(reverse("password_change"), data).status_code == 200
        jun.refresh_from_db()
        assert jun.check_password(PASSWORD)

    def test_a_wrong_csrf_token_gets_a_page_that_explains(self) -> None:
        client = Client(enforce_csrf_checks=True)
        response = client.post(reverse("login"), {"username": "x", "password": "y"})
        assert response.status_code == 403
        assert "Please try again" in response.text
