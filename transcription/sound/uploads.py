"""Files that come in parts (tus): kept beside the recordings until they are whole, then handed to `intake`.

A part counts once it is on the disk and the row says so; the last one counts only once the recording is there.
Whatever breaks off, at whatever moment: asked again, the row says from where to go on, and sending that part
again changes nothing. What nobody goes on with is thrown away after `UPLOAD_LIFETIME`.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from transcription.models import Participant, Recording, Upload
from transcription.reasons import explain
from transcription.sound import intake

if TYPE_CHECKING:
    _File = UploadedFile[bytes]
else:
    _File = UploadedFile

logger = logging.getLogger(__name__)

BLOCK_BYTES = 256 * 1024
# Unfinished ones of one person in one meeting: more is a mistake, or somebody who fills the disk.
MOST_AT_ONCE = 100


class Conflict(Exception):
    """This part does not begin where the upload stands."""


class Locked(Exception):
    """Another request is writing to this upload just now."""


class Gone(Exception):
    """What came of it was thrown away: begin again."""


class Source(Protocol):
    """Where the bytes of a part come from: a request."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""


class _Whole(_File):
    """A file that is complete. Its path lets the storage take it to its last place, without a copy."""

    def __init__(self, upload: Upload, file: BinaryIO) -> None:
        # Django's files have a proper name or none.
        name = None if upload.name in {"", ".", ".."} else upload.name
        super().__init__(file=file, name=name, size=upload.size_bytes)
        self._path = path_of(upload)

    def temporary_file_path(self) -> str:
        """Another name of it, for the storage to move: its own stays until the recording is there."""
        name = _folder() / uuid.uuid4().hex
        try:
            name.hardlink_to(self._path)
        except OSError:  # a file system without second names
            return str(self._path)
        return str(name)


def path_of(upload: Upload) -> Path:
    """Where the bytes are that came so far."""
    return _folder() / upload.pk.hex


def expires_at(upload: Upload) -> datetime:
    """When it is thrown away if nothing more comes."""
    return upload.changed_at + settings.UPLOAD_LIFETIME


def begin(participant: Participant, *, client_id: uuid.UUID, name: str, size: int) -> Upload:
    """A place for a file of `size` bytes; with a known `client_id`, the one that is there. Raises intake.Refused."""
    known = Upload.objects.filter(participant=participant, client_id=client_id).first()
    if known is not None:
        return known
    if participant.meeting.ended_at is not None:
        raise intake.ended()
    if size <= 0:
        raise intake.Refused("empty", explain("empty").what, 400)
    if size > settings.MAX_UPLOAD_BYTES:
        raise intake.Refused("too_large", explain("too_large").what, 413)
    if Upload.objects.filter(participant=participant, recording=None).count() >= MOST_AT_ONCE:
        raise intake.Refused(
            "too_many", _("Too many files are on their way already: finish or cancel some of them."), 409
        )
    try:
        with transaction.atomic():
            upload = Upload.objects.create(
                meeting_id=participant.meeting_id,
                participant=participant,
                client_id=client_id,
                name=intake.clean_name(name),
                size_bytes=size,
            )
            _folder().mkdir(parents=True, exist_ok=True)
            path_of(upload).touch(mode=0o600)
    except IntegrityError:
        known = Upload.objects.filter(participant=participant, client_id=client_id).first()
        if known is None:
            raise intake.deleted() from None
        return known  # two tries at once
    return upload


def append(upload: Upload, offset: int, source: Source) -> None:
    """Adds the bytes of `source` at `offset`; with the last of them, the recording is made.

    Raises Conflict, Locked, Gone, OSError (no room), and intake.Refused: the file is whole and not fit, and was
    thrown away.
    """
    with _held(upload) as file:
        try:
            upload.refresh_from_db()
        except Upload.DoesNotExist:
            raise Gone from None
        if upload.recording_id is not None or _was_made(upload) or offset != upload.received_bytes:
            raise Conflict
        received = _write(file, offset, upload.size_bytes, source)
        if received < upload.size_bytes:
            _keep(upload, received)
            return
        try:
            recording = _hand_in(upload, file)
        except intake.Refused:
            discard(upload)
            raise
        _keep(upload, received, recording)
    path_of(upload).unlink(missing_ok=True)


def discard(upload: Upload) -> None:
    """Throws away what came so far. A recording that was made of it stays."""
    path_of(upload).unlink(missing_ok=True)
    Upload.objects.filter(pk=upload.pk).delete()


def sweep() -> int:
    """Throws away what nobody has gone on with, and files without a row. Returns how many."""
    oldest = timezone.now() - settings.UPLOAD_LIFETIME
    swept = 0
    for upload in Upload.objects.filter(changed_at__lt=oldest):
        discard(upload)
        swept += 1
    before = time.time() - settings.UPLOAD_LIFETIME.total_seconds()
    for path in _folder().glob("[0-9a-f]" * 32):  # ours; a file system may have files of its own there
        with suppress(FileNotFoundError):  # another dispatcher sweeps as well
            # A meeting was deleted, or a process died between the file and the row.
            if path.stat().st_mtime < before and not Upload.objects.filter(pk=uuid.UUID(path.name)).exists():
                path.unlink()
                swept += 1
    if swept:
        logger.info("Threw away %s unfinished uploads.", swept)
    return swept


def _folder() -> Path:
    return Path(settings.MEDIA_ROOT) / "incoming"


@contextmanager
def _held(upload: Upload) -> Iterator[BinaryIO]:
    """The file, for this request alone, on whatever process: the lock is the file system's."""
    try:
        file = path_of(upload).open("r+b")
    except FileNotFoundError:
        if Upload.objects.filter(pk=upload.pk, recording__isnull=False).exists() or _was_made(upload):
            raise Conflict from None  # it is complete
        discard(upload)
        raise Gone from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked from None
        yield file


def _was_made(upload: Upload) -> bool:
    """Whether the recording is there already: the process that made it ended before it could say so. Says so now.

    Asked before anything is written: by then the file may be the recording's own. Raises Gone.
    """
    made = Recording.objects.filter(meeting=upload.meeting_id, client_id=upload.client_id).first()
    if made is None:
        return False
    _keep(upload, upload.size_bytes, made)
    path_of(upload).unlink(missing_ok=True)
    return True


def _keep(upload: Upload, received: int, recording: Recording | None = None) -> None:
    """Writes down how much is here, and what it became. Raises Gone: it was thrown away meanwhile."""
    upload.received_bytes, upload.recording, upload.changed_at = received, recording, timezone.now()
    kept = Upload.objects.filter(pk=upload.pk).update(
        received_bytes=received, recording=recording, changed_at=upload.changed_at
    )
    if not kept:
        raise Gone


def _write(file: BinaryIO, offset: int, size: int, source: Source) -> int:
    """Returns where the upload stands then. Bytes beyond its size are a Conflict, and none of them is kept."""
    file.seek(offset)
    file.truncate()  # what a process wrote that died before it could say so
    received = offset
    while block := source.read(BLOCK_BYTES):
        received += len(block)
        if received > size:
            raise Conflict
        file.write(block)
    file.flush()
    os.fsync(file.fileno())  # what is confirmed survives a power cut
    return received


def _hand_in(upload: Upload, file: BinaryIO) -> Recording:
    file.seek(0)
    recording, _new = intake.receive(
        meeting=upload.meeting,
        participant=upload.participant,
        upload=_Whole(upload, file),
        kind=Recording.Kind.UPLOAD,
        client_id=upload.client_id,
    )
    return recording
