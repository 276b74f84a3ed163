"""List filters with fixed choices, which need no query on a large table."""

from typing import Any

from django.conf import settings
from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from transcription.reasons import CODES


class VendorFilter(SimpleListFilter):
    """Filter by one of the configured vendors."""

    title = _("vendor")
    parameter_name = "vendor"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, str]]:
        return [(name, name) for name in settings.STT_VENDORS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(vendor=self.value()) if self.value() else queryset


class ErrorFilter(SimpleListFilter):
    """Filter by the reason of a failure."""

    title = _("error")
    parameter_name = "error_code"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, str]]:
        """Return every reason that has an explanation."""
        return [(code, code) for code in sorted(CODES)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(error_code=self.value()) if self.value() else queryset


class PossibleDuplicateFilter(SimpleListFilter):
    """Filter by whether audio was sent again after a lost answer, and so may have been paid for twice."""

    title = _("possible duplicate")
    parameter_name = "possible_duplicate"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, Any]]:
        return [("yes", _("Yes")), ("no", _("No"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "yes":
                return queryset.filter(possible_duplicate__gt=0)
            case "no":
                return queryset.filter(possible_duplicate=0)
        return queryset
