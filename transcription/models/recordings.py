"""Recordings, and uploads that are not complete yet."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from transcription.models.meetings import Meeting, Participant


def audio_path(recording: "Recording", _filename: str) -> str:
    """Return the storage path of a recording's file. The uploaded name is never part of it.

    All files of a meeting are below one directory, which is deleted with the meeting.
    """
    return f"audio/{recording.meeting_id}/{uuid.uuid4().hex}"


class Recording(models.Model):
    """A stretch of audio from a microphone or a file. Its audio never changes."""

    class Kind(models.TextChoices):
        """How the recording was made."""

        LIVE = "live", _("spoken in the meeting")
        UPLOAD = "upload", _("uploaded file")

    meeting = models.ForeignKey(Meeting, on_delete=models.CASCADE, related_name="recordings")
    participant = models.ForeignKey(
        Participant,
        on_delete=models.SET_NULL,
        null=True,
        related_name="recordings",
        verbose_name=_("participant"),
    )
    client_id = models.UUIDField(_("client id"), null=True, blank=True)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    offset_ms = models.BigIntegerField(_("starts at (ms in the meeting)"))
    name = models.CharField(_("file name"), max_length=255, blank=True)
    audio = models.FileField(_("audio"), upload_to=audio_path, max_length=200)
    format = models.CharField(_("format"), max_length=20)
    size_bytes = models.BigIntegerField(_("size (bytes)"))
    duration_ms = models.BigIntegerField(_("length (ms)"), null=True, blank=True)
    # It was cut while the person spoke on, maybe within a word: their next one begins where it ends (sound/lead.py).
    goes_on = models.BooleanField(default=False, db_default=False, editable=False)
    # Of the length that a damaged or cut file should have, so much could be read. NULL: all of it.
    read_ms = models.BigIntegerField(_("could be read (ms)"), null=True, blank=True)
    whole_ms = models.BigIntegerField(_("of (ms)"), null=True, blank=True)
    # Whether it is a file that lies behind all that was there before it (sound/placing.py).
    follows = models.BooleanField(default=False, db_default=False, editable=False)
    # The audio that the vendor gets if it is not `audio` itself. `media.py` makes it once; a Retry uses it again.
    prepared = models.FileField(_("prepared audio"), upload_to=audio_path, max_length=200, blank=True)
    prepared_at = models.DateTimeField(_("prepared"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("recording")
        verbose_name_plural = _("recordings")
        constraints = [
            models.UniqueConstraint(
                fields=["meeting", "client_id"],
                condition=Q(client_id__isnull=False),
                name="recording_once_per_client_id",
            ),
            models.CheckConstraint(condition=Q(kind__in=["live", "upload"]), name="recording_kind_known"),
            models.CheckConstraint(condition=Q(offset_ms__gte=0), name="recording_offset_not_negative"),
            models.CheckConstraint(condition=Q(size_bytes__gt=0), name="recording_not_empty"),
        ]
        indexes = [models.Index(fields=["meeting", "offset_ms", "id"], name="recording_in_spoken_order")]

    def __str__(self) -> str:
        return self.name or f"{self.get_kind_display()} {self.pk}"


class Upload(models.Model):
    """A resumable upload (uploads.py). The row outlives the completion for a while."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    meeting = models.ForeignKey(Meeting, on_delete=models.CASCADE, related_name="uploads")
    participant = models.ForeignKey(Participant, on_delete=models.CASCADE, related_name="uploads")
    client_id = models.UUIDField(_("client id"))
    name = models.CharField(_("file name"), max_length=255, blank=True)
    size_bytes = models.BigIntegerField(_("size (bytes)"))
    # Bytes on disk that were acknowledged. The last part is acknowledged when the recording is created.
    received_bytes = models.BigIntegerField(_("received (bytes)"), default=0)
    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, null=True, related_name="+")
    changed_at = models.DateTimeField(_("last part"), default=timezone.now)

    class Meta:
        verbose_name = _("upload")
        verbose_name_plural = _("uploads")
        constraints = [
            models.UniqueConstraint(fields=["participant", "client_id"], name="upload_once_per_client_id"),
            models.CheckConstraint(
                condition=Q(received_bytes__gte=0, received_bytes__lte=models.F("size_bytes")),
                name="upload_within_its_size",
            ),
        ]
        indexes = [models.Index(fields=["changed_at"], name="upload_expiring")]

    def __str__(self) -> str:
        return self.name or str(self.pk)
