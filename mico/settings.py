"""Mico's settings. Every value comes from the environment, and every value has a default.

Three variables replace the embedded parts: DATABASE_URL (SQLite), REDIS_URL (a Redis that `make run` starts), and
RTZR_CLIENT_ID with RTZR_CLIENT_SECRET (the emulator). `.env.example` lists everything. The system checks in
`mico/checks.py` report bad combinations.
"""

import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _
from environs import Env, ValidationError, validate

from transcription.vendors.languages import MODES, WHISPER

BASE_DIR = Path(__file__).resolve().parent.parent

env = Env()
env.read_env(env.str("MICO_ENV_FILE", "") or BASE_DIR / ".env", recurse=False)


def stored_secret(path: Path) -> str:
    """Return the secret key of the embedded default, created once in MICO_DATA and readable by its owner only.

    Raises OSError if MICO_DATA is not writable.
    """
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    # Two processes may start at once: the first to link its finished file wins, and both read that file.
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(50))
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass  # another process was first; use its key
    finally:
        draft.unlink()
    return path.read_text().strip()


# --- Paths and addresses --------------------------------------------------------------------------

DATA_DIR = Path(env.str("MICO_DATA", "") or BASE_DIR / "var").resolve()
HOST = env.str("HOST", "127.0.0.1")  # the address that `make run` listens on
PORT = env.int("PORT", 8000, validate=validate.Range(1, 65535))
EMULATOR_PORT = env.int("EMULATOR_PORT", 9009, validate=validate.Range(1, 65535))

DATABASE_URL = env.str("DATABASE_URL", "")
REDIS_URL = env.str("REDIS_URL", "")
RTZR_CLIENT_ID = env.str("RTZR_CLIENT_ID", "")
RTZR_CLIENT_SECRET = env.str("RTZR_CLIENT_SECRET", "")

EMBEDDED_DATABASE = not DATABASE_URL
EMBEDDED_REDIS = not REDIS_URL
EMBEDDED_VENDOR = not RTZR_CLIENT_ID
# If all three are replaced this is a deployment, and mico/checks.py requires a secret key and host names.
EMBEDDED = EMBEDDED_DATABASE or EMBEDDED_REDIS or EMBEDDED_VENDOR

# --- Django ---------------------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("DJANGO_SECRET_KEY", "") or stored_secret(DATA_DIR / "secret_key")
SECRET_KEY_GIVEN = bool(env.str("DJANGO_SECRET_KEY", ""))
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"] if EMBEDDED else [])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
# For a proxy that terminates TLS: HTTPS=true makes the cookies secure and trusts X-Forwarded-Proto.
HTTPS = env.bool("HTTPS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", 31_536_000 if HTTPS else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_HSTS_SECONDS > 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SAMESITE = "Lax"
# Cookies ignore ports: without the port in the name, two Micos on one machine would sign each other's users out.
SESSION_COOKIE_NAME = f"mico_session_{PORT}" if EMBEDDED_DATABASE else "mico_session"
X_FRAME_OPTIONS = "DENY"

INSTALLED_APPS = [
    # Only for `runserver`, which daphne's app replaces, so it comes before staticfiles. It imports Twisted: 40 MB in
    # every worker, where it is useless. In production the web process is `daphne` itself.
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
    "mico.health.HealthMiddleware",  # first: before redirects, the host check and sessions
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
    # The pages of RQ's dashboard (django-rq, staff only) contain inline styles and scripts.
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
                # Many processes write. With WAL readers never wait. IMMEDIATE takes the write lock at BEGIN, where
                # SQLite can wait for it; in the middle of a transaction it could only fail.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,  # s
                # FULL: what was acknowledged to a browser survives a power failure. Claims and leases need not, and
                # do not wait for the disk (transcription/models/flushing.py).
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            },
        }
    }
else:
    # conn_max_age=0: under ASGI a persistent connection belongs to a thread, and requests change threads.
    DATABASES = {"default": dict(dj_database_url.parse(DATABASE_URL, conn_max_age=0))}
    if DATABASES["default"]["ENGINE"].endswith("postgresql"):
        # In seconds. Without it a process hangs for minutes if the database's machine is unreachable.
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
# How long the one-time link that `make run` prints is valid, in seconds.
SIGNIN_LINK_MAX_AGE = env.int("SIGNIN_LINK_MAX_AGE", 3600, validate=validate.Range(min=60))
PASSWORD_RESET_TIMEOUT = SIGNIN_LINK_MAX_AGE

# Most people present in a meeting, and most who can join by its link within an hour.
MEETING_MAX_PEOPLE = env.int("MEETING_MAX_PEOPLE", 200, validate=validate.Range(min=2))

# --- Languages and time ---------------------------------------------------------------------------

