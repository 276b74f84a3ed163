"""The pages: the list of meetings, and a meeting with its recordings. `guards.py` checks access."""

import redis
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from transcription import languages
from transcription.lifecycle import workflow
from transcription.live.attendance import attendance_of
from transcription.models import Meeting, Recording
from transcription.people import meetings as rules
from transcription.people.seats import Seat
from transcription.sample import LANGUAGE as SAMPLE_LANGUAGE
from transcription.sample import load
from transcription.sound import intake, media, timeline
from transcription.sound.ranges import audio_response
from transcription.vendors import registry
from transcription.web.forms import LanguageForm, MeetingForm, UploadForm
from transcription.web.guards import SignedInRequest, attending, seat, signed_in
from transcription.web.people_views import people_of
from transcription.words import lines

MEETINGS_PER_PAGE = 30
# Most recordings that one request returns; the page asks again for the rest.
RECORDINGS_PER_FETCH = 100
# Longest `RECORDING.POSITION` in a URL, in characters: two database ids and the point.
LONGEST_PLACE = 39

# The meeting page's elements, one file each. They share modules and never import one another.
ELEMENTS = (
    "transcription/mico-transcript.js",
    "transcription/mico-search.js",
    "transcription/mico-editor.js",
    "transcription/mico-history.js",
    "transcription/mico-delay.js",
    "transcription/mico-service.js",
    "transcription/mico-recorder.js",
    "transcription/mico-outbox.js",
    "transcription/mico-uploader.js",
    "transcription/mico-player.js",
    "transcription/mico-speakers.js",
    "transcription/mico-people.js",
    "transcription/mico-ended.js",
    "transcription/mico-estimate.js",
    "realtime/mico-socket.js",  # last: the others must be listening when its first message arrives
)
EXPORTS = (
    ("txt", gettext_lazy("Text")),
    ("md", "Markdown"),
    ("docx", "Word"),
    ("srt", "SRT"),
    ("vtt", "WebVTT"),
    ("json", "JSON"),
)

# Speeds of the player, as strings: a localised decimal comma would break the value attributes.
RATES = ("0.75", "1", "1.25", "1.5", "1.75", "2")


def _meeting(request: HttpRequest, meeting_id: int) -> Meeting:
    return seat(request, meeting_id).meeting


def _recording(request: HttpRequest, meeting_id: int, recording_id: int) -> Recording:
    return get_object_or_404(Recording, pk=recording_id, meeting=_meeting(request, meeting_id))


# --- Meetings -------------------------------------------------------------------------------------


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def meetings(request: SignedInRequest) -> HttpResponse:
    """List the user's meetings, newest first; POST creates one."""
    form = MeetingForm(request.POST or None, used=rules.languages_used(request.user))
    if request.method == "POST" and form.is_valid():
        made = rules.create_meeting(request.user, form.cleaned_data["title"], form.cleaned_data["language"])
        return redirect("meeting", made.pk)
    mine = Meeting.objects.visible_to(request.user).select_related("owner").order_by("-created_at", "-pk")
    page = Paginator(mine, MEETINGS_PER_PAGE).get_page(request.GET.get("page"))
    status = 422 if form.errors else 200
    context = {"form": form, "page": page, "sample": not languages.problem(SAMPLE_LANGUAGE)}
    return render(request, "meetings/list.html", context, status=status)


@signed_in
@require_POST
def sample(request: SignedInRequest) -> HttpResponse:
    """Create the sample meeting, for an account that has none yet."""
    try:
        return redirect("meeting", load(request.user).pk)
    except intake.UploadRefused as refused:
        messages.error(request, str(refused.message))
        return redirect("meetings")


@attending
@require_safe
def meeting(request: HttpRequest, meeting_id: int) -> HttpResponse:
    """Show a meeting: the transport bar, the transcript and the side panel."""
    mine = seat(request, meeting_id)
    shown = mine.meeting
    asked = request.GET.get("at")
    at = _opens_at(shown) if asked is None else asked
    context = {
        "meeting": shown,
        "seat": mine,
        "at": at,
        "window": _window(shown, at),
        "participant": mine.participant,
        "now": timezone.now(),
        "language": languages.stated(shown.language),
        "language_problem": languages.problem(shown.language),
        "language_form": _language_form(mine),
        "me": mine.participant.name,
        "max_bytes": settings.MAX_UPLOAD_BYTES,
        "stretch_ms": registry.stretch_ms(),
        "elements": ELEMENTS,
        "exports": EXPORTS,
        "rates": RATES,
        **people_of(mine),
    }
    return render(request, "meetings/meeting.html", context)


def _language_form(mine: Seat) -> LanguageForm | None:
    """Return the form that changes the meeting's language, for its owner."""
    if not mine.is_owner:
        return None
    return LanguageForm(used=rules.languages_used(mine.meeting.owner), present=mine.meeting.language)


# --- Recordings -----------------------------------------------------------------------------------


def _wanted(request: HttpRequest) -> set[int]:
    """Return the recording ids of `?id=1&id=2`. Raises Http404 if one is not a number."""
    try:
        wanted = {int(value) for value in request.GET.getlist("id")[:RECORDINGS_PER_FETCH]}
    except ValueError:
        raise Http404 from None
    return {number for number in wanted if abs(number) < 2**63}  # no database has ids beyond this range


