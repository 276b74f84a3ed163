"""A full disk: how errors say that, whoever raises them, and the sentence that people read about it."""

import errno
import shutil
import sqlite3
from collections.abc import Iterator

import redis
from django.conf import settings
from django.utils.translation import gettext_lazy as _

SENTENCE = _(
    "The disk of this server is full, so nothing new can be kept at the moment. Nothing that is here already is lost."
    " Please tell an administrator, and send it again when there is room."
)

# No space on the device, and the quota of an account used up.
ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT})
DISK_FULL = "53100"  # https://www.postgresql.org/docs/current/errcodes-appendix.html
# Redis refuses writes because it could not save its data: https://redis.io/docs/latest/develop/reference/protocol-spec/
MISCONF = "MISCONF"

# With less than this, a disk counts as full before anything has failed: a recording of a few minutes needs as much.
LITTLE_BYTES = 100 * 1024**2


def is_full(error: BaseException) -> bool:
    """Whether a full disk is the reason of this error, or of one that led to it."""
    return any(_says_full(each) for each in _chain(error))


def free_bytes() -> int:
    """Return the bytes that are free where this process keeps files. Raises OSError."""
    return shutil.disk_usage(settings.DATA_DIR).free


def _says_full(error: BaseException) -> bool:
    match error:
        case OSError():
            return error.errno in ERRNOS
        case sqlite3.Error():
            return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
        case redis.ResponseError():
            return MISCONF in str(error)
    return getattr(error, "sqlstate", None) == DISK_FULL  # psycopg's, which only PostgreSQL needs


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
