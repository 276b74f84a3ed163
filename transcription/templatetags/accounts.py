"""The accounts at vendors that an administrator has to see to, for the banner in the admin."""

from django import template
from django.conf import settings

from transcription.gate import GateState
from transcription.service import standing
from transcription.service.reports import ALERTS

register = template.Library()


@register.simple_tag
def accounts_in_trouble() -> list[GateState]:
    """Return the gates that wait for an administrator: a used-up quota, refused credentials. Reads each gate once."""
    states = [standing.gate_state(vendor) for vendor in settings.STT_VENDORS]
    return [state for state in states if state is not None and state.reason in ALERTS]
