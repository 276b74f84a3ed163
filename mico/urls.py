"""All URLs of Mico. `/healthz` and `/readyz` come before them (mico/health.py)."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from transcription.api import api

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("transcription.urls")),
    path("accounts/", include("mico.accounts.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/v1/", api.urls),
    path("admin/rq/", include("django_rq.urls")),
    path("admin/", admin.site.urls),
]
