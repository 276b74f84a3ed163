"""/healthz and /readyz, as a load balancer sees them."""

from collections.abc import Iterator

import pytest
import redis
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import Settings

from mico import health
from tests.waiting import wait_until
from transcription.live.presence import Heartbeat, Role, alive


@pytest.fixture
def _everybody_alive() -> Iterator[None]:
    """Send the heartbeats of a dispatcher and a worker."""
    beats = [Heartbeat(Role.WORKER), Heartbeat(Role.DISPATCH)]
    for beat in beats:
        beat.start()
        beat.alive_for(3600)  # no loop comes round here
    wait_until(lambda: alive() == {"workers": 1, "dispatchers": 1})
    yield
    for beat in beats:
        beat.stop()


def test_healthz_asks_nobody(client: Client) -> None:
    answer = client.get("/healthz")  # this test has no access to the database
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.django_db
@pytest.mark.usefixtures("_everybody_alive")
def test_readyz_is_ok_with_everything(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "ok": True,
        "checks": {"database": "ok", "redis": "ok", "dispatcher": "ok", "worker": "ok"},
    }


@pytest.mark.django_db
def test_readyz_names_who_is_missing(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    checks = answer.json()["checks"]
    assert (checks["database"], checks["redis"]) == ("ok", "ok")
    assert "dispatch" in checks["dispatcher"]
    assert "rqworker" in checks["worker"]
    assert caplog.records == []  # a client that waits polls often, so nothing is logged


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "alone", "missing"),
    [(Role.WORKER, "worker", "dispatcher"), (Role.DISPATCH, "dispatcher", "worker")],
)
def test_one_role_alone_is_not_ready(client: Client, role: Role, alone: str, missing: str) -> None:
    beat = Heartbeat(role)
    beat.start()
    beat.alive_for(3600)  # no loop comes round here
    wait_until(lambda: alive()["workers"] + alive()["dispatchers"] == 1)
    answer = client.get("/readyz")
    beat.stop()
    assert answer.status_code == 503
    assert answer.json()["checks"][alone] == "ok"
    assert answer.json()["checks"][missing].startswith("No ")


@pytest.mark.django_db
def test_readyz_without_redis(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise redis.ConnectionError("redis://:secret@redis.internal refused")

    monkeypatch.setattr(health, "alive", away)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["redis"] == "Redis does not answer."
    assert "secret" not in answer.content.decode()


def test_readyz_without_a_database(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError('connection to "10.0.0.7", user "mico" failed')

    monkeypatch.setattr(connection, "cursor", away)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == "The database does not answer."
    assert "10.0.0.7" not in answer.content.decode()


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.django_db
def test_any_host_and_no_redirect(client: Client, settings: Settings, path: str) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get(path, headers={"Host": "10.1.2.3:8000"}).status_code in (200, 503)
    assert client.head(path).status_code in (200, 503)
    assert client.post(path).status_code == 405
