"""The realtime app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RealtimeConfig(AppConfig):
    """The WebSockets of the meeting page and of the vendor console."""

    name = "realtime"
    verbose_name = _("Realtime")
