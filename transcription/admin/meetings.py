"""Meetings and their people."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from transcription.admin.console import AnyForm, Console, ReadOnlyInline, link_to_list
from transcription.models import Meeting, Participant
from transcription.people import meetings


class ParticipantInline(ReadOnlyInline):
    """The people of a meeting."""

    model = Participant
    fields = ["name", "user", "joined_at", "removed_at"]
    readonly_fields = ["removed_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Participant]:
        """With what their names are made of."""
        return Participant.objects.select_related("user", "meeting")


@admin.register(Meeting)
class MeetingAdmin(Console):
    """Title and language can be put right. Meetings are made on their page."""

    list_display = ["title", "id", "language", "owner", "created_at"]
    list_filter = ["language", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["title", "owner__username"]
    date_hierarchy = "created_at"
    ordering = ["-created_at", "-id"]
    fields = ["title", "language", "owner", "created_at", "ended_at", "work"]
    readonly_fields = ["owner", "created_at", "ended_at", "work"]
    inlines = [ParticipantInline]

    @admin.display(description=_("transcriptions"))
    def work(self, meeting: Meeting) -> SafeString:
        """A link to them."""
        return link_to_list("transcription", "meeting__id__exact", meeting.pk)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who has the permission."""
        return self.has_operate_permission(request)

    def save_model(self, request: HttpRequest, obj: Meeting, form: AnyForm, change: bool) -> None:
        """Only what was changed: the dispatcher writes to this row too."""
        obj.save(update_fields=form.changed_data)


@admin.register(Participant)
class ParticipantAdmin(Console):
    """People can be brought into a meeting and taken out, by the rules of the meeting's page."""

    list_display = ["meeting", "name", "user", "joined_at", "removed_at"]
    list_display_links = ["name"]
    list_select_related = ["meeting", "user"]
    search_fields = ["meeting__title", "name", "user__username"]
    ordering = ["-id"]
    fields = ["meeting", "user"]
    autocomplete_fields = ["meeting", "user"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Who has the permission."""
        return request.user.has_perm("transcription.add_participant")

    def has_delete_permission(self, request: HttpRequest, obj: Participant | None = None) -> bool:
        """Who has the permission; the owner stays in their meeting."""
        if obj is not None and obj.user_id == obj.meeting.owner_id:
            return False
        return request.user.has_perm("transcription.delete_participant")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """One at a time: deleting in bulk would not ask for each whether it is the owner."""
        return {}

    def save_model(self, request: HttpRequest, obj: Participant, form: AnyForm, change: bool) -> None:
        """Tells the meeting."""
        obj.pk = meetings.invite(obj.meeting, form.cleaned_data["user"]).pk

    def delete_model(self, request: HttpRequest, obj: Participant) -> None:
        """Tells the meeting."""
        meetings.remove(obj.meeting, obj)
