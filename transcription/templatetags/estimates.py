"""The estimate shown in the line of a recording that is not finished."""

from typing import Any

from django import template

from transcription.polling import estimate
from transcription.words.lines import Line

register = template.Library()


@register.inclusion_tag("meetings/_estimate.html")
def estimated(line: Line) -> dict[str, Any]:
    """Return the initial state of `mico-estimate.js`; the socket's snapshots keep it up to date."""
    return dict(estimate.NOTHING if line.transcription is None else estimate.of(line.transcription))
