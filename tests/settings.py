"""Mico's settings for the tests: a data directory, a Redis and a vendor of their own, and nothing of yours.

This module and not a conftest decides that, because pytest-django loads the settings before any conftest.
Whatever the shell or a `.env` says about Mico is put aside, except for TEST_DATABASE_URL and DATABASE_URL:
Django makes a database of its own there, `test_…`.
"""

import atexit
import os
import re
import shutil
import tempfile
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
# Every variable that Mico reads: .env.example names them all.
VARIABLES = frozenset(re.findall(r"^#? ?([A-Z][A-Z0-9_]*)=", (BASE_DIR / ".env.example").read_text(), re.M))
# Nothing listens there: only the fixture `emulator` points a test at a vendor.
NOWHERE = "http://127.0.0.1:9"

test_database_url = os.environ.get("TEST_DATABASE_URL") or os.environ.get("DATABASE_URL", "")
for name in VARIABLES:
    os.environ.pop(name, None)
# Short, because the path of a Unix socket has to be; resolved, because the settings resolve it too.
TEST_DATA = Path(tempfile.mkdtemp(prefix="mico-test-")).resolve()
OWNER = os.getpid()


def _clean_up() -> None:
    """Takes the data of this run away. A forked child is not the one to do so."""
    if os.getpid() == OWNER:
        shutil.rmtree(TEST_DATA, ignore_errors=True)


atexit.register(_clean_up)
(TEST_DATA / "static").mkdir()  # whitenoise warns of a directory that is not there
os.environ |= {
    "MICO_ENV_FILE": os.devnull,
    "MICO_DATA": str(TEST_DATA),
    "DATABASE_URL": test_database_url,
    "REDIS_URL": f"unix://{TEST_DATA}/redis.sock?db=0",
    "RTZR_BASE_URL": NOWHERE,
}

from mico.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# No manifest: a test needs no collectstatic.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
if not test_database_url:
    # A file and not memory: threads have connections of their own. And the very file that a process of Mico's
    # with this MICO_DATA would use: tests/fleet.py starts some.
    DATABASES["default"]["TEST"] = {"NAME": str(DATABASES["default"]["NAME"])}  # noqa: F405
