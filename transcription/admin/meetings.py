"""The admin of meetings and their participants."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ChoiceField
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from transcription import languages
from transcription.admin.console import AnyForm, Console, ReadOnlyInline, link_to_list
from transcription.models import Meeting, Participant
from transcription.people import meetings
from transcription.vendors.registry import languages as able


class ParticipantInline(ReadOnlyInline):
    """The participants of a meeting."""

    model = Participant
    fields = ["name", "user", "joined_at", "removed_at"]
    readonly_fields = ["removed_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Participant]:
        return Participant.objects.select_related("user", "meeting")


class MeetingForm(AnyForm):
    """The languages that the vendor can do, and the meeting's own even if it is none of these."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "language" in self.fields:  # not on a read-only page
            codes = dict.fromkeys([self.instance.language, *able()])
            named = sorted(((code, languages.name(code)) for code in codes), key=lambda choice: choice[1])
            self.fields["language"] = ChoiceField(label=_("language"), choices=named)


@admin.register(Meeting)
class MeetingAdmin(Console):
    """Title and language can be corrected. Meetings are created on the site, not here."""

    form = MeetingForm
    list_display = ["title", "id", "spoken", "owner", "created_at"]
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
        """Return a link to the meeting's transcriptions."""
        return link_to_list("transcription", "meeting__id__exact", meeting.pk)

    @admin.display(description=_("language"), ordering="language")
    def spoken(self, meeting: Meeting) -> str:
        """Return the name of the meeting's language."""
        return languages.name(meeting.language)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_operate_permission(request)

    def save_model(self, request: HttpRequest, obj: Meeting, form: AnyForm, change: bool) -> None:
        """Save only the changed fields: the dispatcher writes to this row too."""
        obj.save(update_fields=form.changed_data)


@admin.register(Participant)
class ParticipantAdmin(Console):
    """Participants can be added and removed, by the rules of the meeting page."""

    list_display = ["meeting", "name", "user", "joined_at", "removed_at"]
    list_display_links = ["name"]
    list_select_related = ["meeting", "user"]
    search_fields = ["meeting__title", "name", "user__username"]
    ordering = ["-id"]
    fields = ["meeting", "user"]
    autocomplete_fields = ["meeting", "user"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("transcription.add_participant")

    def has_delete_permission(self, request: HttpRequest, obj: Participant | None = None) -> bool:
        """Return whether the user may remove a participant. The owner cannot be removed."""
        if obj is not None and obj.user_id == obj.meeting.owner_id:
            return False
        return request.user.has_perm("transcription.delete_participant")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Disable bulk deletion, which does not check for each participant whether they are the owner."""
        return {}

    def save_model(self, request: HttpRequest, obj: Participant, form: AnyForm, change: bool) -> None:
        """Invite through the rules of the meeting page, which publish the event."""
        obj.pk = meetings.invite(obj.meeting, form.cleaned_data["user"]).pk

    def delete_model(self, request: HttpRequest, obj: Participant) -> None:
        """Remove through the rules of the meeting page, which publish the event."""
        meetings.remove(obj.meeting, obj)
