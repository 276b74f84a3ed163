"""Mico's settings for the tests. Each test process has its own data directory, Redis server and vendor.

They are set here and not in a conftest, because pytest-django loads the settings before any conftest. The variables
that Mico reads from the environment or `.env` are ignored, except for TEST_DATABASE_URL and DATABASE_URL: Django
creates the database `test_…` on the server that they name.
"""

import atexit
import os
import re
import shutil
import tempfile
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
# Every variable that Mico reads; .env.example lists them all.
VARIABLES = frozenset(re.findall(r"^#? ?([A-Z][A-Z0-9_]*)=", (BASE_DIR / ".env.example").read_text(), re.M))
# Nothing listens on this port. Only the fixture `emulator` points a test at a vendor.
NOWHERE = "http://127.0.0.1:9"

test_database_url = os.environ.get("TEST_DATABASE_URL") or os.environ.get("DATABASE_URL", "")
for name in VARIABLES:
    os.environ.pop(name, None)
# A short path, because a Unix socket is created in it; resolved, because the settings resolve it too.
TEST_DATA = Path(tempfile.mkdtemp(prefix="mico-test-")).resolve()
OWNER = os.getpid()


def _clean_up() -> None:
    """Remove the data of this process. A forked child also runs this, and must remove nothing."""
    if os.getpid() == OWNER:
        shutil.rmtree(TEST_DATA, ignore_errors=True)


atexit.register(_clean_up)
(TEST_DATA / "static").mkdir()  # whitenoise warns if the directory is missing
os.environ |= {
    "MICO_ENV_FILE": os.devnull,
    "MICO_DATA": str(TEST_DATA),
    "DATABASE_URL": test_database_url,
    "REDIS_URL": f"unix://{TEST_DATA}/redis.sock?db=0",
    "RTZR_BASE_URL": NOWHERE,
    "EMULATOR_ENGINE": "whisper",  # for its languages; which engine runs is the fixtures' affair
}

from mico.settings import *

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Without a manifest the tests need no collectstatic.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
if not test_database_url:
    # A file and not memory, because each thread has a connection of its own. It is the file that Mico's processes
    # with this MICO_DATA use, because tests/fleet.py starts some.
    DATABASES["default"]["TEST"] = {"NAME": str(DATABASES["default"]["NAME"])}
