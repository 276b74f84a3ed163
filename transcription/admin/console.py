"""Base classes of the console's pages."""

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

if TYPE_CHECKING:  # only the stubs' classes are generic
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
    AnyForm = ModelForm[Any]
else:
    ModelAdmin, TabularInline, AnyForm = admin.ModelAdmin, admin.TabularInline, ModelForm


class Console(ModelAdmin):
    """A read-only table. Subclasses grant permissions one by one."""

    show_full_result_count = False  # counting needs a scan of the whole table
    list_per_page = 50
    actions: Any = []

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may run actions: those need the model's `change` permission."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")


class GateConsole(Console):
    """A list below a summary of the gates and the live processes."""

    change_list_template = "admin/transcription/with_gate.html"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        shown = {"standings": standing.standings(), "vendors": settings.STT_VENDORS}
        return super().changelist_view(request, {**shown, **(extra_context or {})})


class ReadOnlyInline(TabularInline):
    """Read-only rows of a related table."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def link_to_list(model: str, lookup: str, pk: int) -> SafeString:
    """Return a link to the rows of another table that belong to the object `pk`."""
    url = reverse(f"admin:transcription_{model}_changelist")
    return format_html('<a href="{}?{}={}">{}</a>', url, lookup, pk, _("Show all"))
