"""Bearer tokens, and the command that makes them."""

from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from transcription.models import ApiToken
from transcription.people import tokens

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return User.objects.create_user("minsu")


def test_a_token_is_found_and_only_its_hash_is_kept(user: User) -> None:
    token = tokens.make(user)
    assert tokens.find(token) == user
    kept = ApiToken.objects.get()
    assert kept.key_hash == tokens.digest(token)
    assert token not in repr(vars(kept))
    assert token.startswith("mico_")


def test_tokens_differ_and_each_is_good(user: User) -> None:
    first, second = tokens.make(user), tokens.make(user)
    assert first != second
    assert tokens.find(first) == tokens.find(second) == user


@pytest.mark.parametrize("wrong", ["", "mico_", "x" * 10_000, "\udcff", "\x00", "토큰"])
def test_what_is_no_token_is_nobodys(user: User, wrong: str) -> None:
    token = tokens.make(user)
    for candidate in (wrong, token[:-1], token + " ", token.upper(), tokens.digest(token)):
        assert tokens.find(candidate) is None


def test_the_token_of_an_inactive_user_is_nobodys(user: User) -> None:
    token = tokens.make(user)
    User.objects.update(is_active=False)
    assert tokens.find(token) is None
    assert ApiToken.objects.get().last_used_at is None


def test_its_use_is_noted_at_most_once_a_minute(
    user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    token = tokens.make(user)
    with django_assert_num_queries(2):
        tokens.find(token)
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    assert abs(timezone.now() - first) < timedelta(seconds=5)
    with django_assert_num_queries(1):
        tokens.find(token)
    assert ApiToken.objects.get().last_used_at == first
    ApiToken.objects.update(last_used_at=first - timedelta(seconds=61))
    tokens.find(token)
    noted = ApiToken.objects.get().last_used_at
    assert noted is not None
    assert noted >= first


# --- manage.py apitoken ---------------------------------------------------------------------------


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("apitoken", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_prints_a_good_token_and_nothing_else(user: User) -> None:
    printed = run("minsu")
    assert printed.count("\n") == 1
    assert tokens.find(printed.strip()) == user


def test_a_user_who_is_not_there_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(CommandError, match=r'no user "nobody"\. With --create one is made') as error:
        run("nobody")
    assert error.value.returncode == 1
    assert not User.objects.exists()


def test_create_makes_an_ordinary_user_without_a_password() -> None:
    token = run("bot", "--create").strip()
    user = User.objects.get()
    assert tokens.find(token) == user
    assert (user.username, user.is_active, user.is_staff, user.is_superuser) == ("bot", True, False, False)
    assert not user.has_usable_password()


def test_create_for_somebody_who_is_there_changes_nothing_of_them(user: User) -> None:
    user.set_password("kept")
    user.save()
    assert tokens.find(run("minsu", "--create").strip()) == user
    user.refresh_from_db()
    assert user.check_password("kept")


@pytest.mark.parametrize("name", ["", "two words", "x" * 151, "a/b"])
def test_create_refuses_what_is_no_username(name: str) -> None:
    with pytest.raises(CommandError):
        run(name, "--create")
    assert not User.objects.exists()


def test_an_inactive_user_gets_no_token(user: User) -> None:
    User.objects.update(is_active=False)
    with pytest.raises(CommandError, match="not active"):
        run("minsu")
    assert not ApiToken.objects.exists()
