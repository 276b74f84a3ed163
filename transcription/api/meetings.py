"""/meetings: create and list meetings, read one, download its transcript."""

from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from ninja import QueryEx, Router, Status
from ninja.params import P

from transcription import languages
from transcription.api.auth import GUESTS_TOO, caller, seat
from transcription.api.errors import ERRORS
from transcription.api.schemas import (
    ErrorOut,
    MeetingDetail,
    MeetingIn,
    MeetingOut,
    PersonOut,
    RecordingSummary,
    TimeZone,
    TranscriptOut,
)
from transcription.live.attendance import attendance_if_known
from transcription.models import Meeting, Transcription
from transcription.people.meetings import create_meeting, people
from transcription.service import standing
from transcription.words import export

router = Router(tags=["meetings"])

MOST_OFFSET = 2**31 - 1


@router.post("", response={201: MeetingOut, ERRORS: ErrorOut})
def create(request: HttpRequest, data: MeetingIn) -> Status[MeetingOut]:
    """Create a meeting. The caller becomes its owner and first participant."""
    meeting = create_meeting(caller(request), data.title, data.language or languages.usual())
    return Status(201, MeetingOut.of(meeting))


@router.get("", response={200: list[MeetingOut], ERRORS: ErrorOut})
def list_mine(
    request: HttpRequest,
    limit: QueryEx[int, P(ge=1, le=500)] = 100,
    offset: QueryEx[int, P(ge=0, le=MOST_OFFSET)] = 0,
) -> list[MeetingOut]:
    """List the caller's meetings, newest first, paginated by `limit` and `offset`."""
    mine = Meeting.objects.visible_to(caller(request)).select_related("owner").order_by("-created_at", "-pk")
    return [MeetingOut.of(meeting) for meeting in mine[offset : offset + limit]]


@router.get("/{int:meeting_id}", response={200: MeetingDetail, ERRORS: ErrorOut}, auth=GUESTS_TOO)
def detail(request: HttpRequest, meeting_id: int) -> MeetingDetail:
    """Return a meeting with its people and its recordings."""
    meeting = seat(request, meeting_id).meeting
    rows = list(
        Transcription.objects.current()
        .filter(meeting=meeting)
        .select_related("recording")
        .order_by("recording__offset_ms", "recording_id")
    )
    gates = standing.gate_states(rows)
    now = attendance_if_known(meeting.pk)
    present = [PersonOut.of(person, meeting, now) for person in people(meeting) if person.is_present]
    return MeetingDetail(
        **MeetingOut.of(meeting).model_dump(),
        state="open" if meeting.ended_at is None else "ended",
        ended_at=meeting.ended_at,
        version=meeting.version,
        participants=[person.username for person in present if person.username is not None],
        people=present,
        recordings=[RecordingSummary.of(row, gates) for row in rows],
    )


@router.get("/{int:meeting_id}/transcript", response={200: TranscriptOut, ERRORS: ErrorOut}, auth=GUESTS_TOO)
def download_transcript(  # noqa: PLR0917 - the parameters of the query
    request: HttpRequest,
    meeting_id: int,
    form: QueryEx[export.Format, P(alias="format")] = "json",
    times: bool = True,
    speakers: bool = True,
    zone: QueryEx[TimeZone | None, P(alias="timezone")] = None,
) -> HttpResponse:
    """Download the whole transcript in the order of speaking: JSON, text, Markdown, Word, SubRip or WebVTT.

    `timezone`, such as `Asia/Seoul`: in which the date of the meeting is written; without it, in the server's.
    `times=false` and `speakers=false` omit these from the formats for people; JSON always has both.
    """
    meeting = seat(request, meeting_id).meeting
    return HttpResponse(
        export.make(
            meeting,
            form,
            export.ExportOptions(times=times, speakers=speakers, zone=ZoneInfo(zone) if zone else None),
        ),
        content_type=export.CONTENT_TYPES[form],
        headers={"Content-Disposition": export.disposition(meeting, form)},
    )
