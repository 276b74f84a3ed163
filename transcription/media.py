"""A recording's files: made fit for the vendor once, and opened for sending."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from django.conf import settings
from django.core.files import File
from django.db.models.fields.files import FieldFile
from django.utils import timezone

from transcription import audio
from transcription.models import Recording
from transcription.vendors.base import AudioSource, Vendor

CONTENT_TYPES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "mp4": "audio/mp4",
    "m4a": "audio/mp4",
    "amr": "audio/amr",
}


def needs_preparation(info: audio.AudioInfo, vendor: Vendor) -> bool:
    """Whether the vendor does not take it as it is, or its length is only known once it is decoded."""
    return info.format not in vendor.accepted_formats or info.duration_ms is None


def longest_ms(vendor: Vendor) -> int:
    """The longest audio that this Mico takes for this vendor."""
    return min(settings.MAX_AUDIO_SECONDS * 1000, vendor.max_duration_ms)


def prepare(recording: Recording, vendor: Vendor) -> None:
    """Makes what the vendor is sent, if that has not been done: FLAC, 16 kHz, mono, with its length.

    Streams; memory stays flat for hours of sound. Raises AudioError (this audio is not fit),
    FileNotFoundError.
    """
    if recording.prepared_at is not None:
        return
    if recording.format in vendor.accepted_formats:
        with _opened(recording.audio) as source:
            recording.duration_ms = audio.measure(source, longest_ms(vendor)).duration_ms
    else:
        with (
            _opened(recording.audio) as source,
            tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as target,
        ):
            recording.duration_ms = audio.transcode(source, target, longest_ms(vendor)).duration_ms
            target.seek(0)
            recording.prepared.save("audio.flac", File(target), save=False)
    recording.prepared_at = timezone.now()
    recording.save(update_fields=["duration_ms", "prepared", "prepared_at"])


@contextmanager
def open_for_vendor(recording: Recording) -> Iterator[AudioSource]:
    """The file that the vendor is sent. Raises FileNotFoundError."""
    stored, form = (recording.prepared, "flac") if recording.prepared else (recording.audio, recording.format)
    with _opened(stored) as file:
        yield AudioSource(
            file=file,
            size_bytes=stored.size,
            filename=f"recording-{recording.pk}.{form}",
            content_type=CONTENT_TYPES.get(form, "application/octet-stream"),
        )


@contextmanager
def _opened(stored: FieldFile) -> Iterator[BinaryIO]:
    """A stored file, whatever the storage is: Django's File has every method of a BinaryIO that we use."""
    with stored.open("rb") as file:
        yield cast(BinaryIO, file)
