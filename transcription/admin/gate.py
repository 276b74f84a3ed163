"""The gate's history."""

from django.contrib import admin

from transcription.admin.console import GateConsole
from transcription.admin.filters import VendorFilter
from transcription.models import GateEvent


@admin.register(GateEvent)
class GateEventAdmin(GateConsole):
    """The gate's history, with its state above."""

    list_display = [
        *("at", "vendor", "kind", "episode", "lane", "reason", "reopens_at", "note", "transcription", "user"),
    ]
    list_filter = ["kind", "reason", VendorFilter, "at"]
    list_select_related = ["transcription__recording", "user"]
    search_fields = ["note", "user__username"]
    date_hierarchy = "at"
    ordering = ["-at", "-id"]
