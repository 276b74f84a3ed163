"""Takes audio in: checks it, stores it, and schedules its transcription."""

from __future__ import annotations

import logging
import unicodedata
import uuid
from typing import BinaryIO, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from transcription import events, languages, room
from transcription.live.wakeup import wake
from transcription.models import Meeting, Participant, Recording, Transcription
from transcription.reasons import explain
from transcription.sound import formats, media, placing, riff, sandbox
from transcription.vendors.registry import get_vendor

logger = logging.getLogger(__name__)

# Ten years, in ms. A later time in a meeting is a mistake of the sender's.
LATEST_OFFSET_MS = 10 * 365 * 24 * 3600 * 1000

# In ms. A page hears of its meeting's end after a second or two. A recording that it begins until then still counts
# as begun before the end.
HEARD_OF_THE_END_MS = 10_000


class UploadRefused(Exception):
    """An upload is not accepted, and nothing of it is kept. `message` is a sentence for people."""

    def __init__(self, code: str, message: str | Promise) -> None:
        self.code = code
        self.message = message
        super().__init__(code)


def receive(
    *,
    meeting: Meeting,
    participant: Participant | None,
    upload: UploadedFile[bytes],
    kind: str,
    client_id: uuid.UUID | None = None,
    offset_ms: int | None = None,
    goes_on: bool = False,
    in_parts: bool = False,
) -> tuple[Recording, bool]:
    """Store an upload and schedule its transcription. Return the recording, and whether it is new.

    `client_id` is an idempotency key: if the meeting has a recording with it, that one is returned and is not new.
    `offset_ms` is where the sound begins in the meeting. Without it, a live recording is taken to end now, and a file
    is put after everything else. `goes_on`: it was cut while the person spoke on (sound/lead.py). An ended meeting
    takes only live recordings that began before its end, however late they arrive. A meeting in a language that the
    vendor does not have takes nothing, except for a file that came `in_parts`: its language was checked before the
    first one.

    Raises UploadRefused.
    """
    known = _known(meeting, client_id)
    if known is not None:
        return known, False
    if kind not in Recording.Kind.values:
        raise UploadRefused("bad_kind", _("The kind of a recording is “live” or “upload”."))
    if offset_ms is not None and not 0 <= offset_ms <= LATEST_OFFSET_MS:
        raise UploadRefused(
            "bad_offset", _("The offset is a number of milliseconds since the meeting began.")
        )
    if not in_parts:
        check_language(meeting.language)
    vendor = get_vendor(settings.STT_VENDOR)
    size = upload.size or 0
    info, plain = _probe(cast(BinaryIO, upload), size, media.longest_ms(vendor))
    if meeting.ended_at is not None and not _began_before_the_end(
        meeting, kind, offset_ms, info.duration_ms or 0
    ):
        raise ended()
    recording = Recording(
        meeting=meeting,
        participant=participant,
        client_id=client_id,
        kind=kind,
        offset_ms=offset_ms or 0,
        name=clean_name(upload.name or ""),
        format=info.format,
        size_bytes=size,
        duration_ms=info.duration_ms,
        goes_on=goes_on,
        prepared_at=timezone.now() if media.is_ready(plain, vendor) else None,
    )
    media.store(recording.audio, upload)  # outside the transaction: it may take long
    return _store(recording, placed=offset_ms is not None)


def _known(meeting: Meeting, client_id: uuid.UUID | None) -> Recording | None:
    """Return the recording that an earlier request with this idempotency key made, if there is one."""
    if client_id is None:
        return None
    return Recording.objects.filter(meeting=meeting, client_id=client_id).first()


def _store(recording: Recording, *, placed: bool) -> tuple[Recording, bool]:
    """Write the recording and its transcription in one transaction. Return the recording, and whether it is new.

    Unless it is `placed`, its offset is decided inside the transaction. The audio is deleted if nothing was written.
    """
    meeting = recording.meeting
    written = False
    try:
        with transaction.atomic():
            if not placed:
                placing.place(recording)
            recording.save()
            row = Transcription.objects.create(
                recording=recording,
                meeting=meeting,
                vendor=settings.STT_VENDOR,
                language=meeting.language,
                pool=get_vendor(settings.STT_VENDOR).pool(meeting.language),
            )
            events.publish_recording(row)
            wake()
            written = True
    except IntegrityError:
        recording.audio.delete(save=False)
        known = _known(meeting, recording.client_id)
        if known is None and not Meeting.objects.filter(pk=meeting.pk).exists():
            raise deleted() from None
        if known is None:
            raise  # this is not the conflict of two requests with one `client_id`
        return known, False
    except Exception as error:
        # Otherwise the commit failed, and the database may have the row all the same: unless it had no room for it.
        if not written or room.is_full(error):
            recording.audio.delete(save=False)
        raise
    return recording, True


def ended() -> UploadRefused:
    """Return the refusal of a meeting that has ended."""
    return UploadRefused("meeting_ended", _("The meeting has ended, and takes no new recordings."))


def check_language(code: str) -> None:
    """Raise UploadRefused if the vendor cannot transcribe this language."""
    if why := languages.problem(code):
        advice = _("The owner of the meeting can choose another language.")
        raise UploadRefused("language_unsupported", f"{why} {advice}")


def deleted() -> UploadRefused:
    """Return the refusal of a meeting that was deleted."""
    return UploadRefused("not_found", _("This meeting was deleted."))


def clean_name(name: str) -> str:
    """Return a file's name as people see it: no path, no control or direction characters, at most 255 characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(c for c in last if unicodedata.category(c)[0] != "C")
    return shown.strip()[:255]


def _probe(upload: BinaryIO, size: int, longest_ms: int) -> tuple[formats.AudioInfo, riff.Plain | None]:
    """Return what the header says, and what is sure of it, and rewind `upload`. Raises UploadRefused.

    A length that is not sure refuses nothing: the file is taken, and decoded.
    """
    if size == 0:
        raise UploadRefused("empty", explain("empty").what)
    if size > settings.MAX_UPLOAD_BYTES:
        raise UploadRefused("too_large", explain("too_large").what)
    plain = riff.plain(upload)
    if plain is not None:
        info = formats.AudioInfo("wav", plain.codec, plain.duration_ms, plain.sample_rate, 1)
        if info.duration_ms == 0:
            raise UploadRefused("empty_audio", explain("empty_audio").what)
        if plain.duration_ms > longest_ms:
            raise UploadRefused("too_long", explain("too_long").what)
    else:
        try:
            info = sandbox.probe(upload)
        except formats.AudioError as error:
            raise UploadRefused(error.code, explain(error.code).what) from error
    upload.seek(0)
    return info, plain


def _began_before_the_end(meeting: Meeting, kind: str, offset_ms: int | None, duration_ms: int) -> bool:
    """Whether a live recording began before the meeting ended. A file never counts: nobody knows when it began."""
    if kind != Recording.Kind.LIVE:
        return False
    began_ms = placing.ends_now(meeting, duration_ms) if offset_ms is None else offset_ms
    return began_ms <= placing.into(meeting, meeting.ended_at or timezone.now()) + HEARD_OF_THE_END_MS
