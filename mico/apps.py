"""The project as an app, which gives its templates translations and registers the checks of the settings."""

from django.apps import AppConfig
from django.core.checks import register

from mico.checks import check_settings


class MicoConfig(AppConfig):
    """Settings, accounts, health checks and the launcher."""

    name = "mico"

    def ready(self) -> None:
        """Register the checks. Runs no query: this is called before the tables exist, and before processes fork."""
        register(check_settings)
