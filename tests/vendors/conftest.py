"""What the tests of the vendors share: a scripted vendor over real sockets, and a Redis client for the tokens."""

from collections.abc import Iterator

import pytest
import redis
import requests

from tests.vendors.scripted import Vendor, running_vendor
from transcription.vendors import http


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with running_vendor() as running:
        yield running


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """This thread's session, without connections of another test."""
    with http.session() as session:
        yield session


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """A Redis client as the registry makes it."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client
