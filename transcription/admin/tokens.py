"""The API's tokens."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from transcription.admin.console import Console
from transcription.models import ApiToken


@admin.register(ApiToken)
class ApiTokenAdmin(Console):
    """Revoked by deleting them; made with `manage.py apitoken`, which shows them once."""

    list_display = ["user", "begins", "created_at", "last_used_at"]
    list_filter = ["last_used_at"]
    list_select_related = ["user"]
    search_fields = ["user__username"]
    ordering = ["-id"]
    fields = ["user", "begins", "created_at", "last_used_at"]

    @admin.display(description=_("hash"))
    def begins(self, token: ApiToken) -> str:
        """Enough to tell one from another."""
        return token.key_hash[:8]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who has the permission."""
        return request.user.has_perm("transcription.delete_apitoken")
