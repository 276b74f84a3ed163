"""What Mico keeps: meetings, the recordings made in them, and what became of each.

The rules that must hold whatever the code does are constraints here, in the database. Each partial index is
named after the query that it serves.
"""

import uuid
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class MeetingQuerySet(models.QuerySet["Meeting"]):
    """Meetings, by who may see them."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> "MeetingQuerySet":
        """Those that `user` owns or was invited to. Nobody signed in: none."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(participants__user=user.pk)


class Meeting(models.Model):
    """People talking, and the transcript of it."""

    title = models.CharField(_("title"), max_length=200)
    language = models.CharField(_("language"), max_length=10)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="owned_meetings",
        verbose_name=_("owner"),
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    # When this meeting last had a submit claimed: who was served longest ago comes first (dispatch.py).
    served_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar[MeetingQuerySet] = MeetingQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("meeting")
        verbose_name_plural = _("meetings")
        indexes = [models.Index(fields=["-created_at", "-id"], name="meeting_newest")]

    def __str__(self) -> str:
        return self.title


class Participant(models.Model):
    """A person of a meeting. The owner is one too, so one join answers "may they see it?"."""

    meeting = models.ForeignKey(Meeting, on_delete=models.CASCADE, related_name="participants")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="participations",
        verbose_name=_("person"),
    )
    joined_at = models.DateTimeField(_("joined"), default=timezone.now)

    class Meta:
        verbose_name = _("participant")
        verbose_name_plural = _("participants")
        constraints = [
            models.UniqueConstraint(fields=["meeting", "user"], name="participant_once_per_meeting")
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.meeting}"


def audio_path(recording: "Recording", _filename: str) -> str:
    """Where a recording's file is kept. The name that came with it never becomes part of a path."""
    return f"audio/{recording.meeting_id}/{uuid.uuid4().hex}"


class Recording(models.Model):
    """A stretch of sound, as it came from a microphone or a file. Never changed once it is here."""

    class Kind(models.TextChoices):
        """How it came."""

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
    # What the vendor is sent where it is not `audio` itself (audio.py makes it): once, kept for a Retry.
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


class TranscriptionQuerySet(models.QuerySet["Transcription"]):
    """Transcriptions, by where they are in their life."""

    def live(self) -> "TranscriptionQuerySet":
        """Those that will still change by themselves."""
        return self.filter(next_action_at__isnull=False)

    def current(self) -> "TranscriptionQuerySet":
        """The newest of each recording: the one that people see."""
        return self.filter(is_current=True)


