"""What the lines of a transcript ask about their reader."""

from django import template

from transcription.models import Recording
from transcription.people.seats import Seat
from transcription.words import editing

register = template.Library()


@register.filter
def may_edit(seat: Seat, recording: Recording) -> bool:
    """Return whether the holder of `seat` may edit the lines of `recording`; `editing` decides."""
    return editing.may_edit(seat, recording)
