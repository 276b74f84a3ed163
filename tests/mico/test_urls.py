"""URLs other than the pages'."""

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client


@pytest.fixture
def operator(db: None, client: Client) -> Client:
    client.force_login(User.objects.create_superuser("operator"))
    return client


def test_a_browser_finds_an_icon_where_a_page_names_none(client: Client) -> None:
    answer = client.get("/favicon.ico")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/static/transcription/icon.svg")


def test_every_page_has_a_strict_policy_and_only_rqs_dashboard_has_none(operator: Client) -> None:
    for path in "/", "/admin/", "/accounts/login/":
        policy = operator.get(path).headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
    dashboard = operator.get("/admin/rq/")
    assert dashboard.status_code == 200
    assert "Content-Security-Policy" not in dashboard.headers


def test_rqs_dashboard_is_for_staff(client: Client, db: None) -> None:
    client.force_login(User.objects.create_user("someone"))
    assert client.get("/admin/rq/").status_code in {302, 403}


def test_two_micos_on_one_machine_do_not_share_a_session(client: Client, db: None) -> None:
    client.force_login(User.objects.create_user("someone"))
    assert list(client.cookies) == [settings.SESSION_COOKIE_NAME]
    own = f"mico_session_{settings.PORT}"
    assert (own if settings.EMBEDDED_DATABASE else "mico_session") == settings.SESSION_COOKIE_NAME
