"""Recordings: handing one in, looking how it does, trying again, giving up."""

from typing import Literal
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest
from django.utils.translation import gettext_lazy as _
from ninja import File, Form, FormEx, Router, Status, UploadedFile
from ninja.params import P

from transcription import intake, stt, workflow
from transcription.api.auth import caller
from transcription.api.errors import ERRORS, ApiError
from transcription.api.schemas import ErrorOut, RecordingOut
from transcription.models import Meeting, Participant, Transcription

router = Router(tags=["recordings"])


def current(request: HttpRequest, recording_id: int) -> Transcription:
    """What people see of a recording of the caller's, fetched with all that is shown. Raises Http404."""
    # Correlated, and not "in": the cost of a look is not to grow with the meetings that somebody has.
    mine = Meeting.objects.visible_to(caller(request)).filter(pk=OuterRef("meeting"))
    row = (
        Transcription.objects.current()
        .filter(Exists(mine), recording=recording_id)
        .select_related("recording__participant__user")
        .first()
    )
    if row is None:
        raise Http404
    return row


def answer(request: HttpRequest, recording_id: int) -> RecordingOut:
    """A recording of the caller's as it is now. Raises Http404."""
    row = current(request, recording_id)
    return RecordingOut.of(row, stt.gate_states([row]))


@router.post(
    "/meetings/{int:meeting_id}/recordings",
    response={200: RecordingOut, 201: RecordingOut, ERRORS: ErrorOut},
)
def hand_in(  # noqa: PLR0917 - Ninja calls it by names
    request: HttpRequest,
    meeting_id: int,
    audio: File[UploadedFile],
    client_id: Form[UUID | None] = None,
    offset_ms: FormEx[int | None, P(ge=0, le=intake.LATEST_OFFSET_MS)] = None,
    kind: Form[Literal["live", "upload"]] = "upload",
) -> Status[RecordingOut]:
    """Keeps the audio and schedules its transcription.

    With a `client_id` it is safe to send again: a known one answers 200 with the recording that is there.
    `offset_ms` is where it begins in the meeting; without it a live recording ends now, and an upload begins
    after all the others.
    """
    participant = (
        Participant.objects.select_related("meeting").filter(meeting=meeting_id, user=caller(request)).first()
    )
    if participant is None:
        raise Http404
    recording, created = intake.receive(
        meeting=participant.meeting,
        participant=participant,
        upload=audio,
        kind=kind,
        client_id=client_id,
        offset_ms=offset_ms,
    )
    return Status(201 if created else 200, answer(request, recording.pk))


@router.get("/recordings/{int:recording_id}", response={200: RecordingOut, ERRORS: ErrorOut})
def detail(request: HttpRequest, recording_id: int) -> RecordingOut:
    """A recording, what became of it, and its words."""
    return answer(request, recording_id)


@router.post("/recordings/{int:recording_id}/retry", response={200: RecordingOut, ERRORS: ErrorOut})
def retry(request: HttpRequest, recording_id: int) -> RecordingOut:
    """Tries again what failed or was cancelled, with the same audio. 409: there is nothing to try again."""
    if workflow.retry(current(request, recording_id).recording) is None:
        raise ApiError(409, "nothing_to_retry", _("Only what failed or was cancelled can be tried again."))
    return answer(request, recording_id)


@router.post("/recordings/{int:recording_id}/cancel", response={200: RecordingOut, ERRORS: ErrorOut})
def cancel(request: HttpRequest, recording_id: int) -> RecordingOut:
    """Gives up a recording that is still on its way. 409: it is not any more."""
    if not workflow.cancel(current(request, recording_id).recording):
        raise ApiError(409, "nothing_to_cancel", _("This recording is finished: there is nothing to cancel."))
    return answer(request, recording_id)
