"""An operator, an onlooker, and a meeting."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from transcription.models import (
    Meeting,
)
from transcription.people.meetings import create_meeting


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
    """A member of staff with permission to view everything and change nothing."""
    user = User.objects.create_user("onlooker", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = Client()
    client.force_login(user)
    return client
