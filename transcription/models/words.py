"""Lines, their edits, and the names of speakers."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from transcription.models.meetings import Participant
from transcription.models.recordings import Recording
from transcription.models.transcriptions import Transcription


class SpeakerName(models.Model):
    """The name of a speaker of a file, whom the vendor only numbers: a participant, or a free text."""

    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="speaker_names")
    label = models.CharField(_("the vendor's label"), max_length=64)
    # The participant who is this speaker. The speaker's name follows the participant's.
    participant = models.ForeignKey(Participant, on_delete=models.CASCADE, null=True, related_name="voices")
    name = models.CharField(_("name"), max_length=150, blank=True)

    class Meta:
        verbose_name = _("speaker's name")
        verbose_name_plural = _("speakers' names")
        constraints = [
            models.UniqueConstraint(fields=["recording", "label"], name="speaker_name_once_per_label"),
            models.CheckConstraint(
                condition=Q(participant__isnull=True) & ~Q(name="") | Q(participant__isnull=False, name=""),
                name="speaker_name_person_or_text",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.recording} · {self.label}"


class UtteranceQuerySet(models.QuerySet["Utterance"]):
    """Lines, annotated with the speaker's name."""

    def with_names(self) -> "UtteranceQuerySet":
        """Annotate `named`: the name given to the speaker, or None."""
        names = SpeakerName.objects.filter(
            recording=models.OuterRef("transcription__recording"), label=models.OuterRef("speaker")
        )
        shown = Coalesce("participant__name", "name")
        return self.annotate(named=models.Subquery(names.annotate(shown=shown).values("shown")[:1]))


class Utterance(models.Model):
    """A line of the transcript: the vendor's text, or the latest edit of it (editing.py)."""

    transcription = models.ForeignKey(Transcription, on_delete=models.CASCADE, related_name="utterances")
    position = models.PositiveIntegerField(_("position"))
    start_ms = models.BigIntegerField(_("start (ms in the recording)"))
    duration_ms = models.BigIntegerField(_("length (ms)"))
    speaker = models.CharField(_("speaker"), max_length=64, blank=True)
    language = models.CharField(_("language"), max_length=16, blank=True)
    text = models.TextField(_("text"))
    # [{"start_ms": int, "duration_ms": int, "text": str}, …]; empty if the vendor gave none.
    words = models.JSONField(_("words"), default=list, blank=True)
    # Grows with each edit. An edit names the version that it replaces.
    version = models.PositiveIntegerField(_("version"), default=1)
    # The vendor's text if the line now differs from it, else NULL.
    original = models.TextField(_("vendor's words"), null=True, editable=False)  # noqa: DJ001 - "" is a text

    objects: ClassVar[UtteranceQuerySet] = UtteranceQuerySet.as_manager()  # type: ignore[assignment]

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


class Revision(models.Model):
    """One edit of a line. The vendor's own text is not a revision: the line itself keeps it."""

    utterance = models.ForeignKey(Utterance, on_delete=models.CASCADE, related_name="revisions")
    version = models.PositiveIntegerField(_("version"))
    text = models.TextField(_("text"))
    author = models.ForeignKey(
        Participant, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("by")
    )
    at = models.DateTimeField(_("at"), default=timezone.now)

    class Meta:
        verbose_name = _("revision")
        verbose_name_plural = _("revisions")
        constraints = [
            models.UniqueConstraint(fields=["utterance", "version"], name="revision_once_per_version")
        ]

    def __str__(self) -> str:
        return self.text[:80]
