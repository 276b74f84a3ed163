"""/stt: the state of each speech-to-text vendor."""

from django.conf import settings
from django.http import HttpRequest
from ninja import Router

from transcription.api.errors import ERRORS
from transcription.api.schemas import ErrorOut, SttOut
from transcription.service import standing
from transcription.vendors.registry import get_vendor

router = Router(tags=["stt"])


@router.get("/stt", response={200: list[SttOut], ERRORS: ErrorOut})
def standings(request: HttpRequest) -> list[dict[str, object]]:
    """Return, for each vendor, its languages, gate, waiting recordings, and the live workers and dispatchers."""
    return [{**now, "languages": _languages(now["vendor"])} for now in standing.standings()]


def _languages(vendor: str) -> tuple[str, ...]:
    """Return the languages of a vendor; none if it is not configured any more."""
    return get_vendor(vendor).languages if vendor in settings.STT_VENDORS else ()
