"""The admin of the API's tokens."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from transcription.admin.console import Console
from transcription.models import ApiToken


@admin.register(ApiToken)
class ApiTokenAdmin(Console):
    """The API's tokens. Deleting one revokes it. Only `manage.py apitoken` creates tokens and shows them."""

    list_display = ["user", "begins", "created_at", "last_used_at"]
    list_filter = ["last_used_at"]
    list_select_related = ["user"]
    search_fields = ["user__username"]
    ordering = ["-id"]
    fields = ["user", "begins", "created_at", "last_used_at"]

    @admin.display(description=_("hash"))
    def begins(self, token: ApiToken) -> str:
        """Return the start of the token's hash, enough to tell tokens apart."""
        return token.key_hash[:8]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("transcription.delete_apitoken")
