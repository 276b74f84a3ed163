"""/stt: the state of each speech-to-text vendor."""

from django.http import HttpRequest
from ninja import Router

from transcription.api.errors import ERRORS
from transcription.api.schemas import ErrorOut, SttOut
from transcription.service import standing

router = Router(tags=["stt"])


@router.get("/stt", response={200: list[SttOut], ERRORS: ErrorOut})
def standings(request: HttpRequest) -> list[standing.Standing]:
    """Return, for each vendor, its gate, the waiting recordings, and the live workers and dispatchers."""
    return standing.standings()
