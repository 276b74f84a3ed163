"""One token for the whole fleet: fetched by one process at a time, kept while valid, dropped when refused."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.vendors.scripted import Handler, Vendor, answer
from tests.waiting import patient, wait_until
from transcription.vendors.base import AuthFailed, VendorUnavailable
from transcription.vendors.sign_in import Token, Tokens

KEY = "test:token"


def tokens(client: redis.Redis, authenticate: Callable[[], Token], **changes: float) -> Tokens:
    return Tokens(client, KEY, authenticate, **({"pause_s": 0.005} | changes))


def giving(value: str = "T", lives_s: float = 21_600) -> Callable[[], Token]:
    return lambda: Token(value, time.time() + lives_s)


def unwanted() -> Token:
    raise AssertionError("nobody should authenticate")


def test_the_first_one_authenticates_and_the_others_read(client: redis.Redis) -> None:
    assert tokens(client, giving("T1")).get() == "T1"
    assert tokens(client, unwanted).get() == "T1"


def test_a_token_is_given_up_before_it_expires(client: redis.Redis) -> None:
    tokens(client, giving(lives_s=1000), margin_s=300).get()
    assert 690_000 < client.pttl(KEY) <= 700_000


@pytest.mark.parametrize("lives_s", [-10_000, 0, 100])
def test_a_token_that_seems_expired_at_once_is_kept_for_a_minute(client: redis.Redis, lives_s: float) -> None:
    tokens(client, giving(lives_s=lives_s)).get()
    assert 55_000 < client.pttl(KEY) <= 60_000


def test_no_token_is_kept_for_more_than_a_day(client: redis.Redis) -> None:
    tokens(client, giving(lives_s=1e11)).get()
    assert client.pttl(KEY) <= 86_400_000


def test_a_refused_token_is_dropped(client: redis.Redis) -> None:
    mine = tokens(client, giving("T1"))
    mine.invalidate(mine.get())
    assert tokens(client, giving("T2")).get() == "T2"


def test_a_newer_token_survives_the_refusal_of_an_older_one(client: redis.Redis) -> None:
    mine = tokens(client, unwanted)
    client.set(KEY, "newer")
    mine.invalidate("older")
    assert mine.get() == "newer"


def test_threads_that_come_together_authenticate_once(client: redis.Redis) -> None:
    calls: list[int] = []
    together = threading.Barrier(8)

    def authenticate() -> Token:
        calls.append(1)
        before = reads(client)
        wait_until(lambda: reads(client) > before + 10)  # the other seven are looking for the token meanwhile
        return Token("T", time.time() + 1000)

    shared = tokens(client, authenticate)
    got: list[str] = []

    def ask() -> None:
        together.wait()
        got.append(shared.get())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (got, len(calls)) == (["T"] * 8, 1)


def reads(client: redis.Redis) -> int:
    """Return how many GETs this Redis has served."""
    return int(client.info("commandstats")["cmdstat_get"]["calls"])


PROCESS = """
import sys, redis
from transcription.vendors.rtzr import Rtzr
client = redis.Redis.from_url(sys.argv[1], decode_responses=True)
vendor = Rtzr(client, client_id="me", client_secret="secret", base_url=sys.argv[2])
client.incr("test:ready")
while int(client.get("test:ready")) < 2: pass
print(type(vendor.fetch("J1")).__name__)
"""


def test_two_processes_that_come_together_authenticate_once(
    client: redis.Redis, redis_url: str, vendor: Vendor
) -> None:
    def authenticate(handler: Handler) -> None:
        before = reads(client)
        wait_until(lambda: reads(client) > before + 3)  # the other process is looking for our token
        answer(200, {"access_token": "T", "expire_at": time.time() + 21_600})(handler)

    running = answer(200, {"id": "J1", "status": "transcribing"})
    vendor.will(authenticate, running, running)
    command = [sys.executable, "-c", PROCESS, redis_url, vendor.url]
    root = Path(__file__).parents[2]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) for _ in range(2)]
    assert [process.communicate(timeout=patient(10))[0] for process in processes] == ["Running\n"] * 2
    assert sorted(vendor.paths) == ["GET /v1/transcribe/J1", "GET /v1/transcribe/J1", "POST /v1/authenticate"]


def test_whoever_waits_too_long_for_another_gives_up(client: redis.Redis) -> None:
    client.lock(f"{KEY}:lock", timeout=60).acquire()
    with pytest.raises(VendorUnavailable) as caught:
        tokens(client, unwanted, wait_s=0.02).get()
    assert caught.value.may_have_arrived is False


def test_the_lock_of_a_process_that_died_goes_by_itself(client: redis.Redis) -> None:
    client.lock(f"{KEY}:lock", timeout=0.05).acquire()
    assert tokens(client, giving("T"), wait_s=patient(5)).get() == "T"


def test_a_failed_authentication_leaves_the_way_open(client: redis.Redis) -> None:
    def refused() -> Token:
        raise AuthFailed("no")

    with pytest.raises(AuthFailed):
        tokens(client, refused).get()
    assert tokens(client, giving("T"), wait_s=0).get() == "T"


def test_an_authentication_that_outlives_its_lock_still_counts(client: redis.Redis) -> None:
    def slow() -> Token:
        client.delete(f"{KEY}:lock")  # as the lock's timeout does
        return Token("T", time.time() + 1000)

    assert tokens(client, slow).get() == "T"


def test_without_redis_it_is_redis_that_is_reported(tmp_path: Path) -> None:
    with redis.Redis(unix_socket_path=f"{tmp_path}/none", retry=Retry(NoBackoff(), 0)) as away:
        with pytest.raises(redis.ConnectionError):
            tokens(away, unwanted).get()
        with pytest.raises(redis.ConnectionError):
            tokens(away, unwanted).invalidate("T")


def test_a_token_does_not_show_itself() -> None:
    assert "s3cr3t" not in repr(Token("s3cr3t", 1.0))