class Transcription(models.Model):
    """One attempt to have a recording transcribed, from `queued` to its outcome (states.py)."""

    class Status(models.TextChoices):
        """Where in its life it is; states.py says what may follow what."""

        QUEUED = "queued", _("queued")
        SUBMITTING = "submitting", _("being sent")
        PROCESSING = "processing", _("transcribing")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    LIVE = (Status.QUEUED, Status.SUBMITTING, Status.PROCESSING)
    TERMINAL = (Status.DONE, Status.FAILED, Status.CANCELLED)

    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="transcriptions")
    # The recording's meeting once more: the claim is fair between meetings without a join.
    meeting = models.ForeignKey(Meeting, on_delete=models.CASCADE, related_name="transcriptions")
    vendor = models.CharField(_("vendor"), max_length=30)
    language = models.CharField(_("language"), max_length=10)
    status = models.CharField(_("status"), max_length=12, choices=Status.choices, default=Status.QUEUED)
    # Grows in the UPDATE of each change of status, over all transcriptions of a recording: the newest wins.
    version = models.PositiveIntegerField(_("version"), default=1)
    is_current = models.BooleanField(_("current"), default=True)
    # The schedule: when something is to be done next. NULL: never again.
    next_action_at = models.DateTimeField(_("next action"), null=True, blank=True, default=timezone.now)
    # The dispatcher's and the jobs' fencing number: a job may begin only with the number it was claimed under.
    claim = models.PositiveIntegerField(default=0, editable=False)
    # Jobs begun since the last step that came to an end: a recording that kills its workers is noticed.
    starts = models.PositiveIntegerField(_("jobs begun for this step"), default=0)
    status_since = models.DateTimeField(_("in this status since"), default=timezone.now)
    attempts = models.PositiveIntegerField(_("vendor errors in a row"), default=0)
    polls = models.PositiveIntegerField(_("polls"), default=0)
    # Times it was sent again because an answer was lost: each may have been paid twice.
    possible_duplicate = models.PositiveIntegerField(_("possible duplicates"), default=0)
    vendor_job_id = models.CharField(_("vendor's job"), max_length=200, blank=True)
    submitted_at = models.DateTimeField(_("accepted by the vendor"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    error_code = models.CharField(_("error"), max_length=40, blank=True)
    error_detail = models.CharField(_("error detail"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    objects: ClassVar[TranscriptionQuerySet] = TranscriptionQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("transcription")
        verbose_name_plural = _("transcriptions")
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["queued", "submitting", "processing", "done", "failed", "cancelled"]),
                name="transcription_status_known",
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=["queued", "submitting", "processing"],
                    next_action_at__isnull=False,
                    finished_at__isnull=True,
                )
                | Q(
                    status__in=["done", "failed", "cancelled"],
                    next_action_at__isnull=True,
                    finished_at__isnull=False,
                ),
                name="transcription_terminal_has_outcome",
            ),
            models.CheckConstraint(
                condition=~Q(status="processing") | ~Q(vendor_job_id=""),
                name="transcription_processing_has_job",
            ),
            models.CheckConstraint(
                condition=Q(status="failed") & ~Q(error_code="") | ~Q(status="failed") & Q(error_code=""),
                name="transcription_failed_has_reason",
            ),
            models.UniqueConstraint(
                fields=["recording"],
                condition=Q(next_action_at__isnull=False),
                name="transcription_one_live_per_recording",
            ),
            models.UniqueConstraint(
                fields=["recording"],
                condition=Q(is_current=True),
                name="transcription_one_current_per_recording",
            ),
        ]
        indexes = [
            # By "not null" and not by status: that is what both databases can tell from the query itself.
            models.Index(
                fields=["status", "next_action_at"],
                condition=Q(next_action_at__isnull=False),
                name="transcription_due",
            ),
            models.Index(fields=["meeting"], condition=Q(is_current=True), name="transcription_of_meeting"),
            models.Index(fields=["-created_at", "-id"], name="transcription_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.recording} · {self.get_status_display()}"

    @property
    def is_live(self) -> bool:
        """Whether it will still change by itself."""
        return self.status in self.LIVE


class Utterance(models.Model):
    """A line of the transcript, as the vendor gave it."""

    transcription = models.ForeignKey(Transcription, on_delete=models.CASCADE, related_name="utterances")
    position = models.PositiveIntegerField(_("position"))
    start_ms = models.BigIntegerField(_("start (ms in the recording)"))
    duration_ms = models.BigIntegerField(_("length (ms)"))
    speaker = models.CharField(_("speaker"), max_length=64, blank=True)
    language = models.CharField(_("language"), max_length=16, blank=True)
    text = models.TextField(_("text"))
    # [{"start_ms": int, "duration_ms": int, "text": str}, …]; empty where the vendor gives none
    words = models.JSONField(_("words"), default=list, blank=True)

    class Meta:
        verbose_name = _("utterance")
        verbose_name_plural = _("utterances")
        ordering = ["transcription", "position"]
        constraints = [
            models.UniqueConstraint(fields=["transcription", "position"], name="utterance_once_per_position"),
            models.CheckConstraint(
                condition=Q(start_ms__gte=0, duration_ms__gte=0), name="utterance_times_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return self.text[:80]


class GateEvent(models.Model):
    """The gate's history: written by the one report that changed it."""

    class Kind(models.TextChoices):
        """What happened to the gate."""

        CLOSED = "closed", _("closed")
        MOVED = "moved", _("next try moved")
        OPENED = "opened", _("opened")

    vendor = models.CharField(_("vendor"), max_length=30)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    episode = models.BigIntegerField(_("episode"))
    lane = models.CharField(_("what is held"), max_length=10, blank=True)
    reason = models.CharField(_("reason"), max_length=20, blank=True)
    reopens_at = models.DateTimeField(_("next try"), null=True, blank=True)
    note = models.CharField(_("note"), max_length=200, blank=True)
    transcription = models.ForeignKey(
        Transcription,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("caused by"),
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )
    at = models.DateTimeField(_("at"), default=timezone.now)

    class Meta:
        verbose_name = _("gate event")
        verbose_name_plural = _("gate events")
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["closed", "moved", "opened"]), name="gate_event_kind_known"
            )
        ]
        indexes = [models.Index(fields=["vendor", "-at"], name="gate_event_newest")]

    def __str__(self) -> str:
        return f"{self.vendor} {self.get_kind_display()} ({self.episode})"


class ApiToken(models.Model):
    """A bearer token. Only its hash is kept: it is shown once, when it is made."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    key_hash = models.CharField(_("hash"), max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")

    def __str__(self) -> str:
        return f"{self.user} · {self.key_hash[:8]}"
