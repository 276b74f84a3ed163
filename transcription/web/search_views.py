"""The search pages: over all meetings of an account, and inside one meeting."""

from itertools import groupby

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from transcription.models import Meeting
from transcription.web.guards import SignedInRequest, attending, seat, signed_in
from transcription.words import search

HITS_PER_PAGE = 50
LAST_PAGE = 1000


@signed_in
@require_safe
def everywhere(request: SignedInRequest) -> HttpResponse:
    """Search all of the user's meetings for `?q=`, or one of them with `&meeting=`."""
    query = search.Query.parse(request.GET.get("q", ""))
    visible = Meeting.objects.visible_to(request.user)
    meeting = _number(request, "meeting")
    if meeting:
        visible = visible.filter(pk=meeting)
    page = min(max(1, _number(request, "page")), LAST_PAGE)
    # Fetch one hit more than a page shows, to learn whether there is a next page.
    hits = search.in_meetings(visible, query, (page - 1) * HITS_PER_PAGE, HITS_PER_PAGE + 1)
    context = {
        "q": " ".join(query.words),
        "meeting": meeting,
        "groups": [
            (shown, list(group)) for shown, group in groupby(hits[:HITS_PER_PAGE], lambda hit: hit.meeting)
        ],
        "page": page,
        "previous": page - 1,
        "next": page + 1 if len(hits) > HITS_PER_PAGE and page < LAST_PAGE else None,
    }
    return render(request, "meetings/search.html", context)


@attending
@require_safe
def inside(request: HttpRequest, meeting_id: int) -> JsonResponse:
    """Return the lines that match `?q=` as [[recording, position], …], and the words that were searched for."""
    meeting = seat(request, meeting_id).meeting
    query = search.Query.parse(request.GET.get("q", ""))
    found = [[key.recording, key.position] for key in search.in_meeting(meeting, query)]
    return JsonResponse({"lines": found, "words": query.words})


def _number(request: HttpRequest, name: str) -> int:
    """Return a query parameter as a number, or 0 if it is not one."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
