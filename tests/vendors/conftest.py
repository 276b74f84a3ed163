"""Fixtures of the vendors' tests: a scripted vendor over real sockets, and a Redis client for the tokens."""

from collections.abc import Iterator

import pytest
import redis
import requests

from tests.vendors.scripted import Vendor, answer, running_vendor
from tests.vendors.talk import signed_in
from tests.waiting import patient
from transcription.vendors import http
from transcription.vendors.rtzr import Rtzr


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with running_vendor() as running:
        yield running


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """This thread's session, without connections from another test."""
    with http.session() as session:
        yield session


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """A Redis client as the registry makes it."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


@pytest.fixture
def rtzr(vendor: Vendor, client: redis.Redis) -> Rtzr:
    return Rtzr(
        client,
        client_id="me",
        client_secret="s3cr3t-of-mine",
        base_url=f"{vendor.url}/",
        connect_timeout_s=patient(5),
        read_timeout_s=patient(0.25),  # short, because some tests wait for these two
        submit_timeout_s=patient(0.25),
    )


@pytest.fixture
def ready(vendor: Vendor, rtzr: Rtzr) -> Rtzr:
    """The adapter, already signed in."""
    vendor.will(signed_in(), answer(200, {"status": "transcribing"}))
    rtzr.fetch("warm")
    vendor.requests.clear()
    return rtzr
