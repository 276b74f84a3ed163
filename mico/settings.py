"""Mico's settings: one file, every value from the environment, and it runs with no environment at all.

Three variables replace the embedded parts, one each: DATABASE_URL (SQLite), REDIS_URL (a Redis that
`make run` starts), RTZR_CLIENT_ID with RTZR_CLIENT_SECRET (the emulator). `.env.example` lists everything.
Bad combinations are reported by the system checks in `mico/checks.py`.
"""

import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _
from environs import Env, validate

BASE_DIR = Path(__file__).resolve().parent.parent

env = Env()
env.read_env(env.str("MICO_ENV_FILE", "") or BASE_DIR / ".env", recurse=False)


def stored_secret(path: Path) -> str:
    """The embedded default's secret key: made once, kept in MICO_DATA, readable by its owner only.

    Raises OSError where MICO_DATA cannot be written.
    """
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    # Two processes may start at once: the first to link its finished file in wins, and both read that one.
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(50))
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass  # another process was first; its key is the one to use
    finally:
        draft.unlink()
    return path.read_text().strip()


# --- Where things are -----------------------------------------------------------------------------

DATA_DIR = Path(env.str("MICO_DATA", "") or BASE_DIR / "var").resolve()
HOST = env.str("HOST", "127.0.0.1")  # what `make run` listens on
PORT = env.int("PORT", 8000, validate=validate.Range(1, 65535))
EMULATOR_PORT = env.int("EMULATOR_PORT", 9009, validate=validate.Range(1, 65535))

DATABASE_URL = env.str("DATABASE_URL", "")
REDIS_URL = env.str("REDIS_URL", "")
RTZR_CLIENT_ID = env.str("RTZR_CLIENT_ID", "")
RTZR_CLIENT_SECRET = env.str("RTZR_CLIENT_SECRET", "")

EMBEDDED_DATABASE = not DATABASE_URL
EMBEDDED_REDIS = not REDIS_URL
EMBEDDED_VENDOR = not RTZR_CLIENT_ID
# All three replaced: a deployment. Then the secret key and the host names have to be given (mico/checks.py).
EMBEDDED = EMBEDDED_DATABASE or EMBEDDED_REDIS or EMBEDDED_VENDOR

