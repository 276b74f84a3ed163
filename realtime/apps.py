"""The realtime app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RealtimeConfig(AppConfig):
    """The socket that tells a meeting's page what has changed."""

    name = "realtime"
    verbose_name = _("Realtime")
