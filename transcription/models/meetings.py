"""A meeting, and who takes part in it."""

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
        return self.filter(participants__user=user.pk, participants__removed_at__isnull=True)


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
    # NULL: it goes on. An ended one takes no new recordings (intake.py) and can be taken up again.
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    # Grows with each change of its people or its state, and goes into the events: a page keeps the newest.
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    # The secret part of the link by which people join (joining.py); "": there never was one.
    join_secret = models.CharField(max_length=64, blank=True, editable=False)
    join_open = models.BooleanField(_("can be joined by link"), default=False)

    objects: ClassVar[MeetingQuerySet] = MeetingQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("meeting")
        verbose_name_plural = _("meetings")
        indexes = [models.Index(fields=["-created_at", "-id"], name="meeting_newest")]

    def __str__(self) -> str:
        return self.title


class ParticipantQuerySet(models.QuerySet["Participant"]):
    """Participants, by whether they may still come in."""

    def present(self) -> "ParticipantQuerySet":
        """Those who are in their meeting: not removed, and with an account or a guest's key."""
        return self.filter(
            Q(user__isnull=False) | Q(guest_key__isnull=False),
            removed_at__isnull=True,
        )


class Participant(models.Model):
    """A person of a meeting, with an account or as a guest. The owner is one too.

    The row stays when somebody is removed, or their account deleted: what they said keeps their name.
    """

    meeting = models.ForeignKey(Meeting, on_delete=models.CASCADE, related_name="participants")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="participations",
        verbose_name=_("person"),
    )
    # As shown in this meeting, and nowhere else: an account's own name when it came in, until the owner changes it.
    name = models.CharField(_("name"), max_length=150)
    # What a guest's session has to bring (seats.py). Whoever has an account needs none.
    guest_key = models.CharField(max_length=64, null=True, unique=True, editable=False)  # noqa: DJ001 - unique
    joined_at = models.DateTimeField(_("joined"), default=timezone.now)
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True, editable=False)

    objects: ClassVar[ParticipantQuerySet] = ParticipantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("participant")
        verbose_name_plural = _("participants")
        constraints = [
            models.UniqueConstraint(fields=["meeting", "user"], name="participant_once_per_meeting"),
            models.CheckConstraint(condition=~Q(name=""), name="participant_has_a_name"),
            models.CheckConstraint(
                condition=Q(guest_key__isnull=True) | Q(user__isnull=True, removed_at__isnull=True),
                name="participant_key_of_a_present_guest",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} · {self.meeting}"

    @property
    def is_present(self) -> bool:
        """Whether they may still come in: as `ParticipantQuerySet.present`."""
        return self.removed_at is None and (self.user_id is not None or self.guest_key is not None)
