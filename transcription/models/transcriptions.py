"""Transcriptions, and samples of the vendor's turnaround."""

from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from transcription.models.meetings import Meeting
from transcription.models.recordings import Recording


class TranscriptionQuerySet(models.QuerySet["Transcription"]):
    """Transcriptions, filtered and ordered by state."""

    def live(self) -> "TranscriptionQuerySet":
        """Return those that are not finished."""
        return self.filter(next_action_at__isnull=False)

    def bring_forward(self) -> int:
        """Make due what waits longer than any pause of this version. Return the number of rows, at most 1000.

        Earlier versions left the time of a closed gate in the row, up to an hour ahead.
        """
        now = timezone.now()
        claimed = timedelta(seconds=2 * settings.STT_LEASE_SECONDS)  # twice, for clocks that differ
        longest = max(claimed, timedelta(seconds=settings.STT_RETRY_LONGEST_SECONDS))
        far = self.filter(
            Q(status=Transcription.Status.QUEUED, attempts=0, next_action_at__gt=now + claimed)
            | Q(status=Transcription.Status.QUEUED, next_action_at__gt=now + longest)
            | Q(status=Transcription.Status.PROCESSING, next_action_at__gt=now + longest)
        )
        rows = list(far.values_list("pk", flat=True)[:1000])
        return self.filter(pk__in=rows, next_action_at__gt=now).update(next_action_at=now) if rows else 0

    def current(self) -> "TranscriptionQuerySet":
        """Return the newest transcription of each recording, which is the one that people see."""
        return self.filter(is_current=True)


class Transcription(models.Model):
    """One try to have a recording transcribed, from `queued` to its outcome (states.py)."""

    class Status(models.TextChoices):
        """The state; `states.py` defines the transitions."""

        QUEUED = "queued", _("queued")
        SUBMITTING = "submitting", _("being sent")
        PROCESSING = "processing", _("transcribing")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    LIVE = (Status.QUEUED, Status.SUBMITTING, Status.PROCESSING)
    TERMINAL = (Status.DONE, Status.FAILED, Status.CANCELLED)

    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="transcriptions")
    # The recording's meeting, repeated here so that a fair claim needs no join.
    meeting = models.ForeignKey(Meeting, on_delete=models.CASCADE, related_name="transcriptions")
    vendor = models.CharField(_("vendor"), max_length=30)
    language = models.CharField(_("language"), max_length=10)
    # Which of the vendor's pools its job is in, or will be in (service/accounts.py); "" of a vendor without pools,
    # and of rows that the version before wrote: the dispatcher puts those right.
    pool = models.CharField(_("pool"), max_length=60, blank=True, default="", db_default="")
    status = models.CharField(_("status"), max_length=12, choices=Status.choices, default=Status.QUEUED)
    # Grows with each change of status, across all transcriptions of the recording. The newest version wins.
    version = models.PositiveIntegerField(_("version"), default=1)
    is_current = models.BooleanField(_("current"), default=True)
    # The schedule: when the next step is due. NULL: never.
    next_action_at = models.DateTimeField(_("next action"), null=True, blank=True, default=timezone.now)
    # Where it waits to be sent (turns.py); NULL while it is claimed, not due, or not yet seen by a dispatcher.
    turn = models.ForeignKey(
        "transcription.Turn",
        on_delete=models.SET_NULL,
        null=True,
        related_name="rows",
        db_index=False,  # transcription_in_turn
        editable=False,
    )
    # The fencing number of claims and jobs: a job begins only if it holds the current number.
    claim = models.PositiveIntegerField(default=0, editable=False)
    # Jobs begun since the last completed step. Many of them mean that the recording kills its workers.
    starts = models.PositiveIntegerField(_("jobs begun for this step"), default=0)
    status_since = models.DateTimeField(_("in this status since"), default=timezone.now)
    attempts = models.PositiveIntegerField(_("vendor errors in a row"), default=0)
    polls = models.PositiveIntegerField(_("polls"), default=0)
    # When the last poll that found the job running was sent: the job was not done before that (polling.py).
    seen_running_at = models.DateTimeField(null=True, blank=True, editable=False)
    # How much of the recording the vendor has done, and how many seconds of audio it did in a second of late
    # (polling/progress.py). NULL: it has not told. Both are of the poll at `seen_running_at`.
    progress_ms = models.PositiveIntegerField(null=True, blank=True, editable=False)
    progress_speed = models.FloatField(null=True, blank=True, editable=False)
    # Polls/s that this job would get without the account's budget. Counts while it is processing.
    poll_rate = models.FloatField(default=0.0, editable=False)
    # How often the recording was submitted again after an unknown outcome, by itself or by a Retry. Each time, the
    # audio may have been paid for once more.
    possible_duplicate = models.PositiveIntegerField(_("possible duplicates"), default=0)
    vendor_job_id = models.CharField(_("vendor's job"), max_length=200, blank=True)
    # How much of the sound that was sent is what came before the recording, for its context (sound/lead.py).
    lead_ms = models.PositiveIntegerField(default=0, db_default=0, editable=False)
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
            # "not null" rather than a status: both databases can match such a query to the index.
            models.Index(
                fields=["status", "next_action_at"],
                condition=Q(next_action_at__isnull=False),
                name="transcription_due",
            ),
            # What has come due and is to be put into its turn; and the rows of each turn in their order.
            models.Index(
                fields=["status", "next_action_at"],
                condition=Q(next_action_at__isnull=False, turn__isnull=True),
                name="transcription_newly_due",
            ),
            models.Index(
                fields=["turn", "id"], condition=Q(turn__isnull=False), name="transcription_in_turn"
            ),
            models.Index(fields=["meeting"], condition=Q(is_current=True), name="transcription_of_meeting"),
            models.Index(fields=["-created_at", "-id"], name="transcription_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.recording} · {self.get_status_display()}"

    @property
    def is_live(self) -> bool:
        """Whether it is not finished."""
        return self.status in self.LIVE

    @property
    def times_sent(self) -> int:
        """How often the recording may have been paid for: 1 unless it was sent again after an unknown outcome."""
        sent = (
            bool(self.vendor_job_id)
            or self.status == self.Status.DONE
            or self.error_code == "outcome_unknown"
        )
        return 1 + self.possible_duplicate if sent else 1

    @property
    def progress_shown_ms(self) -> int | None:
        """How much of the recording the vendor has done, while it is transcribed; None if it has not told."""
        return self.progress_ms if self.status == self.Status.PROCESSING else None


class TurnaroundSample(models.Model):
    """The turnaround of one job, from which the poll schedule and the estimates learn (polling.py).

    Both times count from the vendor's acceptance. The row does not identify the recording.
    """

    vendor = models.CharField(max_length=30)
    model = models.CharField(max_length=60)
    length_class = models.PositiveSmallIntegerField()
    audio_ms = models.BigIntegerField()
    running_ms = models.BigIntegerField()  # the last poll that found it running; 0 if none did
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
