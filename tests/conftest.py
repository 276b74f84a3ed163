"""Fixtures for every test: a Redis server, the emulator over real HTTP, a whole Mico, the browser's path."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import redis
from channels import db
from django.conf import settings as django_settings
from pytest_django import Settings

from mico.run.redis_server import NOT_FOUND, find_redis_server
from tests.processes import Mico, a_mico
from tests.servers import Emulator, running_emulator, running_redis
from tests.settings import TEST_DATA
from tests.vendors.scripted import Vendor, running_vendor
from transcription.polling import estimate, plan
from transcription.vendors.registry import get_vendor


def pytest_configure() -> None:
    """Stop the run unless the settings are the tests' own: others might lead to somebody's data."""
    if os.environ.get("DJANGO_SETTINGS_MODULE") != "tests.settings":
        pytest.exit("Unset DJANGO_SETTINGS_MODULE: the tests bring their own settings.", returncode=4)
    # No deadline: the time that an example takes depends on how busy the machine is.
    hypothesis.settings.register_profile("tests", parent=hypothesis.settings(), deadline=None)
    hypothesis.settings.load_profile("tests")


@pytest.fixture(scope="session", autouse=True)
def redis_url() -> Iterator[str]:
    """Start the Redis server of this run and return its URL, which is also `settings.REDIS_URL`."""
    if find_redis_server() is None:
        pytest.exit(NOT_FOUND, returncode=4)
    with running_redis(TEST_DATA / "redis.sock"):
        yield django_settings.REDIS_URL


@pytest.fixture(scope="session")
def redis_connection(redis_url: str) -> Iterator["redis.Redis"]:
    """Return the tests' own connection to that server."""
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture(autouse=True)
def _empty_redis(redis_connection: "redis.Redis") -> Iterator[None]:
    """Empty the Redis database after each test. flushdb, not flushall, whatever server it is."""
    yield
    redis_connection.flushdb()


@pytest.fixture(autouse=True)
def _nothing_learned() -> Iterator[None]:
    """Drop what this process caches of the database for some seconds, after each test."""
    yield
    plan.forget()
    estimate.forget()


@pytest.fixture
def connections_stay_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep Channels from closing the connection that holds the test's transaction.

    Channels' communicator does so too, but only while it sends or receives: a query that ran during `wait` or
    `receive_nothing`, or between two calls, met a closed database. Needed by each test that opens a socket.
    """
    monkeypatch.setattr(db, "close_old_connections", lambda: None)


@pytest.fixture(scope="session")
def _echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with running_emulator(tmp_path_factory.mktemp("emulator"), "echo") as emulator:
        yield emulator


@pytest.fixture(scope="session")
def _speech(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with running_emulator(tmp_path_factory.mktemp("emulator"), "pocketsphinx") as emulator:
        yield emulator


def _wire(emulator: Emulator, settings: Settings) -> Iterator[Emulator]:
    """Reset `emulator` and point the settings at it."""
    emulator.reset()
    vendors = django_settings.STT_VENDORS
    # Neither of the two engines knows a lead, or tells how far it is.
    own = {"base_url": emulator.base_url, "lead_ms": 0, "tells_progress": False}
    settings.STT_VENDORS = {**vendors, "rtzr": {**vendors["rtzr"], **own}}
    get_vendor.cache_clear()
    yield emulator
    get_vendor.cache_clear()


@pytest.fixture
def emulator(_echo: Emulator, settings: Settings) -> Iterator[Emulator]:
    """The vendor, with the engine that answers at once with a hash of the audio ("echo 0123456789ab")."""
    yield from _wire(_echo, settings)


@pytest.fixture
def speech_emulator(_speech: Emulator, settings: Settings) -> Iterator[Emulator]:
    """The vendor, with the engine that recognises English speech."""
    yield from _wire(_speech, settings)


@pytest.fixture
def scripted(settings: Settings) -> Iterator[Vendor]:
    """Make the settings' vendor give the answers that the test scripts. It tells no progress by itself."""
    with running_vendor() as vendor:
        vendors = settings.STT_VENDORS
        settings.STT_VENDORS = {
            **vendors,
            "rtzr": {**vendors["rtzr"], "base_url": vendor.url, "tells_progress": False},
        }
        get_vendor.cache_clear()
        yield vendor
    get_vendor.cache_clear()


@pytest.fixture
def pooled(settings: Settings) -> Iterator[None]:
    """Make the vendor an account of RTZR's smallest plan, which counts the jobs of each model apart."""
    account = django_settings.STT_VENDORS["rtzr"] | {"pooled": True}
    settings.STT_VENDORS = django_settings.STT_VENDORS | {"rtzr": account}
    gate = django_settings.STT_GATES["rtzr"] | {"first_caps": {"sommers": 10, "whisper": 2}}
    settings.STT_GATES = django_settings.STT_GATES | {"rtzr": gate}
    get_vendor.cache_clear()
    yield
    get_vendor.cache_clear()


@pytest.fixture
def vendor_knows(settings: Settings) -> Iterator[Callable[..., None]]:
    """Call it with codes: the vendor then knows these languages and modes only."""

    def know(*codes: str, candidates: tuple[str, ...] = ()) -> None:
        account = django_settings.STT_VENDORS["rtzr"] | {"languages": codes, "candidates": candidates}
        settings.STT_VENDORS = django_settings.STT_VENDORS | {"rtzr": account}
        get_vendor.cache_clear()

    yield know
    get_vendor.cache_clear()


@pytest.fixture(scope="module")
def mico() -> Iterator[Mico]:
    """A whole running Mico with two workers: the processes of `make run`, with real speech recognition."""
    with a_mico() as mico:
        mico.start()
        yield mico
        mico.stop()


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """Return the path of a Chromium. Skip the test if there is none, or fail it if CI is "true"."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    for candidate in (os.environ.get("CHROMIUM"), *map(shutil.which, names)):
        if candidate and Path(candidate).is_file():
            return Path(candidate)
    message = "No Chromium: install one (the package chromium), or name it in CHROMIUM."
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)
