"""What every page of the console has in common."""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from transcription.service import standing

if TYPE_CHECKING:  # these classes take a type for mypy only
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
    AnyForm = ModelForm[Any]
else:
    ModelAdmin, TabularInline, AnyForm = admin.ModelAdmin, admin.TabularInline, ModelForm


class Console(ModelAdmin):
    """To be looked at, not added to, changed or deleted, unless a class says otherwise."""

    show_full_result_count = False  # counting a whole table takes a whole table
    list_per_page = 50
    actions: Any = []

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """For actions: who may change such rows where a form could do it."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")


class GateConsole(Console):
    """A list with the gates and who is alive above it."""

    change_list_template = "admin/transcription/with_gate.html"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list."""
        shown = {"standings": standing.standings(), "vendors": settings.STT_VENDORS}
        return super().changelist_view(request, {**shown, **(extra_context or {})})


class ReadOnlyInline(TabularInline):
    """Rows of another table, to be looked at."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False


def link_to_list(model: str, lookup: str, pk: int) -> SafeString:
    """To the rows of another table that belong to this one."""
    url = reverse(f"admin:transcription_{model}_changelist")
    return format_html('<a href="{}?{}={}">{}</a>', url, lookup, pk, _("Show all"))
