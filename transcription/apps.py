"""Configuration of the transcription app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TranscriptionConfig(AppConfig):
    """Meetings, recordings and the way from sound to text."""

    name = "transcription"
    verbose_name = _("Transcription")