# --- Django ---------------------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("DJANGO_SECRET_KEY", "") or stored_secret(DATA_DIR / "secret_key")
SECRET_KEY_GIVEN = bool(env.str("DJANGO_SECRET_KEY", ""))
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"] if EMBEDDED else [])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
# Behind a proxy that ends TLS: HTTPS=true makes the cookies secure and trusts X-Forwarded-Proto.
HTTPS = env.bool("HTTPS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", 31_536_000 if HTTPS else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_HSTS_SECONDS > 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SAMESITE = "Lax"
# Cookies know hosts and no ports: of two Micos on one machine, signing in to one must not sign out of the other.
SESSION_COOKIE_NAME = f"mico_session_{PORT}" if EMBEDDED_DATABASE else "mico_session"
X_FRAME_OPTIONS = "DENY"

INSTALLED_APPS = [
    # Only for `runserver`, which it replaces and therefore stands before staticfiles. It brings Twisted along:
    # 40 MB in every worker, which has no use for it. The web process is `daphne` itself.
    *(["daphne"] if DEBUG else []),
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "mico",
    "transcription",  # before django_rq: its `rqworker` sets the serializer and the worker class
    "realtime",
    "channels",
    "django_rq",
    "csp",
]

MIDDLEWARE = [
    "mico.health.HealthMiddleware",  # first: no redirect, no check of the host, no session
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "mico.urls"
ASGI_APPLICATION = "mico.asgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

CONTENT_SECURITY_POLICY = {
    # RQ's dashboard (django-rq, staff only) has styles and scripts in its pages.
    "EXCLUDE_URL_PREFIXES": ["/admin/rq/"],
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "media-src": [SELF, "blob:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}

# --- Database -------------------------------------------------------------------------------------

DATABASES: dict[str, Any]
if EMBEDDED_DATABASE:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATA_DIR / "mico.sqlite3",
            "OPTIONS": {
                # Many processes write: readers never wait (WAL), and a writer takes its lock at BEGIN, where
                # waiting is possible, rather than in the middle, where SQLite can only fail.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,  # s
                # FULL: what was confirmed to a browser survives a power cut too.
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            },
        }
    }
else:
    # conn_max_age=0: a persistent connection under ASGI is one per thread, and never the same thread.
    DATABASES = {"default": dict(dj_database_url.parse(DATABASE_URL, conn_max_age=0))}
    if DATABASES["default"]["ENGINE"].endswith("postgresql"):
        # s; without it, a process hangs for minutes while the database's machine is away.
        DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Accounts -------------------------------------------------------------------------------------

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "meetings"
LOGOUT_REDIRECT_URL = "login"
# The one-time link that `make run` prints: s until it is of no use.
SIGNIN_LINK_MAX_AGE = env.int("SIGNIN_LINK_MAX_AGE", 3600, validate=validate.Range(min=60))
PASSWORD_RESET_TIMEOUT = SIGNIN_LINK_MAX_AGE

# People in a meeting at one time, and those who can join by its link within an hour.
MEETING_MAX_PEOPLE = env.int("MEETING_MAX_PEOPLE", 200, validate=validate.Range(min=2))

# --- Languages and time ---------------------------------------------------------------------------

LANGUAGE_CODE = env.str("LANGUAGE_CODE", "en", validate=validate.OneOf(["en", "ko"]))
LANGUAGES = [("en", _("English")), ("ko", _("Korean"))]
LOCALE_PATHS = [BASE_DIR / "mico" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.str("TIME_ZONE", "UTC")  # the admin's; pages show each reader's own

# --- Files ----------------------------------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
MEDIA_ROOT = DATA_DIR / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "mico.static_files.HashedStaticFiles"},
}
# Uploads go to a disk beside their last place, so that keeping one is a rename and not a copy.
FILE_UPLOAD_TEMP_DIR = DATA_DIR / "uploads"
FILE_UPLOAD_TEMP_DIR.mkdir(parents=True, exist_ok=True)
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
MAX_UPLOAD_BYTES = env.int("MAX_UPLOAD_BYTES", 2 * 1024**3, validate=validate.Range(min=1024))
# How long an upload that broke off can be gone on with.
UPLOAD_LIFETIME = timedelta(hours=env.float("UPLOAD_LIFETIME_HOURS", 48.0, validate=validate.Range(min=0.1)))
MAX_AUDIO_SECONDS = env.int("MAX_AUDIO_SECONDS", 4 * 3600, validate=validate.Range(min=1))

# --- Redis: the queue, the gate, the channel layer, presence ----------------------------------------

REDIS_SOCKET = DATA_DIR / "redis.sock"
if EMBEDDED_REDIS:
    REDIS_URL = f"unix://{REDIS_SOCKET}?db=0"

CHANNEL_PREFIX = "mico"
CHANNEL_LAYERS = {
    "default": {
        # pub/sub: no capacity of a whole process that one noisy meeting can use up for all the others.
        # What it loses while Redis is away, the page gets from the snapshot of its next connection.
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": CHANNEL_PREFIX},
    }
}

RQ_QUEUES = {
    "default": {
        "URL": REDIS_URL,
        "SERIALIZER": "rq.serializers.JSONSerializer",
        "DEFAULT_TIMEOUT": 900,  # s; above every timeout inside a job
        "DEFAULT_RESULT_TTL": 0,  # what came of a job is in the database
    }
}
RQ = {"WORKER_CLASS": "transcription.lifecycle.worker.Worker"}

# --- Speech to text -------------------------------------------------------------------------------

STT_WORKERS = env.int("STT_WORKERS", 5, validate=validate.Range(1, 64))
STT_VENDOR = env.str("STT_VENDOR", "rtzr", validate=validate.OneOf(["rtzr"]))
STT_VENDORS: dict[str, dict[str, Any]] = {
    "rtzr": {
        "client_id": RTZR_CLIENT_ID or "embedded",
        "client_secret": RTZR_CLIENT_SECRET or "embedded",
        "base_url": env.str(
            "RTZR_BASE_URL",
            f"http://127.0.0.1:{EMULATOR_PORT}" if EMBEDDED_VENDOR else "https://openapi.vito.ai",
        ),
        "connect_timeout_s": env.float("STT_CONNECT_TIMEOUT", 5.0, validate=validate.Range(min=0.1)),
        "read_timeout_s": env.float("STT_READ_TIMEOUT", 30.0, validate=validate.Range(min=0.1)),
    }
}
# What is known of each account's limits (transcription/gate/gate.py, GateParams). RTZR: jobs at once, 10 to
# start with (the smallest plan; 0: not known), more are tried by and by; it says so when a 429 is about jobs.
# https://developers.rtzr.ai/docs/en/stt-file/
STT_GATES: dict[str, dict[str, Any]] = {
    "rtzr": {
        "first_cap": env.int("RTZR_JOBS_AT_ONCE", 10, validate=validate.Range(0, 10_000)),
        "unnamed_cap": 0,
    }
}
# The language of a new meeting. The embedded engine understands English only.
STT_LANGUAGE = env.str("STT_LANGUAGE", "en" if EMBEDDED_VENDOR else "ko")

# s that a claimed row is left alone; its job renews this while it lives, so it is also how long a crash stays
# unnoticed.
STT_LEASE_SECONDS = env.float("STT_LEASE_SECONDS", 20.0, validate=validate.Range(min=1))
# Jobs handed to RQ and not yet begun: short, so that order and fairness are decided in the database.
STT_QUEUE_DEPTH = env.int("STT_QUEUE_DEPTH", max(10, 2 * STT_WORKERS), validate=validate.Range(min=1))
# Preparations of large files at one time: they take a processor each, and live speech must not wait for them.
STT_HEAVY_BYTES = 8 * 1024**2
STT_HEAVY_AT_ONCE = max(1, STT_WORKERS - 3)
# s of lag that a poll is worth at most (docs/polling.md): half a second more or less between a spoken sentence and
# its line goes unnoticed, and is about one poll more or less.
STT_POLL_WORTH_SECONDS = env.float("STT_POLL_WORTH_SECONDS", 0.5, validate=validate.Range(min=0.01))
# polls/s of all jobs together. RTZR runs at most 20 at once and advises one poll in 5 s each, which is 4; live clips
# take a second or two and want one or two polls each. With 10, people who begin to speak all at once waited for it.
STT_POLLS_PER_SECOND = env.float("STT_POLLS_PER_SECOND", 20.0, validate=validate.Range(min=0.1))
# Vendor errors (never waits) until a transcription is given up, and the first and longest pause between, s.
STT_MAX_ATTEMPTS = env.int("STT_MAX_ATTEMPTS", 8, validate=validate.Range(min=1))
STT_RETRY_FIRST_SECONDS = env.float("STT_RETRY_FIRST_SECONDS", 2.0, validate=validate.Range(min=0))
STT_RETRY_LONGEST_SECONDS = 300.0
# Jobs begun for one step without any coming to an end (workers that died over it) until it is given up.
STT_MAX_STARTS = 8
# Times that an audio is sent again after an answer was lost (the vendor has no idempotency key).
STT_MAX_RESENDS = 1
# Longest stay in a state, s; reaching it is a failure with a reason and a Retry.
STT_MAX_QUEUED_SECONDS = env.float("STT_MAX_QUEUED_SECONDS", 72 * 3600.0, validate=validate.Range(min=1))
STT_MAX_PROCESSING_SECONDS = env.float(
    "STT_MAX_PROCESSING_SECONDS", 12 * 3600.0, validate=validate.Range(min=1)
)

# --- Logging --------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "INFO")},
    "loggers": {
        "rq": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
        "libav": {"level": "ERROR"},
    },
}
