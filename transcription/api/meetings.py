"""/meetings: making them, listing them, and the transcript of one."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from ninja import QueryEx, Router, Status
from ninja.params import P

from transcription import stt, transcript
from transcription.api.auth import caller
from transcription.api.errors import ERRORS
from transcription.api.schemas import (
    ErrorOut,
    MeetingDetail,
    MeetingIn,
    MeetingOut,
    RecordingSummary,
    TranscriptOut,
)
from transcription.meetings import create_meeting
from transcription.models import Meeting, Transcription

router = Router(tags=["meetings"])

MOST_OFFSET = 2**31 - 1


def visible(request: HttpRequest, meeting_id: int) -> Meeting:
    """A meeting of the caller's, with its owner. Raises Http404, for one that exists too: ids are not news."""
    found = Meeting.objects.visible_to(caller(request)).select_related("owner").filter(pk=meeting_id).first()
    if found is None:
        raise Http404
    return found


@router.post("", response={201: MeetingOut, ERRORS: ErrorOut})
def create(request: HttpRequest, data: MeetingIn) -> Status[MeetingOut]:
    """Makes a meeting, with the caller as its owner and first participant."""
    meeting = create_meeting(caller(request), data.title, data.language or settings.STT_LANGUAGE)
    return Status(201, MeetingOut.of(meeting))


@router.get("", response={200: list[MeetingOut], ERRORS: ErrorOut})
def list_mine(
    request: HttpRequest,
    limit: QueryEx[int, P(ge=1, le=500)] = 100,
    offset: QueryEx[int, P(ge=0, le=MOST_OFFSET)] = 0,
) -> list[MeetingOut]:
    """The caller's meetings, newest first. `limit` and `offset` page through them."""
    mine = Meeting.objects.visible_to(caller(request)).select_related("owner").order_by("-created_at", "-pk")
    return [MeetingOut.of(meeting) for meeting in mine[offset : offset + limit]]


@router.get("/{int:meeting_id}", response={200: MeetingDetail, ERRORS: ErrorOut})
def detail(request: HttpRequest, meeting_id: int) -> MeetingDetail:
    """A meeting with its people and its recordings."""
    meeting = visible(request, meeting_id)
    rows = list(
        Transcription.objects.current()
        .filter(meeting=meeting)
        .select_related("recording")
        .order_by("recording__offset_ms", "recording_id")
    )
    gates = stt.gate_states(rows)
    people = meeting.participants.order_by("pk").values_list("user__username", flat=True)
    return MeetingDetail(
        **MeetingOut.of(meeting).model_dump(),
        participants=list(people),
        recordings=[RecordingSummary.of(row, gates) for row in rows],
    )


@router.get("/{int:meeting_id}/transcript", response={200: TranscriptOut, ERRORS: ErrorOut})
def download_transcript(
    request: HttpRequest,
    meeting_id: int,
    form: QueryEx[transcript.Format, P(alias="format")] = "json",
) -> HttpResponse:
    """All that was said, in the order of speaking, as a file: JSON, text, SubRip or WebVTT."""
    meeting = visible(request, meeting_id)
    content = transcript.render(meeting, transcript.lines(meeting), form)
    return HttpResponse(
        content,
        content_type=transcript.CONTENT_TYPES[form],
        headers={"Content-Disposition": transcript.disposition(meeting, form)},
    )
