"""`manage.py preflight`: each check that can fail, and what it says then."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import OperationalError
from django.db.migrations.executor import MigrationExecutor
from pytest_django import Settings

from mico import preflight
from tests.full_disk import FULL_DISK, find_redis_full
from tests.processes import Mico
from tests.servers import Emulator, free_port, running_redis
from tests.settings import NOWHERE
from tests.waiting import wait_until
from transcription import room
from transcription.gate import Gate
from transcription.live import no_room
from transcription.live.presence import Heartbeat, Role, alive
from transcription.live.redis_client import redis_client
from transcription.models import GateEvent
from transcription.vendors.registry import get_vendor


def failure(check: Callable[[], str]) -> str:
    with pytest.raises(preflight.Failed) as error:
        check()
    return str(error.value)


def raiser(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


@pytest.mark.slow
def test_a_running_mico_is_ready(mico: Mico) -> None:
    result = mico.manage("preflight")
    lines = result.stdout.strip().splitlines()
    names = ["database", "redis", "dispatcher", "workers", "recognition", "vendor", "storage", "socket"]
    assert [line.split(":")[0] for line in lines] == [f"ok      {name}" for name in names]


@pytest.mark.slow
def test_what_is_missing_is_named_and_the_rest_still_checked(mico: Mico) -> None:
    mico.emulator.throttle(seconds=60)
    result = mico.manage("preflight", "--url", f"http://127.0.0.1:{free_port()}", check=False)
    assert result.returncode == 1
    failed = [line for line in result.stdout.splitlines() if line.startswith("FAILED")]
    assert [line.split(":")[0] for line in failed] == ["FAILED  vendor", "FAILED  socket"]
    assert result.stdout.count("ok      ") == 6


@pytest.mark.slow
def test_a_socket_from_another_site_is_refused(mico: Mico) -> None:
    problem = failure(lambda: preflight.web_socket(mico.base_url.replace("127.0.0.1", "127.0.0.2")))
    assert "127.0.0.2" in problem


@pytest.mark.django_db
def test_database(monkeypatch: pytest.MonkeyPatch) -> None:
    assert preflight.database()
    monkeypatch.setattr(MigrationExecutor, "migration_plan", lambda *_: [1, 2])
    assert "2 migrations" in failure(preflight.database)
    monkeypatch.setattr(preflight, "MigrationExecutor", raiser(OperationalError("no route\nto host")))
    assert "(no route to host). Start it, or correct DATABASE_URL." in failure(preflight.database)


def test_redis() -> None:
    assert preflight.redis_server()
    redis_client().config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert "noeviction" in failure(preflight.redis_server)
    finally:
        redis_client().config_set("maxmemory-policy", "noeviction")


def test_redis_away(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as away:
        away.setattr(redis.Redis, "execute_command", raiser(redis.ConnectionError("refused")))
        assert "REDIS_URL" in failure(preflight.redis_server)
        for check in (preflight.workers, preflight.dispatcher, preflight.speech_to_text):
            assert "Redis" in failure(check)


def test_workers_and_dispatcher() -> None:
    assert "rqworker" in failure(preflight.workers)
    assert "manage.py dispatch" in failure(preflight.dispatcher)
    beats = [Heartbeat(Role.WORKER), Heartbeat(Role.WORKER), Heartbeat(Role.DISPATCH)]
    for beat in beats:
        beat.start()
        beat.alive_for(3600)  # no loop comes round here
    wait_until(lambda: alive() == {"workers": 2, "dispatchers": 1})
    assert preflight.workers() == "2 alive"
    assert preflight.dispatcher() == "1 alive"
    for beat in beats:
        beat.stop()


@pytest.mark.django_db
def test_recognition(settings: Settings) -> None:
    settings.EMULATOR_ENGINE = "pocketsphinx"
    assert preflight.recognition() == "pocketsphinx"
    settings.EMULATOR_ENGINE, settings.WHISPER_MODEL = "whisper", "gigantic"
    assert "gigantic cannot be fetched. There is no such model" in failure(preflight.recognition)


def test_vendor(emulator: Emulator) -> None:
    assert "RTZR" in preflight.speech_to_text()
    requests = emulator.stats()["requests"]
    assert (requests["authenticate"], requests["poll"]) == ({"200": 1}, {"404": 1})
    assert emulator.stats()["jobs"]["accepted"] == 0


@pytest.mark.django_db
def test_vendor_that_refuses_the_credentials(emulator: Emulator, settings: Settings) -> None:
    vendors = settings.STT_VENDORS
    settings.STT_VENDORS = {"rtzr": {**vendors["rtzr"], "client_secret": "wrong"}}
    get_vendor.cache_clear()
    problem = failure(preflight.speech_to_text)
    assert "RTZR_CLIENT_SECRET" in problem
    assert redis_client().keys("mico:rtzr:token*") == []


@pytest.mark.django_db
def test_vendor_that_throttles_closes_the_gate_for_everybody(emulator: Emulator) -> None:
    emulator.throttle(30)
    assert "throttles" in failure(preflight.speech_to_text)
    assert GateEvent.objects.get().kind == "closed"
    assert "gate is closed" in failure(preflight.speech_to_text)
    assert emulator.stats()["requests"]["poll"] == {"429": 1}  # the second check sent no request


@pytest.mark.django_db
def test_vendor_that_is_away(settings: Settings) -> None:
    settings.STT_VENDORS = {"rtzr": {**settings.STT_VENDORS["rtzr"], "base_url": NOWHERE}}
    get_vendor.cache_clear()
    try:
        assert NOWHERE in failure(preflight.speech_to_text)
    finally:
        get_vendor.cache_clear()


def test_a_gate_held_by_an_admin(settings: Settings) -> None:
    Gate(redis_client(), settings.STT_VENDOR).hold("by the test")
    assert "held" in failure(preflight.speech_to_text)


def test_storage(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    assert preflight.storage()
    assert list((settings.MEDIA_ROOT / "preflight").iterdir()) == []
    monkeypatch.setattr(default_storage, "save", raiser(PermissionError("not allowed")))
    assert "not allowed" in failure(preflight.storage)


def test_a_full_disk_is_called_so(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    assert preflight.storage().endswith(f"; {room.free_bytes() // 1024**2} MB free")
    no_room.note()
    assert "1 times of late something found no room. Make room: manage.py sweep" in failure(preflight.storage)
    redis_client().delete(no_room.KEY)
    monkeypatch.setattr(room, "free_bytes", lambda: room.LITTLE_BYTES - 1)
    assert "99 MB free in MICO_DATA" in failure(preflight.storage)
    settings.STORAGES = settings.STORAGES | FULL_DISK
    assert "The disk is full ([Errno 28] No space left on device)" in failure(preflight.storage)
    assert list((settings.MEDIA_ROOT / "preflight").iterdir()) == []


def test_a_redis_that_cannot_write_is_not_called_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket = tmp_path / "r.sock"
    with running_redis(socket), redis.Redis(unix_socket_path=str(socket)) as client:
        with pytest.raises(redis.ResponseError):
            find_redis_full(client, tmp_path)
        monkeypatch.setattr(preflight, "redis_client", lambda: client)
        assert "It answers, but cannot keep anything" in failure(preflight.redis_server)


@pytest.mark.parametrize(
    ("hosts", "host"),
    [
        (["mico.example.org"], "mico.example.org"),
        ([".example.org"], "www.example.org"),
        (["*"], "localhost"),
        ([], "localhost"),
    ],
)
def test_the_origin_is_one_that_web_accepts(settings: Settings, hosts: list[str], host: str) -> None:
    settings.ALLOWED_HOSTS = hosts
    assert preflight._public_host() == host


def test_the_command_fails_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def no() -> str:
        raise preflight.Failed("Do this.")

    monkeypatch.setattr(preflight, "checks", lambda _: [("one", lambda: "fine"), ("two", no), ("three", no)])
    out = StringIO()
    with pytest.raises(SystemExit) as exit_:
        call_command("preflight", stdout=out, no_color=True, skip_checks=True)
    assert exit_.value.code == 1
    assert out.getvalue() == "ok      one: fine\nFAILED  two: Do this.\nFAILED  three: Do this.\n"