def _opens_at(shown: Meeting) -> str | None:
    """Return `latest` while somebody records, since people then follow what is said; else None: the beginning."""
    if shown.ended_at:
        return None
    try:
        return "latest" if attendance_of(shown.pk)["recording"] else None
    except redis.RedisError:
        return None  # Redis is away, so who records is unknown: the page shows everything else


def _window(shown: Meeting, at: str | None) -> lines.Window:
    """Return the window around the line at `RECORDING.POSITION`, the latest or the first one. Raises Http404."""
    if at is None:
        return lines.first(shown)
    if at == "latest":
        return lines.latest(shown)
    recording, _dot, position = at.partition(".")
    if not (at.isascii() and recording.isdecimal() and position.isdecimal() and len(at) <= LONGEST_PLACE):
        raise Http404
    window = lines.around(shown, int(recording), int(position))
    if window is None:
        raise Http404
    return window


def _key(text: str) -> lines.Key:
    try:
        return lines.Key.parse(text)
    except ValueError:
        raise Http404 from None


@attending
@require_safe
def transcript(request: HttpRequest, meeting_id: int) -> HttpResponse:
    """Return a window of lines, in the reader's language.

    `?at=RECORDING.POSITION` is the window around a line, `?at=latest` the last one; `?before=` and `?after=` take the
    key of a line.
    """
    mine = seat(request, meeting_id)
    shown = mine.meeting
    asked = request.GET
    if (key := asked.get("before")) is not None:
        window = lines.before(shown, _key(key))
    elif (key := asked.get("after")) is not None:
        window = lines.after(shown, _key(key))
    else:
        window = _window(shown, asked.get("at"))
    return render(request, "meetings/_window.html", {"meeting": shown, "seat": mine, "window": window})


@attending
@require_safe
def recordings(request: HttpRequest, meeting_id: int) -> HttpResponse:
    """Return the lines of several recordings (`?id=1&id=2`), in the reader's language."""
    mine = seat(request, meeting_id)
    return _fragment(request, lines.of_recordings(mine.meeting, _wanted(request)), mine)


@attending
@require_safe
def recording(request: HttpRequest, meeting_id: int, recording_id: int) -> HttpResponse:
    """Return the lines of one recording."""
    mine = seat(request, meeting_id)
    if recording_id > lines.MOST:
        raise Http404
    found = lines.of_recordings(mine.meeting, {recording_id})
    if not found.lines and not found.many:
        raise Http404
    return _fragment(request, found, mine)


def _fragment(request: HttpRequest, found: lines.Fragment, mine: Seat) -> HttpResponse:
    context = {"meeting": mine.meeting, "seat": mine, "lines": found.lines, "many": found.many}
    return render(request, "meetings/_lines.html", context)


@attending
@require_safe
def audio(request: HttpRequest, meeting_id: int, recording_id: int) -> HttpResponseBase:
    """Return the audio for the browser's player: the prepared file if there is one, else the original."""
    stored, content_type = media.file_of(_recording(request, meeting_id, recording_id))
    try:
        file = stored.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    return audio_response(
        request, file, size=file.size, content_type=content_type, etag=f'"{recording_id}-{file.size}"'
    )


@attending
@require_safe
def timeline_of(request: HttpRequest, meeting_id: int) -> HttpResponse:
    """Return where each recording lies in the meeting, for the player; with `?id=1&id=2`, only those recordings."""
    only = _wanted(request) if "id" in request.GET else None
    return JsonResponse({"recordings": timeline.stretches(_meeting(request, meeting_id), only)})


@attending
@require_safe
def words(request: HttpRequest, meeting_id: int, recording_id: int, first: int) -> HttpResponse:
    """Return the words of some lines with their times, keyed by the lines' positions."""
    return JsonResponse({"lines": timeline.words(_recording(request, meeting_id, recording_id), first)})


@attending
@require_POST
def upload(request: HttpRequest, meeting_id: int) -> HttpResponse:
    """Receive a file from a browser without JavaScript."""
    mine = seat(request, meeting_id)
    form = UploadForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            intake.receive(
                meeting=mine.meeting,
                participant=mine.participant,
                upload=form.cleaned_data["audio"],
                kind="upload",
            )
        except intake.UploadRefused as refused:
            messages.error(request, str(refused.message))
        else:
            messages.success(request, _("The file is here, and waits to be transcribed."))
    for problem in form.errors.get("audio", []):
        messages.error(request, str(problem))
    return redirect("meeting", meeting_id)


@attending
@require_POST
def retry(request: HttpRequest, meeting_id: int, recording_id: int) -> HttpResponse:
    """Retry a failed or cancelled recording."""
    workflow.retry(_recording(request, meeting_id, recording_id))
    return redirect("meeting", meeting_id)


@attending
@require_POST
def cancel(request: HttpRequest, meeting_id: int, recording_id: int) -> HttpResponse:
    """Cancel a recording that is not finished."""
    workflow.cancel(_recording(request, meeting_id, recording_id))
    return redirect("meeting", meeting_id)
