"""The admin's list filters whose choices are known without asking a large table what is in it."""

from typing import Any

from django.conf import settings
from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from transcription.reasons import CODES


class VendorFilter(SimpleListFilter):
    """By vendor, of those that are in the settings."""

    title = _("vendor")
    parameter_name = "vendor"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, str]]:
        """Their names."""
        return [(name, name) for name in settings.STT_VENDORS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Rows of that vendor."""
        return queryset.filter(vendor=self.value()) if self.value() else queryset


class ErrorFilter(SimpleListFilter):
    """By the reason of a failure."""

    title = _("error")
    parameter_name = "error_code"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, str]]:
        """Every reason that there is a sentence for."""
        return [(code, code) for code in sorted(CODES)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Rows that failed for it."""
        return queryset.filter(error_code=self.value()) if self.value() else queryset


class PossibleDuplicateFilter(SimpleListFilter):
    """Whether an audio was sent again after an answer was lost, and so may have been paid for twice."""

    title = _("possible duplicate")
    parameter_name = "possible_duplicate"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, Any]]:
        """Yes or no."""
        return [("yes", _("Yes")), ("no", _("No"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Rows with or without."""
        match self.value():
            case "yes":
                return queryset.filter(possible_duplicate__gt=0)
            case "no":
                return queryset.filter(possible_duplicate=0)
        return queryset
