"""The place for a soft estimate in the line of a recording that is still on its way."""

from typing import Any

from django import template

from transcription.polling import estimate
from transcription.words.lines import Line

register = template.Library()


@register.inclusion_tag("meetings/_estimate.html")
def estimated(line: Line) -> dict[str, Any]:
    """What mico-estimate.js begins with; the socket's snapshots keep it up to date."""
    return dict(estimate.NOTHING if line.transcription is None else estimate.of(line.transcription))