LANGUAGE_CODE = env.str("LANGUAGE_CODE", "en", validate=validate.OneOf(["en", "ko"]))
LANGUAGES = [("en", _("English")), ("ko", _("Korean"))]
LOCALE_PATHS = [BASE_DIR / "mico" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.str("TIME_ZONE", "UTC")  # for the admin; pages use each reader's own zone

# --- Files ----------------------------------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
MEDIA_ROOT = DATA_DIR / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "mico.static_files.HashedStaticFiles"},
}
# On the same disk as the final place, so that storing an upload is a rename and not a copy.
FILE_UPLOAD_TEMP_DIR = DATA_DIR / "uploads"
FILE_UPLOAD_TEMP_DIR.mkdir(parents=True, exist_ok=True)
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
MAX_UPLOAD_BYTES = env.int("MAX_UPLOAD_BYTES", 2 * 1024**3, validate=validate.Range(min=1024))
# How long an interrupted upload can be resumed.
UPLOAD_LIFETIME = timedelta(hours=env.float("UPLOAD_LIFETIME_HOURS", 48.0, validate=validate.Range(min=0.1)))
# How old a file without a row has to be before the dispatcher removes it (lifecycle/sweep.py).
SWEEP_MIN_AGE = timedelta(hours=env.float("SWEEP_MIN_AGE_HOURS", 48.0, validate=validate.Range(min=1)))
MAX_AUDIO_SECONDS = env.int("MAX_AUDIO_SECONDS", 4 * 3600, validate=validate.Range(min=1))

# --- Redis: the queue, the gate, the channel layer, presence ----------------------------------------

REDIS_SOCKET = DATA_DIR / "redis.sock"
if EMBEDDED_REDIS:
    REDIS_URL = f"unix://{REDIS_SOCKET}?db=0"

CHANNEL_PREFIX = "mico"
CHANNEL_LAYERS = {
    "default": {
        # The pub/sub layer has no process-wide capacity that one noisy meeting could use up for all others.
        # After an outage of Redis, a page learns what it missed from the snapshot of its next connection.
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": CHANNEL_PREFIX},
    }
}

RQ_QUEUES = {
    "default": {
        "URL": REDIS_URL,
        "SERIALIZER": "rq.serializers.JSONSerializer",
        "DEFAULT_TIMEOUT": 900,  # s; longer than every timeout inside a job, but for the upload of a large file
        "DEFAULT_RESULT_TTL": 0,  # the results of jobs are in the database
    }
}
RQ = {"WORKER_CLASS": "transcription.lifecycle.worker.Worker"}

# --- Speech to text -------------------------------------------------------------------------------

STT_WORKERS = env.int("STT_WORKERS", 5, validate=validate.Range(1, 64))
STT_VENDOR = env.str("STT_VENDOR", "rtzr", validate=validate.OneOf(["rtzr"]))
# The embedded vendor's recogniser. pocketsphinx, and the models of Whisper named *.en, understand English only.
EMULATOR_ENGINE = env.str("EMULATOR_ENGINE", "whisper", validate=validate.OneOf(["whisper", "pocketsphinx"]))
WHISPER_MODEL = env.str("WHISPER_MODEL", "") or "base"  # a size, or the path of a folder
# The languages of the account, if not everything that the vendor has; and those that its modes tell apart.
RTZR_LANGUAGES: list[str] = env.list("RTZR_LANGUAGES", [], validate=validate.ContainsOnly([*WHISPER, *MODES]))
RTZR_LANGUAGE_CANDIDATES: list[str] = env.list(
    "RTZR_LANGUAGE_CANDIDATES", [], validate=validate.ContainsOnly(WHISPER)
)


def vendor_languages() -> dict[str, list[str]]:
    """Return the arguments `languages` and `candidates` of the vendor, as far as they are not its own defaults."""
    chosen: dict[str, list[str]] = {}
    if EMBEDDED_VENDOR:
        english_only = EMULATOR_ENGINE == "pocketsphinx" or WHISPER_MODEL.endswith(".en")
        # Only large-v3, and turbo, which was made of it, know Cantonese.
        known = [code for code in WHISPER if code != "yue" or {"v3", "turbo"} & set(WHISPER_MODEL.split("-"))]
        known = ["en"] if english_only else [*known, *MODES]
        chosen |= {
            "languages": [code for code in known if not RTZR_LANGUAGES or code in RTZR_LANGUAGES],
            "candidates": [],
        }
    elif RTZR_LANGUAGES:
        chosen["languages"] = RTZR_LANGUAGES
    if RTZR_LANGUAGE_CANDIDATES:
        chosen["candidates"] = RTZR_LANGUAGE_CANDIDATES
    return chosen


