"""A recording's files: prepared for the vendor once, and opened for sending."""

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, cast

from django.conf import settings
from django.core.files import File
from django.db.models.fields.files import FieldFile
from django.utils import timezone

from transcription.models import Recording
from transcription.sound import placing, riff, sandbox
from transcription.sound.lead import tail_of, with_lead
from transcription.vendors.base import AudioSource, Vendor

CONTENT_TYPES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "mp4": "audio/mp4",
    "m4a": "audio/mp4",
    "amr": "audio/amr",
    "webm": "audio/webm",
    "ogg": "audio/ogg",
    "aac": "audio/aac",
    "mov": "audio/mp4",
    "3gp": "audio/3gpp",
}
# FFmpeg's names of the codecs that browsers play in the containers that vendors take. AMR and ALAC are not playable.
PLAYABLE_CODECS = frozenset(
    {"aac", "mp3", "flac", "opus", "vorbis", "pcm_alaw", "pcm_mulaw"}
    | {"pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le"}
)


def fits_as_it_is(form: str, codec: str, vendor: Vendor) -> bool:
    """Whether both the vendor and browsers can use the audio: people hear the file that the vendor is sent."""
    return form in vendor.accepted_formats and codec in PLAYABLE_CODECS


def longest_ms(vendor: Vendor) -> int:
    """Return the longest audio that this Mico takes for this vendor, in ms."""
    return min(settings.MAX_AUDIO_SECONDS * 1000, vendor.max_duration_ms)


def is_ready(plain: riff.Plain | None, vendor: Vendor) -> bool:
    """Whether a file that came in need not be prepared: a WAV file of which everything is known from its header."""
    return plain is not None and fits_as_it_is("wav", plain.codec, vendor)


def prepare(recording: Recording, vendor: Vendor) -> None:
    """Make the file that the vendor is sent, and find its length, unless that has been done.

    The audio is decoded in a process of its own. If it is plain (audio.Decoded), and the vendor and browsers can use
    it, it is sent as it came; otherwise as FLAC, 16 kHz, mono. Files that follow it in the meeting move to its true
    end (placing.py).

    Raises AudioError if the audio cannot be used, FileNotFoundError if its file or its recording is gone, and OSError
    if the storage or the decoder has a fault.
    """
    if recording.prepared_at is not None:
        return
    with (
        _opened(recording.audio) as source,
        tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as target,
    ):
        decoded = sandbox.decode(source, cast(BinaryIO, target), longest_ms(vendor))
        if not (decoded.plain and fits_as_it_is(recording.format, decoded.codec, vendor)):
            target.seek(0)
            store(recording.prepared, File(target))
    if decoded.is_partial:
        recording.read_ms, recording.whole_ms = decoded.read_ms, decoded.whole_ms
    recording.prepared_at = timezone.now()
    recording.duration_ms = decoded.duration_ms
    if not placing.put_right(recording):
        recording.prepared.delete(save=False)
        raise FileNotFoundError(f"Recording {recording.pk} was deleted while it was being prepared.")


def store(field: FieldFile, content: "File[bytes]") -> None:
    """Store the content as the file of this field, without saving the row: all of it, or nothing.

    Raises OSError, such as of a full disk: a storage would leave the half that it has written, once for each try.
    """
    name = field.field.generate_filename(field.instance, "audio")
    try:
        kept = field.storage.save(name, content, max_length=field.field.max_length)
    except OSError:
        with suppress(OSError):
            field.storage.delete(name)
        raise
    setattr(field.instance, field.field.attname, kept)


def file_of(recording: Recording) -> tuple[FieldFile, str]:
    """Return the file that the vendor is sent and people hear, and its content type.

    It is the prepared file if there is one, else the file that came in. A browser gets an unknown format as mere
    bytes, and never as a page.
    """
    stored, form = (recording.prepared, "flac") if recording.prepared else (recording.audio, recording.format)
    return stored, CONTENT_TYPES.get(form, "application/octet-stream")


@contextmanager
def open_for_vendor(recording: Recording, vendor: Vendor) -> Iterator[AudioSource]:
    """Open what the vendor is sent, for the `with` block. Raises FileNotFoundError."""
    stored, content_type = file_of(recording)
    form = "flac" if recording.prepared else recording.format
    tail_ms = tail_of(recording, vendor.lead_ms)
    led = with_lead(recording, vendor.lead_ms)
    if led is not None:
        yield AudioSource(
            file=io.BytesIO(led.content),
            size_bytes=len(led.content),
            filename=f"recording-{recording.pk}.{form}",
            content_type=content_type,
            lead_ms=led.lead_ms,
            lead_tail_ms=led.lead_tail_ms,
            tail_ms=tail_ms,
        )
        return
    with _opened(stored) as file:
        yield AudioSource(
            file=file,
            size_bytes=stored.size,
            filename=f"recording-{recording.pk}.{form}",
            content_type=content_type,
            tail_ms=tail_ms,
        )


@contextmanager
def _opened(stored: FieldFile) -> Iterator[BinaryIO]:
    """Open a file of any storage. Django's File is no BinaryIO, but has every method of it that is used here."""
    with stored.open("rb") as file:
        yield cast(BinaryIO, file)
