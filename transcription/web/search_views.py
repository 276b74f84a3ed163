"""The pages of the search: over all meetings of somebody, and inside one."""

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
    """`?q=` in all meetings of mine; with `&meeting=`, in one of them."""
    query = search.Query.parse(request.GET.get("q", ""))
    visible = Meeting.objects.visible_to(request.user)
    meeting = _number(request, "meeting")
    if meeting:
        visible = visible.filter(pk=meeting)
    page = min(max(1, _number(request, "page")), LAST_PAGE)
    # One more than are shown says whether there is another page.
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
    """The lines of a meeting in which `?q=` stands, for the page: [[recording, position], …], and its words."""
    meeting = seat(request, meeting_id).meeting
    query = search.Query.parse(request.GET.get("q", ""))
    found = [[key.recording, key.position] for key in search.in_meeting(meeting, query)]
    return JsonResponse({"lines": found, "words": query.words})


def _number(request: HttpRequest, name: str) -> int:
    """A number of the address; 0 for anything else."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
