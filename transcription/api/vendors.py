"""/stt: how the way to each speech-to-text vendor stands."""

from django.http import HttpRequest
from ninja import Router

from transcription.api.errors import ERRORS
from transcription.api.schemas import ErrorOut, SttOut
from transcription.service import standing

router = Router(tags=["stt"])


@router.get("/stt", response={200: list[SttOut], ERRORS: ErrorOut})
def standings(request: HttpRequest) -> list[standing.Standing]:
    """One for each vendor: its gate, who waits behind it, and whether workers and a dispatcher are alive."""
    return standing.standings()
