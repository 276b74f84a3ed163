"""A recording's way through a vendor, and what its length of time teaches."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q, Window
from django.db.models.functions import RowNumber
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from transcription.models.meetings import Meeting
from transcription.models.recordings import Recording


class TranscriptionQuerySet(models.QuerySet["Transcription"]):
    """Transcriptions, by where they are in their life."""

    def live(self) -> "TranscriptionQuerySet":
        """Those that will still change by themselves."""
        return self.filter(next_action_at__isnull=False)

    def in_turns(self) -> "TranscriptionQuerySet":
        """In the order of sending: the first of each meeting, then the second of each, and among equals the meeting
        that was served longest ago."""
        turn = Window(RowNumber(), partition_by="meeting_id", order_by="id")
        return self.annotate(turn=turn).order_by("turn", F("meeting__served_at").asc(nulls_first=True), "id")

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
    # When the last poll that found it running was sent: it was not done before (polling.py).
    seen_running_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Polls/s that it would have without the account's budget. Counts while it is processing.
    poll_rate = models.FloatField(default=0.0, editable=False)
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


class TurnaroundSample(models.Model):
    """What one job told of its vendor's turnaround: the poll schedule and the estimates learn from it (polling.py).

    Both times are from the vendor's acceptance. Nothing in it leads back to the recording.
    """

    vendor = models.CharField(max_length=30)
    model = models.CharField(max_length=60)
    length_class = models.PositiveSmallIntegerField()
    audio_ms = models.BigIntegerField()
    running_ms = models.BigIntegerField()  # the last poll that found it running; 0: none did
    done_ms = models.BigIntegerField()  # the poll that found it done
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(running_ms__gte=0, done_ms__gt=F("running_ms")),
                name="turnaround_done_after_running",
            )
        ]
        indexes = [models.Index(fields=["vendor", "model", "length_class", "-id"], name="turnaround_newest")]

    def __str__(self) -> str:
        return f"{self.vendor} {self.model} {self.audio_ms} ms: {self.running_ms}–{self.done_ms} ms"
