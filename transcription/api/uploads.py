"""Resumable uploads: the tus protocol 1.0.0 with creation, expiration and termination (https://tus.io).

Any tus client works: POST creates an upload, PATCH appends to it, HEAD returns the offset to resume from.
"""

import base64
import binascii
import uuid
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import http_date
from django.utils.translation import gettext_lazy as _
from ninja import Router

from transcription.api.auth import GUESTS_TOO, seat, visitor
from transcription.api.errors import ERRORS, ApiError
from transcription.api.schemas import ErrorOut
from transcription.models import Upload
from transcription.people.seats import seats_of
from transcription.sound import uploads

router = Router(tags=["uploads"])

VERSION = "1.0.0"
PART = "application/offset+octet-stream"
ANSWERS = {204: None, ERRORS: ErrorOut}

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def _tus(view: View[P]) -> View[P]:
    """Require the `Tus-Resumable` header on the request, and add it to the response. Raises ApiError (412)."""

    @wraps(view)
    def speaking(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if request.headers.get("Tus-Resumable") != VERSION:
            raise ApiError(412, "tus_version", _("Send the header Tus-Resumable: 1.0.0."))
        response = view(request, *args, **kwargs)
        response["Tus-Resumable"] = VERSION
        return response

    return speaking


def _upload(request: HttpRequest, upload_id: uuid.UUID) -> Upload:
    """Return an upload of the caller's, if they are still in its meeting. Raises Http404."""
    found = (
        Upload.objects.select_related("meeting", "participant")
        .filter(pk=upload_id, participant__in=seats_of(visitor(request)))
        .first()
    )
    if found is None:
        raise Http404
    return found


def _standing(upload: Upload, status: int = 204) -> HttpResponse:
    response = HttpResponse(status=status)
    response["Upload-Offset"] = str(upload.received_bytes)
    response["Cache-Control"] = "no-store"
    if upload.recording_id is None:
        response["Upload-Expires"] = http_date(uploads.expires_at(upload).timestamp())
    else:
        response["Mico-Recording"] = str(upload.recording_id)
    return response


def _number(request: HttpRequest, header: str) -> int:
    """Return a header that holds a number of bytes. Raises ApiError (400)."""
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise ApiError(400, "bad_request", _("%(header)s is a number of bytes.") % {"header": header})
    return int(text)


def _metadata(request: HttpRequest) -> dict[str, str]:
    """Parse `Upload-Metadata`, which is "key base64,key base64". Raises ApiError (400)."""
    found: dict[str, str] = {}
    for pair in request.headers.get("Upload-Metadata", "").split(","):
        key, _space, value = pair.strip().partition(" ")
        if key:
            try:
                found[key] = base64.b64decode(value, validate=True).decode()
            except (binascii.Error, ValueError):
                raise ApiError(400, "bad_request", _("Upload-Metadata cannot be read.")) from None
    return found


@router.api_operation(["OPTIONS"], "/meetings/{int:meeting_id}/uploads", response=ANSWERS, auth=GUESTS_TOO)
def abilities(request: HttpRequest, meeting_id: int) -> HttpResponse:
    """Return the protocol version and extensions of this server, and the largest upload."""
    seat(request, meeting_id)
    response = HttpResponse(status=204)
    response["Tus-Resumable"] = response["Tus-Version"] = VERSION
    response["Tus-Extension"] = "creation,expiration,termination"
    response["Tus-Max-Size"] = str(settings.MAX_UPLOAD_BYTES)
    return response


@router.post("/meetings/{int:meeting_id}/uploads", response={201: None, ERRORS: ErrorOut}, auth=GUESTS_TOO)
@_tus
def begin(request: HttpRequest, meeting_id: int) -> HttpResponse:
    """Create an upload of `Upload-Length` bytes. `Location` is the URL that its parts are sent to.

    `Upload-Metadata` may contain `filename`, and `client_id`: a UUID of your own, as for recordings.
    """
    mine = seat(request, meeting_id)
    metadata = _metadata(request)
    try:
        client_id = uuid.UUID(metadata["client_id"]) if "client_id" in metadata else uuid.uuid4()
    except ValueError:
        raise ApiError(422, "invalid", _("client_id is not a UUID.")) from None
    upload = uploads.begin(
        mine.participant,
        client_id=client_id,
        name=metadata.get("filename", ""),
        size=_number(request, "Upload-Length"),
    )
    response = _standing(upload, 201)
    response["Location"] = request.build_absolute_uri(reverse("api-v1:upload", args=[upload.pk]))
    return response


@router.api_operation(
    ["HEAD"], "/uploads/{uuid:upload_id}", response=ANSWERS, url_name="upload", auth=GUESTS_TOO
)
@_tus
def standing(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Return the bytes received as `Upload-Offset`. For a complete upload `Mico-Recording` is the recording's id."""
    upload = _upload(request, upload_id)
    response = _standing(upload, 200)
    response["Upload-Length"] = str(upload.size_bytes)
    return response


@router.patch("/uploads/{uuid:upload_id}", response=ANSWERS, auth=GUESTS_TOO)
@_tus
def append(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Append a part that starts at `Upload-Offset`. The last part creates the recording: `Mico-Recording`."""
    upload = _upload(request, upload_id)
    if request.content_type != PART:
        raise ApiError(415, "unsupported_media_type", _("Send the part as application/offset+octet-stream."))
    try:
        uploads.append(upload, _number(request, "Upload-Offset"), request)
    except uploads.OffsetConflict:
        raise ApiError(409, "wrong_offset", _("This part does not begin where the upload stands.")) from None
    except uploads.Locked:
        raise ApiError(423, "locked", _("Another request adds to this upload just now.")) from None
    except uploads.Gone:
        raise ApiError(410, "gone", _("This upload was discarded. Begin again.")) from None
    return _standing(upload)


@router.delete("/uploads/{uuid:upload_id}", response=ANSWERS, auth=GUESTS_TOO)
@_tus
def discard(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Discard what was received. A recording that was made from the upload stays."""
    uploads.discard(_upload(request, upload_id))
    return HttpResponse(status=204)
