"""A full disk is recognised, whoever finds it, and nothing else is taken for one."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from django.db import IntegrityError, OperationalError

from tests.full_disk import find_database_full, find_disk_full, find_redis_full
from tests.servers import running_redis
from transcription import room


def error_of(act: Callable[[], object]) -> BaseException:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - any kind
        act()
    return raised.value


def test_the_systems_word() -> None:
    error = error_of(find_disk_full)
    assert isinstance(error, OSError)
    assert room.is_full(error)
    assert room.is_full(OSError(errno.EDQUOT, "Disk quota exceeded"))


@pytest.mark.django_db
def test_the_databases_word() -> None:
    error = error_of(find_database_full)
    assert isinstance(error, OperationalError)
    assert room.is_full(error)


def test_the_word_of_redis(tmp_path: Path) -> None:
    socket = tmp_path / "r.sock"
    with running_redis(socket), redis.Redis(unix_socket_path=str(socket)) as client:
        error = error_of(lambda: find_redis_full(client, tmp_path))
        assert isinstance(error, redis.ResponseError)
        assert room.is_full(error)
        piped = client.pipeline(transaction=False)
        piped.set("y", "1")
        assert room.is_full(error_of(piped.execute))
        assert room.is_full(error_of(lambda: client.eval("return redis.call('SET', 'z', '1')", 0)))


def test_what_led_to_an_error() -> None:
    def wrapped() -> None:
        try:
            find_disk_full()
        except OSError as error:
            raise ValueError("not stored") from error

    def met_while_handled() -> None:
        try:
            find_disk_full()
        finally:
            raise ValueError("not closed")

    assert room.is_full(error_of(wrapped))
    assert room.is_full(error_of(met_while_handled))


@pytest.mark.parametrize(
    "error",
    [
        OSError("no number"),
        PermissionError(errno.EACCES, "Permission denied"),
        OSError(errno.EIO, "Input/output error"),
        OperationalError("database is locked"),
        IntegrityError("UNIQUE constraint failed"),
        redis.ConnectionError("No space in this sentence counts."),
        redis.ResponseError("OOM command not allowed"),
        ValueError("no space left on device"),
    ],
)
def test_other_errors_are_no_full_disk(error: Exception) -> None:
    assert not room.is_full(error)


def test_an_error_that_was_dealt_with_does_not_count() -> None:
    def dealt_with() -> None:
        try:
            find_disk_full()
        except OSError:
            raise ValueError("something else") from None

    assert not room.is_full(error_of(dealt_with))
