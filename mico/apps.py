"""The project itself as an app: its templates' translations, and the checks of its settings."""

from django.apps import AppConfig
from django.core.checks import register

from mico.checks import check_settings


class MicoConfig(AppConfig):
    """Settings, accounts, and what runs the whole."""

    name = "mico"

    def ready(self) -> None:
        """Registers the checks. No query: processes are forked and started before there is a table."""
        register(check_settings)
