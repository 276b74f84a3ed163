"""Jobs and tokens on disk: they survive a restart, as they would at the vendor.

Records are in one SQLite file; each audio that is still needed is a file of its own. A job's state follows from the
clock: it is `transcribing` until `finished_at`. That is written with the result, and may lie in the future
(see turnaround).
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .config import Config
from .protocol import JobFault, Utterance

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS jobs (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    client_id TEXT NOT NULL,
    config TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    duration_ms INTEGER NOT NULL,
    submitted_at REAL NOT NULL,
    ready_at REAL NOT NULL,
    finished_at REAL,
    utterances TEXT,
    error TEXT
);
CREATE INDEX IF NOT EXISTS jobs_in_flight ON jobs (finished_at);
CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, client_id TEXT NOT NULL, expire_at REAL NOT NULL);
"""


class DataInUseError(Exception):
    """Another emulator uses this folder."""


@dataclass(frozen=True)
class Job:
    """A job. Times are unix seconds; `ready_at` is when its result becomes visible, at the earliest."""

    id: str
    client_id: str
    config: Config
    sha256: str
    duration_ms: int
    submitted_at: float
    ready_at: float
    finished_at: float | None = None
    utterances: list[Utterance] | None = None
    error: JobFault | None = None

    def part_of_time(self, now: float) -> float:
        """Return the part of the time until `ready_at` that is over, 0 to 1."""
        takes = self.ready_at - self.submitted_at
        return min(1.0, max(0.0, (now - self.submitted_at) / takes)) if takes > 0 else 1.0

    def is_transcribing(self, now: float) -> bool:
        return self.finished_at is None or self.finished_at > now


class Store:
    """Everything that survives a restart. Calls take tens of microseconds, so the event loop makes them directly."""

    def __init__(self, folder: Path) -> None:
        self._audio = folder / "audio"
        self._audio.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(folder / "emulator.sqlite3", isolation_level=None, timeout=0.2)
        self._db.row_factory = sqlite3.Row
        try:
            # The exclusive lock keeps a second emulator out. NORMAL is cheap, and safe if the program crashes.
            self._db.executescript(
                "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                + _SCHEMA
            )
        except sqlite3.OperationalError as error:
            self._db.close()
            raise DataInUseError(f"{folder} is in use by another emulator ({error})") from error
        self._remove_stray_audio()

    def close(self) -> None:
        self._db.close()

    def audio_path(self, job_id: str) -> Path:
        return self._audio / job_id

    # jobs

    def add(self, job: Job) -> None:
        self._db.execute(
            "INSERT INTO jobs (id, client_id, config, sha256, duration_ms, submitted_at, ready_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                job.id,
                job.client_id,
                json.dumps(vars(job.config)),
                job.sha256,
                job.duration_ms,
                job.submitted_at,
                job.ready_at,
            ),
        )

    def finish(
        self, job: Job, now: float, utterances: list[Utterance] | None, error: JobFault | None
    ) -> None:
        """Store the outcome, visible from `ready_at` on, and delete the audio."""
        self._db.execute(
            "UPDATE jobs SET finished_at = ?, utterances = ?, error = ? WHERE id = ?",
            (max(now, job.ready_at), _to_json(utterances), _to_json(error), job.id),
        )
        self.audio_path(job.id).unlink(missing_ok=True)

    def job(self, job_id: str) -> Job | None:
        row = self._db.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return None if row is None else _job(row)

    def unfinished(self) -> list[Job]:
        """Return the unfinished jobs in the order of acceptance."""
        return [
            _job(row) for row in self._db.execute("SELECT * FROM jobs WHERE finished_at IS NULL ORDER BY seq")
        ]

    def transcribing(self, client_id: str, model: str, now: float) -> int:
        """Count the jobs in flight of an account and model. An index makes this independent of the finished jobs."""
        row = self._db.execute(
            "SELECT count(*) FROM jobs WHERE client_id = ? AND (finished_at IS NULL OR finished_at > ?)"
            " AND json_extract(config, '$.model_name') = ?",
            (client_id, now, model),
        ).fetchone()
        return int(row[0])

    def counts(self, now: float, model: str | None = None) -> dict[str, int]:
        """Return the number of jobs in each state, of one model or of all."""
        row = self._db.execute(
            "SELECT count(*) AS accepted,"
            " count(*) FILTER (WHERE finished_at IS NULL OR finished_at > :now) AS transcribing,"
            " count(*) FILTER (WHERE finished_at <= :now AND error IS NULL) AS completed,"
            " count(*) FILTER (WHERE finished_at <= :now AND error IS NOT NULL) AS failed FROM jobs"
            " WHERE :model IS NULL OR json_extract(config, '$.model_name') = :model",
            {"now": now, "model": model},
        ).fetchone()
        return dict(row)

    def audio_counts(self) -> dict[str, int]:
        """Return how many jobs were accepted for each content hash."""
        return dict(
            self._db.execute("SELECT sha256, count(*) FROM jobs GROUP BY sha256 ORDER BY min(seq)").fetchall()
        )

    def accepted(self) -> list[tuple[str, str]]:
        """Return (id, content hash) of every job, oldest first."""
        rows = self._db.execute("SELECT id, sha256 FROM jobs ORDER BY seq").fetchall()
        return [(str(row[0]), str(row[1])) for row in rows]

    def forget_jobs(self) -> None:
        """Delete all jobs. Uploads under way are kept, as their jobs come later."""
        for job in self.unfinished():
            self.audio_path(job.id).unlink(missing_ok=True)
        self._db.execute("DELETE FROM jobs")

    def _remove_stray_audio(self) -> None:
        """Delete the audio of interrupted uploads, and audio that a crash left beside its result."""
        wanted = {job.id for job in self.unfinished()}
        for path in self._audio.iterdir():
            if path.name not in wanted:
                path.unlink(missing_ok=True)

    # tokens

    def add_token(self, token: str, client_id: str, expire_at: float) -> None:
        self._db.execute("INSERT INTO tokens VALUES (?, ?, ?)", (token, client_id, expire_at))

    def token_owner(self, token: str, now: float) -> str | None:
        """Return the client_id that a valid token was issued to, or None."""
        row = self._db.execute(
            "SELECT client_id FROM tokens WHERE token = ? AND expire_at > ?", (token, now)
        ).fetchone()
        return None if row is None else str(row[0])

    def forget_tokens(self) -> None:
        self._db.execute("DELETE FROM tokens")


def _to_json(value: list[Utterance] | JobFault | None) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)


def _job(row: sqlite3.Row) -> Job:
    fields: dict[str, Any] = dict(row)
    del fields["seq"]
    config = json.loads(fields["config"])
    config["candidates"] = tuple(config.get("candidates", ()))
    fields["config"] = Config(**config)
    for name in ("utterances", "error"):
        fields[name] = None if fields[name] is None else json.loads(fields[name])
    return Job(**fields)
