"""The admin of the gate's history."""

from django.contrib import admin

from transcription.admin.filters import VendorFilter
from transcription.admin.vendor import VendorConsole
from transcription.models import GateEvent


@admin.register(GateEvent)
class GateEventAdmin(VendorConsole):
    """The gate's history below its current state, and a page for each vendor (`vendor.py`)."""

    list_display = [
        *("at", "vendor", "kind", "episode", "lane", "reason", "reopens_at", "note", "transcription", "user"),
    ]
    list_filter = ["kind", "reason", VendorFilter, "at"]
    list_select_related = ["transcription__recording", "user"]
    search_fields = ["note", "user__username"]
    date_hierarchy = "at"
    ordering = ["-at", "-id"]
