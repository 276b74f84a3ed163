"""How audio enters: checked at the door, kept, and put on the schedule."""

from __future__ import annotations

import logging
import unicodedata
import uuid
from datetime import datetime
from typing import BinaryIO, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from transcription import events
from transcription.live.wakeup import wake
from transcription.models import Meeting, Participant, Recording, Transcription
from transcription.reasons import explain
from transcription.sound import audio, media
from transcription.vendors.registry import get_vendor

logger = logging.getLogger(__name__)

# ms; ten years. A time in a meeting that is further away is a mistake of the sender's.
LATEST_OFFSET_MS = 10 * 365 * 24 * 3600 * 1000

# ms; a page hears of its meeting's end within a second or two, and what it began until then counts as before it.
HEARD_OF_THE_END_MS = 10_000

STATUS_OF = {"empty": 400, "empty_audio": 422, "no_audio_track": 422, "unreadable": 422, "too_long": 413}


class Refused(Exception):
    """This upload is not taken, and nothing was kept. `status` is the HTTP status, `message` fit for people."""

    def __init__(self, code: str, message: str | Promise, status: int) -> None:
        self.code = code
        self.message = message
        self.status = status
        super().__init__(code)


def receive(
    *,
    meeting: Meeting,
    participant: Participant | None,
    upload: UploadedFile[bytes],
    kind: str,
    client_id: uuid.UUID | None = None,
    offset_ms: int | None = None,
) -> tuple[Recording, bool]:
    """Keeps an upload and schedules its transcription. The bool: whether it is new (else `client_id` was known).

    `offset_ms` is where it begins in the meeting; without it a live recording ends now, and a file begins after
    everything that is there. Of an ended meeting only what was recorded before its end is taken, however late it
    comes. Raises Refused.
    """
    if client_id is not None:
        known = Recording.objects.filter(meeting=meeting, client_id=client_id).first()
        if known is not None:
            return known, False
    if kind not in Recording.Kind.values:
        raise Refused("bad_kind", _("The kind of a recording is “live” or “upload”."), 422)
    if offset_ms is not None and not 0 <= offset_ms <= LATEST_OFFSET_MS:
        raise Refused("bad_offset", _("The offset is a number of milliseconds since the meeting began."), 422)
    vendor = get_vendor(settings.STT_VENDOR)
    size = upload.size or 0
    info = _probe(cast(BinaryIO, upload), size, media.longest_ms(vendor))
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
        prepared_at=None if media.needs_preparation(info, vendor) else timezone.now(),
    )
    recording.audio.save("audio", upload, save=False)  # outside the transaction: it may take its time
    written = False
    try:
        with transaction.atomic():
            if offset_ms is None:
                recording.offset_ms = _offset(meeting, kind, info.duration_ms or 0)
            recording.save()
            row = Transcription.objects.create(
                recording=recording, meeting=meeting, vendor=vendor.name, language=meeting.language
            )
            events.publish_recording(row)
            wake()
            written = True
    except IntegrityError:
        recording.audio.delete(save=False)
        known = Recording.objects.filter(meeting=meeting, client_id=client_id).first() if client_id else None
        if known is None and not Meeting.objects.filter(pk=meeting.pk).exists():
            raise deleted() from None
        if known is None:
            raise  # not the one conflict that two senders of one recording make
        return known, False
    except Exception:
        if not written:  # else the commit broke off, and the database may have it all the same
            recording.audio.delete(save=False)
        raise
    return recording, True


def ended() -> Refused:
    """The refusal of a meeting that is over."""
    return Refused("meeting_ended", _("The meeting has ended, and takes no new recordings."), 409)


def deleted() -> Refused:
    """The refusal of a meeting that is no more."""
    return Refused("not_found", _("This meeting was deleted."), 404)


def clean_name(name: str) -> str:
    """A file's name as shown to people: no path, no control or direction characters, at most 255 characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(c for c in last if unicodedata.category(c)[0] != "C")
    return shown.strip()[:255]


def _probe(upload: BinaryIO, size: int, longest_ms: int) -> audio.AudioInfo:
    """What is in it, or Refused."""
    if size == 0:
        raise Refused("empty", explain("empty").what, 400)
    if size > settings.MAX_UPLOAD_BYTES:
        raise Refused("too_large", explain("too_large").what, 413)
    try:
        info = audio.probe(upload)
    except audio.AudioError as error:
        raise Refused(error.code, explain(error.code).what, STATUS_OF.get(error.code, 415)) from error
    if info.duration_ms == 0:
        raise Refused("empty_audio", explain("empty_audio").what, 422)
    if info.duration_ms is not None and info.duration_ms > longest_ms:
        raise Refused("too_long", explain("too_long").what, 413)
    upload.seek(0)
    return info


def _began_before_the_end(meeting: Meeting, kind: str, offset_ms: int | None, duration_ms: int) -> bool:
    """Whether it was on the way already when the meeting ended. A file has no such time: it comes when it comes."""
    if kind != Recording.Kind.LIVE:
        return False
    began_ms = _ends_now(meeting, duration_ms) if offset_ms is None else offset_ms
    return began_ms <= _into(meeting, meeting.ended_at or timezone.now()) + HEARD_OF_THE_END_MS


def _into(meeting: Meeting, moment: datetime) -> int:
    """A moment as a time in the meeting, ms."""
    return int((moment - meeting.created_at).total_seconds() * 1000)


def _ends_now(meeting: Meeting, duration_ms: int) -> int:
    return max(0, _into(meeting, timezone.now()) - duration_ms)


def _offset(meeting: Meeting, kind: str, duration_ms: int) -> int:
    if kind == Recording.Kind.LIVE:
        return _ends_now(meeting, duration_ms)
    # Locked, so that of two files that come at once the second begins where the first ends. (SQLite's
    # transactions that write come one after the other anyway.)
    Meeting.objects.select_for_update().filter(pk=meeting.pk).first()
    end = Max(F("offset_ms") + Coalesce("duration_ms", 0))
    return meeting.recordings.aggregate(end=end)["end"] or 0
