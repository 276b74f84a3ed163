"""Recordings: submit one, read its state and lines, retry or cancel it, name its speakers."""

from typing import Literal
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest
from django.utils.translation import gettext_lazy as _
from ninja import File, Form, FormEx, Header, Router, Status, UploadedFile
from ninja.params import P

from transcription.api.auth import GUESTS_TOO, seat, visitor
from transcription.api.errors import ERRORS, ApiError
from transcription.api.schemas import ErrorOut, RecordingOut, SpeakerIn
from transcription.lifecycle import workflow
from transcription.models import Transcription
from transcription.people.seats import seats_of
from transcription.service import standing
from transcription.sound import intake
from transcription.words import speakers

router = Router(tags=["recordings"])


def current(request: HttpRequest, recording_id: int) -> Transcription:
    """Return the current transcription of a recording in one of the caller's meetings. Raises Http404."""
    # EXISTS rather than IN: the cost must not grow with the number of the caller's meetings.
    mine = seats_of(visitor(request)).filter(meeting=OuterRef("meeting"))
    row = (
        Transcription.objects.current()
        .filter(Exists(mine), recording=recording_id)
        .select_related("recording__participant")
        .first()
    )
    if row is None:
        raise Http404
    return row


def answer(request: HttpRequest, recording_id: int) -> RecordingOut:
    """Return a recording of the caller's meetings as it is now. Raises Http404."""
    row = current(request, recording_id)
    return RecordingOut.of(row, standing.gate_states([row]))


@router.post(
    "/meetings/{int:meeting_id}/recordings",
    response={200: RecordingOut, 201: RecordingOut, ERRORS: ErrorOut},
    auth=GUESTS_TOO,
)
def hand_in(  # noqa: PLR0917 - Ninja calls it with keywords
    request: HttpRequest,
    meeting_id: int,
    audio: File[UploadedFile],
    client_id: Form[UUID | None] = None,
    offset_ms: FormEx[int | None, P(ge=0, le=intake.LATEST_OFFSET_MS)] = None,
    kind: Form[Literal["live", "upload"]] = "upload",
    goes_on: Form[bool] = False,
    x_mico_participant: Header[int | None] = None,
) -> Status[RecordingOut]:
    """Store the audio and schedule its transcription.

    `client_id` is an idempotency key: a known one answers 200 with the existing recording. `offset_ms` is the start
    in the meeting; without it a live recording ends now, and an upload starts after all others. `goes_on`: a live
    recording was cut while the person spoke on, and the next one, which will come, begins where it ends.
    `X-Mico-Participant` is the participant who spoke. If somebody else is signed in by now the answer is 403, so
    that audio that waited in a browser is not attributed to them.
    """
    mine = seat(request, meeting_id)
    if x_mico_participant not in {None, mine.participant.pk}:
        raise ApiError(
            403, "other_user", _("Somebody else is signed in now. Sign in again as the one who spoke.")
        )
    recording, created = intake.receive(
        meeting=mine.meeting,
        participant=mine.participant,
        upload=audio,
        kind=kind,
        client_id=client_id,
        offset_ms=offset_ms,
        goes_on=goes_on,
    )
    return Status(201 if created else 200, answer(request, recording.pk))


@router.get("/recordings/{int:recording_id}", response={200: RecordingOut, ERRORS: ErrorOut}, auth=GUESTS_TOO)
def detail(request: HttpRequest, recording_id: int) -> RecordingOut:
    """Return a recording with its state and its lines."""
    return answer(request, recording_id)


@router.post(
    "/recordings/{int:recording_id}/retry", response={200: RecordingOut, ERRORS: ErrorOut}, auth=GUESTS_TOO
)
def retry(request: HttpRequest, recording_id: int) -> RecordingOut:
    """Retry a failed or cancelled recording with the same audio. 409: it is neither."""
    if workflow.retry(current(request, recording_id).recording) is None:
        raise ApiError(409, "nothing_to_retry", _("Only what failed or was cancelled can be tried again."))
    return answer(request, recording_id)


@router.post(
    "/recordings/{int:recording_id}/cancel", response={200: RecordingOut, ERRORS: ErrorOut}, auth=GUESTS_TOO
)
def cancel(request: HttpRequest, recording_id: int) -> RecordingOut:
    """Cancel a recording that is not finished. 409: it is finished."""
    if not workflow.cancel(current(request, recording_id).recording):
        raise ApiError(409, "nothing_to_cancel", _("This recording is finished: there is nothing to cancel."))
    return answer(request, recording_id)


@router.post(
    "/recordings/{int:recording_id}/speakers", response={200: RecordingOut, ERRORS: ErrorOut}, auth=GUESTS_TOO
)
def name_speaker(request: HttpRequest, recording_id: int, data: SpeakerIn) -> RecordingOut:
    """Name a speaker of a file, for the whole recording. 409: the recording has no speaker with this label."""
    try:
        speakers.name_speaker(current(request, recording_id).recording, data.label, data.name)
    except speakers.NotHeard:
        raise ApiError(409, "not_heard", _("Nobody is heard under this label in this file.")) from None
    return answer(request, recording_id)
