"""The admin of recordings, transcriptions and lines."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from transcription.admin.console import Console, GateConsole, ReadOnlyInline, link_to_list
from transcription.admin.filters import ErrorFilter, PossibleDuplicateFilter, VendorFilter
from transcription.lifecycle import workflow
from transcription.models import Recording, Transcription, Utterance
from transcription.words import transcript

MOST_LINES_SHOWN = 200


class TranscriptionInline(ReadOnlyInline):
    """All transcriptions of a recording."""

    model = Transcription
    fields = ["status", "vendor", "possible_duplicate", "error_code", "created_at", "finished_at"]
    ordering = ["-id"]
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Transcription]:
        """Fetch the recordings too: `__str__` uses them."""
        return Transcription.objects.select_related("recording")


@admin.register(Recording)
class RecordingAdmin(Console):
    """Recordings. Read-only."""

    list_display = ["__str__", "id", "meeting", "person", "kind", "duration_ms", "size_bytes", "created_at"]
    list_filter = ["kind", "created_at"]
    list_select_related = ["meeting", "participant"]
    search_fields = [
        "id__exact",
        "name",
        "meeting__title",
        "participant__name",
        "participant__user__username",
    ]
    ordering = ["-id"]
    fields = [
        *("meeting", "person", "kind", "offset_ms", "duration_ms", "client_id", "created_at"),
        *("name", "format", "size_bytes", "file", "prepared_file", "prepared_at"),
    ]
    inlines = [TranscriptionInline]

    @admin.display(description=_("person"), ordering="participant__name")
    def person(self, recording: Recording) -> str | None:
        """Return the name of the participant who recorded or uploaded it."""
        return recording.participant.name if recording.participant else None

    @admin.display(description=_("audio"))
    def file(self, recording: Recording) -> str | None:
        """Return the file's path in the storage, without a link: only participants may listen."""
        return recording.audio.name

    @admin.display(description=_("prepared audio"))
    def prepared_file(self, recording: Recording) -> str | None:
        """Return the path of the audio prepared for the vendor."""
        return recording.prepared.name


@admin.register(Transcription)
class TranscriptionAdmin(GateConsole):
    """Transcriptions. Retry and Cancel go through the workflow, as on the meeting page."""

    list_display = [
        *("id", "recording", "meeting", "status", "vendor", "attempts", "possible_duplicate", "error_code"),
        *("next_action_at", "created_at"),
    ]
    list_filter = ["status", PossibleDuplicateFilter, ErrorFilter, VendorFilter, "is_current", "created_at"]
    list_select_related = ["recording", "meeting"]
    search_fields = ["id__exact", "recording__id__exact", "vendor_job_id", "meeting__title"]
    date_hierarchy = "created_at"
    ordering = ["-created_at", "-id"]
    actions = ["retry", "cancel"]
    fieldsets = [
        (None, {"fields": ["recording", "meeting", "language", "status", "status_since", "next_action_at"]}),
        (_("Outcome"), {"fields": ["error_code", "error_detail", "finished_at", "lines"]}),
        (_("Vendor"), {"fields": ["vendor", "vendor_job_id", "submitted_at", "possible_duplicate"]}),
        (_("Steps"), {"fields": ["attempts", "starts", "polls", "version", "is_current", "created_at"]}),
    ]

    @admin.display(description=_("transcript"))
    def lines(self, transcription: Transcription) -> SafeString:
        """Return the first lines, and a link to all of them."""
        said = transcript.utterances(
            transcription, transcription.utterances.with_names().defer("words")[:MOST_LINES_SHOWN]
        )
        text = "\n".join(f"{line.start_ms / 1000:.1f} s  {line.speaker}: {line.text}" for line in said)
        link = link_to_list("utterance", "transcription__id__exact", transcription.pk)
        return format_html("<pre>{}</pre>{}", text, link)

    @admin.action(description=_("Retry"), permissions=["operate"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Transcription]) -> None:
        """Retry the selected rows that failed or were cancelled."""

        def again(row: Transcription) -> bool:
            return workflow.retry(row.recording) is not None

        retried = self._each(request, queryset, again, _("Retried."))
        self._tell(
            request,
            retried,
            ngettext(
                "%(count)d was put back in the queue.", "%(count)d were put back in the queue.", retried
            ),
            _("Nothing was retried: only what failed or was cancelled can be."),
        )

    @admin.action(description=_("Cancel"), permissions=["operate"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Transcription]) -> None:
        """Cancel the selected rows that are not finished."""
        cancelled = self._each(request, queryset, lambda row: workflow.cancel(row.recording), _("Cancelled."))
        self._tell(
            request,
            cancelled,
            ngettext("%(count)d was cancelled.", "%(count)d were cancelled.", cancelled),
            _("Nothing was cancelled: all of it is finished."),
        )

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[Transcription],
        act: Callable[[Transcription], bool],
        note: Any,
    ) -> int:
        """Return how many rows `act` changed. A row that is not current is skipped: another row has replaced it."""
        done = 0
        for row in list(queryset.filter(is_current=True).select_related("recording")):
            if act(row):
                self.log_change(request, row, str(note))
                done += 1
        return done

    def _tell(self, request: HttpRequest, count: int, done: str, nothing: Any) -> None:
        if count:
            self.message_user(request, done % {"count": count}, messages.SUCCESS)
        else:
            self.message_user(request, nothing, messages.WARNING)


@admin.register(Utterance)
class UtteranceAdmin(Console):
    """The lines of the transcripts."""

    list_display = ["id", "transcription", "position", "start_ms", "duration_ms", "speaker", "text"]
    list_select_related = ["transcription__recording"]
    search_fields = ["text"]
    ordering = ["-id"]
