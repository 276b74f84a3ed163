"""Meetings and their participants."""

from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class MeetingQuerySet(models.QuerySet["Meeting"]):
    """Meetings, filtered by access."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> "MeetingQuerySet":
        """Return the meetings that `user` owns or is present in; none for an anonymous user."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(participants__user=user.pk, participants__removed_at__isnull=True)


class Meeting(models.Model):
    """A meeting, which has participants and recordings."""

    title = models.CharField(_("title"), max_length=200)
    language = models.CharField(_("language"), max_length=10)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="owned_meetings",
        verbose_name=_("owner"),
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    # Of the version before, which ordered the meetings by it; turns.py does now. To be removed one release later.
    served_at = models.DateTimeField(null=True, blank=True, editable=False)
    # NULL: not ended. An ended meeting takes no new recordings (intake.py); it can be reopened.
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    # Grows with each change of the people or the state. Events carry it, and a page ignores older ones.
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    # The secret part of the join link (joining.py); "" if there never was a link.
    join_secret = models.CharField(max_length=64, blank=True, editable=False)
    join_open = models.BooleanField(_("can be joined by link"), default=False)

    objects: ClassVar[MeetingQuerySet] = MeetingQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("meeting")
        verbose_name_plural = _("meetings")
        indexes = [models.Index(fields=["-created_at", "-id"], name="meeting_newest")]

    def __str__(self) -> str:
        return self.title


class DeletedMeeting(models.Model):
    """A meeting that was deleted and whose files may not all be gone yet (lifecycle/deletion.py).

    Written in the transaction that deletes the meeting, so that the deletion of its files is finished whatever ends
    the process. The key is the meeting's id, which no other meeting ever gets.
    """

    meeting_id = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return str(self.meeting_id)


class ParticipantQuerySet(models.QuerySet["Participant"]):
    """Participants, filtered by presence in their meeting."""

    def present(self) -> "ParticipantQuerySet":
        """Return those who were not removed, and have an account or a guest's key."""
        return self.filter(
            Q(user__isnull=False) | Q(guest_key__isnull=False),
            removed_at__isnull=True,
        )


class Participant(models.Model):
    """A person in a meeting: the owner, another account, or a guest.

    The row stays after a removal or after the account is deleted, so that what they said keeps their name.
    """

    meeting = models.ForeignKey(Meeting, on_delete=models.CASCADE, related_name="participants")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="participations",
        verbose_name=_("person"),
    )
    # The name in this meeting only. It starts as the account's name; the owner of the meeting can change it.
    name = models.CharField(_("name"), max_length=150)
    # The key that a guest's session must hold (seats.py); NULL for an account.
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
        """Whether the person can still enter the meeting, by the rule of `ParticipantQuerySet.present`."""
        return self.removed_at is None and (self.user_id is not None or self.guest_key is not None)
