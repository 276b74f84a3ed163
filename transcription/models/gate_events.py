"""The history of the gate."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from transcription.models.transcriptions import Transcription


class GateEvent(models.Model):
    """A change of the gate. The process whose report caused the change writes the row (service/history.py)."""

    class Kind(models.TextChoices):
        """The kinds of change."""

        CLOSED = "closed", _("closed")
        MOVED = "moved", _("next try moved")
        OPENED = "opened", _("opened")

    vendor = models.CharField(_("vendor"), max_length=30)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    episode = models.BigIntegerField(_("episode"))
    # The gate's version with this change, by which the events are in order. NULL in rows of earlier versions of Mico.
    version = models.BigIntegerField(_("version"), null=True, blank=True, editable=False)
    # The pool of the account whose lane changed; "" is the account.
    pool = models.CharField(_("pool"), max_length=60, blank=True, default="", db_default="")
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
        indexes = [
            models.Index(fields=["vendor", "-at"], name="gate_event_newest"),
            models.Index(fields=["vendor", "-version"], name="gate_event_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.vendor} {self.get_kind_display()} ({self.episode})"
