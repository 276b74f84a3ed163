"""A full disk, where nothing is full: the errors are real ones, of the system, the database and Redis."""

import io
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import redis
from django.core.files.storage import FileSystemStorage
from django.db import connection, transaction

from tests.waiting import wait_until

NO_ROOM = "The disk of this server is full"
NO_ROOM_IN_KOREAN = "서버의 디스크가 가득 차서"


def find_disk_full(*_args: Any, **_options: Any) -> NoReturn:
    """Write to a device that has no room. Raises OSError (ENOSPC)."""
    Path("/dev/full").write_bytes(b"x")
    raise AssertionError("there was room")


class FullFile(io.BufferedRandom):
    """An open file that takes `buffer_size` bytes, and then has no room. The other arguments are tempfile's."""

    def __init__(self, *_args: Any, buffer_size: int = io.DEFAULT_BUFFER_SIZE, **_options: Any) -> None:
        super().__init__(io.FileIO("/dev/full", "r+b"), buffer_size)

    def __del__(self) -> None:
        """Close it without an error, as nobody is there to hear it."""
        with suppress(OSError):
            self.close()


class FullDisk(FileSystemStorage):
    """A storage that keeps the first half of a file, and then has no room."""

    def _save(self, name: str, _content: Any) -> NoReturn:
        path = Path(self.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
        find_disk_full()


FULL_DISK = {"default": {"BACKEND": "tests.full_disk.FullDisk"}}


def find_database_full(*_args: Any, **_options: Any) -> NoReturn:
    """Have the test's database say that its disk is full. Raises django.db.OperationalError."""
    if connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = '53100'; END $$")
    else:
        with connection.wrap_database_errors:
            small = sqlite3.connect(":memory:")
            try:
                small.execute("PRAGMA max_page_count = 2")
                small.execute("CREATE TABLE t (x)")
                small.execute("INSERT INTO t VALUES (zeroblob(100000))")
            finally:
                small.close()
    raise AssertionError("there was room")


def find_redis_full(client: "redis.Redis", folder: Path) -> NoReturn:
    """Have this server, which works in `folder`, refuse a write since it cannot save. Raises redis.ResponseError."""
    client.config_set("save", "3600 1")
    (folder / "dump.rdb").mkdir()
    client.bgsave()
    wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")
    client.set("x", "1")
    raise AssertionError("there was room")