def rising(lengths: list[float]) -> None:
    """Check the two lengths of a stretch, in seconds. Raises ValidationError if they are no such pair."""
    if len(lengths) != 2 or not 1 <= lengths[0] < lengths[1] <= 60:
        raise ValidationError(
            "Give two numbers of seconds with a comma between them, as in 16,20; at most 60."
        )


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
        # Longer than a poll's: an answer that comes too late is a recording that is paid for twice. At most what a
        # job of RQ has time for (DEFAULT_TIMEOUT).
        "submit_timeout_s": env.float("STT_SUBMIT_TIMEOUT", 60.0, validate=validate.Range(0.1, 600)),
        # How soon and how late what somebody says without a pause is cut and sent. A vendor that is paid by the
        # request, or takes long for each, wants long stretches; to the embedded one their length is all the same.
        "stretch_s": tuple(
            env.list(
                "RTZR_STRETCH_SECONDS",
                [4, 8] if EMBEDDED_VENDOR else [16, 20],
                subcast=float,
                validate=rising,
            )
        ),
        **vendor_languages(),
        # Sound before a stretch of speech, for the embedded service's context. A vendor would want money for it.
        "lead_ms": 5000 if EMBEDDED_VENDOR and EMULATOR_ENGINE == "whisper" else 0,
        # The embedded service says how far it is, and a page shows it: so it is asked more often (polling/plan.py).
        "tells_progress": EMBEDDED_VENDOR and EMULATOR_ENGINE == "whisper",
        # RTZR counts the jobs of each model apart. The embedded service is one machine, whatever the model's name.
        "pooled": not EMBEDDED_VENDOR,
    }
}
# Jobs at once of RTZR's smallest plan, by model: https://developers.rtzr.ai/docs/en/rate_limit/
SMALLEST_PLAN = {"sommers": 10, "whisper": 2}


def jobs_at_once(text: str) -> dict[str, Any]:
    """Return `first_cap` and `first_caps` of the gate's parameters for `10`, `sommers=20,whisper=5` or "".

    One number holds for each model, and a model without a number has that of the smallest plan. Raises
    ValidationError.
    """
    if text.isdecimal() and int(text) <= 10_000:
        return {"first_cap": int(text), "first_caps": {}}
    pairs = dict(part.strip().partition("=")[::2] for part in text.split(",") if text)
    if not all(
        model in SMALLEST_PLAN and number.isdecimal() and int(number) <= 10_000
        for model, number in pairs.items()
    ):
        raise ValidationError(
            "Give the jobs at once that RTZR takes of each model, as in 10 or in sommers=20,whisper=5; 0: not known."
        )
    caps = SMALLEST_PLAN | {model: int(number) for model, number in pairs.items()}
    return {"first_cap": 10, "first_caps": caps}


# What is known of each account's limits (transcription/gate/gate.py, GateParams). RTZR: jobs at once at first; the
# gate tries more over time. RTZR says so when a 429 is about jobs. The embedded service has no models to count.
STT_GATES: dict[str, dict[str, Any]] = {
    "rtzr": {
        **jobs_at_once(env.str("RTZR_JOBS_AT_ONCE", "", validate=jobs_at_once)),
        "unnamed_cap": 0,
    }
}
# The language or mode of a new meeting, for everybody. Without it a person starts with the interface's language.
STT_LANGUAGE = env.str("STT_LANGUAGE", "", validate=validate.OneOf(["", *WHISPER, *MODES]))

# How long a claimed row is left alone, in seconds. A live job renews the lease, so this is also how long a crash goes
# unnoticed.
STT_LEASE_SECONDS = env.float("STT_LEASE_SECONDS", 20.0, validate=validate.Range(min=1))
# Most jobs in RQ that have not begun. Short, so that the database decides order and fairness.
STT_QUEUE_DEPTH = env.int("STT_QUEUE_DEPTH", max(10, 2 * STT_WORKERS), validate=validate.Range(min=1))
# Most concurrent preparations of large files: each takes a processor, and live speech must not wait for them.
STT_HEAVY_BYTES = 8 * 1024**2
STT_HEAVY_AT_ONCE = max(1, STT_WORKERS - 3)
# The most lag that saving a poll may cost, in seconds (docs/polling.md). Half a second between a sentence and its
# line goes unnoticed, and saves about one poll.
STT_POLL_WORTH_SECONDS = env.float("STT_POLL_WORTH_SECONDS", 0.5, validate=validate.Range(min=0.01))
# Polls/s of all jobs together. RTZR runs at most 20 jobs and advises a poll every 5 s for each, which is 4/s. Live
# clips take a second or two and need one or two polls each: at 10/s, people who began to speak all at once waited.
STT_POLLS_PER_SECOND = env.float("STT_POLLS_PER_SECOND", 20.0, validate=validate.Range(min=0.1))
# Vendor errors (never waits) before a transcription fails; the first and longest back-off between them, in s.
STT_MAX_ATTEMPTS = env.int("STT_MAX_ATTEMPTS", 8, validate=validate.Range(min=1))
STT_RETRY_FIRST_SECONDS = env.float("STT_RETRY_FIRST_SECONDS", 2.0, validate=validate.Range(min=0))
STT_RETRY_LONGEST_SECONDS = 300.0
# Jobs begun for one step without completing it (their workers died) before the transcription fails.
STT_MAX_STARTS = 8
# The time limit in seconds of a job that sends a file: preparing hours of sound, and a slow upload of 2 GB.
STT_FILE_JOB_SECONDS = 3 * 3600
# How long a recording waits when a worker has found the disk full, in seconds. That is no error of the vendor's.
STT_NO_ROOM_SECONDS = 30.0
# How often audio is sent again after an answer was lost (the vendor has no idempotency key).
STT_MAX_RESENDS = 1
# Longest time in a state, in seconds. After that the transcription fails with a reason and can be retried.
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
