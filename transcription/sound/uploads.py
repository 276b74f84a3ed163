"""Resumable uploads (tus): files that arrive in parts are kept until they are complete, then handed to `intake`.

A part counts when it is on the disk and the row says so. The last part counts only when the recording exists. After
an interruption at any moment the row says where to resume, and sending the same part again changes nothing. An upload
that is not resumed is discarded after `UPLOAD_LIFETIME`.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from transcription.models import Participant, Recording, Upload
from transcription.reasons import explain
from transcription.sound import intake

if TYPE_CHECKING:
    _File = UploadedFile[bytes]
else:
    _File = UploadedFile

BLOCK_BYTES = 256 * 1024
# Below MEDIA_ROOT, on this machine: the storage may be elsewhere.
FOLDER = "incoming"
# Limit on a participant's unfinished uploads. More are a mistake, or an attempt to fill the disk.
MOST_AT_ONCE = 100


class OffsetConflict(Exception):
    """The part does not begin where the upload has to resume, or exceeds its size."""


class Locked(Exception):
    """Another request is writing to this upload."""


class Gone(Exception):
    """The upload was discarded: the sender has to begin again."""


class Source(Protocol):
    """The source of a part's bytes: a request."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes; none at the end."""


class _Whole(_File):
    """A complete upload. It has a path, so that the storage can move the file into place without a copy."""

    def __init__(self, upload: Upload, file: BinaryIO) -> None:
        # Django's files refuse these names; None is allowed.
        name = None if upload.name in {"", ".", ".."} else upload.name
        super().__init__(file=file, name=name, size=upload.size_bytes)
        self._path = path_of(upload)

    def temporary_file_path(self) -> str:
        """Return the path of a hard link to the file, for the storage to move.

        The upload keeps its own link until the recording exists.
        """
        name = folder() / uuid.uuid4().hex
        try:
            name.hardlink_to(self._path)
        except OSError:  # a file system without hard links
            return str(self._path)
        return str(name)


def path_of(upload: Upload) -> Path:
    """Return the path of the bytes that have arrived."""
    return folder() / upload.pk.hex


def expires_at(upload: Upload) -> datetime:
    """Return when the upload is discarded if nothing more arrives."""
    return upload.changed_at + settings.UPLOAD_LIFETIME


def begin(participant: Participant, *, client_id: uuid.UUID, name: str, size: int) -> Upload:
    """Begin an upload of `size` bytes. If the participant has one with this `client_id`, return that one.

    Raises intake.UploadRefused.
    """
    known = Upload.objects.filter(participant=participant, client_id=client_id).first()
    if known is not None:
        return known
    if participant.meeting.ended_at is not None:
        raise intake.ended()
    intake.check_language(participant.meeting.language)
    if size <= 0:
        raise intake.UploadRefused("empty", explain("empty").what)
    if size > settings.MAX_UPLOAD_BYTES:
        raise intake.UploadRefused("too_large", explain("too_large").what)
    if Upload.objects.filter(participant=participant, recording=None).count() >= MOST_AT_ONCE:
        raise intake.UploadRefused(
            "too_many", _("Too many files are on their way already: finish or cancel some of them.")
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
            folder().mkdir(parents=True, exist_ok=True)
            path_of(upload).touch(mode=0o600)
    except IntegrityError:
        known = Upload.objects.filter(participant=participant, client_id=client_id).first()
        if known is None:
            raise intake.deleted() from None
        return known  # two requests began it at once
    return upload


def append(upload: Upload, offset: int, source: Source) -> None:
    """Write the bytes of `source` at `offset`. With the last byte, make the recording.

    Raises OffsetConflict, Locked and Gone. Raises OSError if the disk is full. Raises intake.UploadRefused if the
    complete file is not acceptable; the upload is then discarded.
    """
    with _held(upload) as file:
        try:
            upload.refresh_from_db()
        except Upload.DoesNotExist:
            raise Gone from None
        if upload.recording_id is not None or _was_made(upload) or offset != upload.received_bytes:
            raise OffsetConflict
        received = _write(file, offset, upload.size_bytes, source)
        if received < upload.size_bytes:
            _keep(upload, received)
            return
        try:
            recording = _hand_in(upload, file)
        except intake.UploadRefused:
            discard(upload)
            raise
        _keep(upload, received, recording)
    path_of(upload).unlink(missing_ok=True)


def discard(upload: Upload) -> None:
    """Delete the upload and its file. A recording that was made of it stays."""
    path_of(upload).unlink(missing_ok=True)
    Upload.objects.filter(pk=upload.pk).delete()


def expired(now: datetime) -> QuerySet[Upload]:
    """Return the uploads that are past their lifetime."""
    return Upload.objects.filter(changed_at__lt=now - settings.UPLOAD_LIFETIME)


def discard_idle(upload: Upload) -> bool:
    """Discard the upload unless a part of it is arriving at this moment. Return whether it is gone."""
    try:
        with _held(upload):
            discard(upload)
    except Locked:
        return False
    except (OffsetConflict, Gone):  # there is no file: only the row is left
        discard(upload)
    return True


def folder() -> Path:
    """Return the directory of the uploads that are not complete."""
    return Path(settings.MEDIA_ROOT) / FOLDER


@contextmanager
def _held(upload: Upload) -> Iterator[BinaryIO]:
    """Open the upload's file and lock it for this request. The lock is the file system's: it holds across processes.

    Raises Locked, OffsetConflict if the upload is complete, and Gone if its file is missing.
    """
    try:
        file = path_of(upload).open("r+b")
    except FileNotFoundError:
        if Upload.objects.filter(pk=upload.pk, recording__isnull=False).exists() or _was_made(upload):
            raise OffsetConflict from None  # the upload is complete
        discard(upload)
        raise Gone from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked from None
        yield file


def _was_made(upload: Upload) -> bool:
    """Whether the recording exists already, although the row does not say so. If so, update the row.

    That happens when the process that made the recording died before it updated the row. Call this before any write:
    the file may be the recording's own by now. Raises Gone.
    """
    made = Recording.objects.filter(meeting=upload.meeting_id, client_id=upload.client_id).first()
    if made is None:
        return False
    _keep(upload, upload.size_bytes, made)
    path_of(upload).unlink(missing_ok=True)
    return True


def _keep(upload: Upload, received: int, recording: Recording | None = None) -> None:
    """Save how many bytes have arrived, and the recording. Raises Gone if the upload was discarded meanwhile."""
    upload.received_bytes, upload.recording, upload.changed_at = received, recording, timezone.now()
    kept = Upload.objects.filter(pk=upload.pk).update(
        received_bytes=received, recording=recording, changed_at=upload.changed_at
    )
    if not kept:
        raise Gone


def _write(file: BinaryIO, offset: int, size: int, source: Source) -> int:
    """Write a part at `offset`. Return how many bytes of the upload's `size` are on the disk then.

    Raises OffsetConflict if there are more than `size`; nothing of the part counts then.
    """
    file.seek(offset)
    received = offset
    while block := source.read(BLOCK_BYTES):
        received += len(block)
        if received > size:
            raise OffsetConflict
        file.write(block)
    file.flush()
    os.fsync(file.fileno())  # a confirmed part survives a power cut
    return received


def _hand_in(upload: Upload, file: BinaryIO) -> Recording:
    file.seek(0)
    recording, _new = intake.receive(
        meeting=upload.meeting,
        participant=upload.participant,
        upload=_Whole(upload, file),
        kind=Recording.Kind.UPLOAD,
        client_id=upload.client_id,
        in_parts=True,
    )
    return recording
