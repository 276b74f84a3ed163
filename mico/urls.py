"""All URLs of Mico. `/healthz` and `/readyz` come before them (mico/health.py)."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path
from django.utils.functional import lazy
from django.views.generic import RedirectView

from transcription.api import api

# Lazy, because the manifest may be written after this module is imported.
static_lazy = lazy(static, str)

handler500 = "mico.errors.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("transcription.web.urls")),
    path("accounts/", include("mico.accounts.urls")),
    # Browsers request it on every page that names no icon of its own, such as the admin's.
    path("favicon.ico", RedirectView.as_view(url=static_lazy("transcription/icon.svg"))),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/v1/", api.urls),
    path("admin/rq/", include("django_rq.urls")),
    path("admin/", admin.site.urls),
]
