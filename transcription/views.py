"""The pages of people. Whoever is not in a meeting gets 404: nobody learns that it exists.

The page's JavaScript marks its own requests with `X-Requested-With: fetch`: it gets fragments instead of
redirects, and 401 instead of the sign-in page.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from transcription import intake, lines, workflow
from transcription import meetings as rules
from transcription.forms import SPEECH_LANGUAGES, InviteForm, MeetingForm, UploadForm
from transcription.media import CONTENT_TYPES
from transcription.models import Meeting, Participant, Recording
from transcription.ranges import audio_response
from transcription.sample import load

MEETINGS_PER_PAGE = 30
# Recordings that the page may ask for in one request; it asks again for the rest.
RECORDINGS_PER_FETCH = 100

# What browsers can play, by what audio.py calls it. Anything else is offered as bytes, never as a page.
PLAYABLE = CONTENT_TYPES | {
    "webm": "audio/webm",
    "ogg": "audio/ogg",
    "aac": "audio/aac",
    "mov": "audio/mp4",
    "3gp": "audio/3gpp",
}

# The meeting page's elements: one file each. They share modules, and never import one another.
ELEMENTS = (
    "transcription/mico-transcript.js",
    "transcription/mico-delay.js",
    "transcription/mico-service.js",
    "transcription/mico-recorder.js",
    "transcription/mico-uploader.js",
    "transcription/mico-player.js",
    "transcription/mico-people.js",
    "realtime/mico-socket.js",  # last: the others listen when its first message comes
)
EXPORTS = (("txt", gettext_lazy("Text")), ("srt", "SRT"), ("vtt", "WebVTT"), ("json", "JSON"))

P = ParamSpec("P")


class SignedInRequest(HttpRequest):
    """A request behind `signed_in`."""

    user: User


def is_fetch(request: HttpRequest) -> bool:
    """Whether the page's JavaScript asks, rather than somebody who follows a link."""
    return request.headers.get("X-Requested-With") == "fetch"


def signed_in(
    view: Callable[Concatenate[SignedInRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Lets only people in who are signed in; sends the others to do that."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)  # type: ignore[arg-type]
        if is_fetch(request):
            return HttpResponse(status=401)
        return redirect_to_login(request.get_full_path())

    return cast("Callable[Concatenate[HttpRequest, P], HttpResponseBase]", guarded)


def _meeting(request: SignedInRequest, meeting_id: int) -> Meeting:
    visible = Meeting.objects.visible_to(request.user).select_related("owner")
    return get_object_or_404(visible, pk=meeting_id)


def _recording(request: SignedInRequest, meeting_id: int, recording_id: int) -> Recording:
    visible = Meeting.objects.visible_to(request.user)
    return get_object_or_404(Recording, pk=recording_id, meeting__in=visible, meeting_id=meeting_id)


# --- Meetings -------------------------------------------------------------------------------------


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def meetings(request: SignedInRequest) -> HttpResponse:
    """My meetings, newest first, and a form for a new one."""
    form = MeetingForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = rules.create_meeting(request.user, form.cleaned_data["title"], form.cleaned_data["language"])
        return redirect("meeting", made.pk)
    mine = Meeting.objects.visible_to(request.user).select_related("owner").order_by("-created_at", "-pk")
    page = Paginator(mine, MEETINGS_PER_PAGE).get_page(request.GET.get("page"))
    status = 422 if form.errors else 200
    return render(request, "meetings/list.html", {"form": form, "page": page}, status=status)


@signed_in
@require_POST
def sample(request: SignedInRequest) -> HttpResponse:
    """Makes a meeting to look at, for somebody who has none."""
    return redirect("meeting", load(request.user).pk)


@signed_in
@require_safe
def meeting(request: SignedInRequest, meeting_id: int) -> HttpResponse:
    """The meeting: its transport bar, its transcript, its side panel."""
    shown = _meeting(request, meeting_id)
    rows = lines.of_meeting(shown)
    context = {
        "meeting": shown,
        "lines": rows,
        "now": timezone.now(),
        "language": dict(SPEECH_LANGUAGES).get(shown.language, shown.language),
        "me": request.user.get_full_name() or request.user.get_username(),
        "max_bytes": settings.MAX_UPLOAD_BYTES,
        "elements": ELEMENTS,
        "exports": EXPORTS,
        **_people(request, shown),
    }
    return render(request, "meetings/meeting.html", context)


# --- People ---------------------------------------------------------------------------------------


def _people(request: SignedInRequest, shown: Meeting, form: InviteForm | None = None) -> dict[str, Any]:
    return {
        "meeting": shown,
        "people": shown.participants.select_related("user").order_by("joined_at", "pk"),
        "is_owner": shown.owner_id == request.user.pk,
        "invite_form": form or InviteForm(),
    }


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def people(request: SignedInRequest, meeting_id: int) -> HttpResponse:
    """GET: the list of people, for the page. POST: invites somebody (the owner only)."""
    shown = _meeting(request, meeting_id)
    form = InviteForm(request.POST or None)
    if request.method == "POST":
        if shown.owner_id != request.user.pk:
            raise Http404
        if form.is_valid():
            rules.invite(shown, form.cleaned_data["username"])
            form = InviteForm()
        if not is_fetch(request):
            for problem in form.errors.get("username", []):
                messages.error(request, str(problem))
            return redirect("meeting", shown.pk)
    status = 422 if form.errors else 200
    return render(request, "meetings/_people.html", _people(request, shown, form), status=status)


@signed_in
@require_POST
def remove(request: SignedInRequest, meeting_id: int, participant_id: int) -> HttpResponse:
    """Takes somebody out of a meeting: the owner does, and everybody can leave by themselves."""
    shown = _meeting(request, meeting_id)
    leaving = get_object_or_404(Participant, pk=participant_id, meeting=shown)
    if request.user.pk not in {shown.owner_id, leaving.user_id}:
        raise Http404
    try:
        rules.remove(shown, leaving)
    except rules.OwnerStays:
        raise Http404 from None
    if leaving.user_id == request.user.pk:
        return redirect("meetings")
    if is_fetch(request):
        return render(request, "meetings/_people.html", _people(request, shown))
    return redirect("meeting", shown.pk)


# --- Recordings -----------------------------------------------------------------------------------


@signed_in
@require_safe
def recordings(request: SignedInRequest, meeting_id: int) -> HttpResponse:
    """The lines of some recordings (`?id=1&id=2`), in the reader's language."""
    shown = _meeting(request, meeting_id)
    try:
        wanted = {int(value) for value in request.GET.getlist("id")[:RECORDINGS_PER_FETCH]}
    except ValueError:
        raise Http404 from None
    wanted = {number for number in wanted if abs(number) < 2**63}  # no database has rows beyond
    rows = lines.of_meeting(shown, wanted)
    return render(request, "meetings/_lines.html", {"meeting": shown, "lines": rows})


@signed_in
@require_safe
def recording(request: SignedInRequest, meeting_id: int, recording_id: int) -> HttpResponse:
    """The lines of one recording."""
    shown = _meeting(request, meeting_id)
    rows = lines.of_meeting(shown, {recording_id})
    if not rows:
        raise Http404
    return render(request, "meetings/_lines.html", {"meeting": shown, "lines": rows})


@signed_in
@require_GET
def audio(request: SignedInRequest, meeting_id: int, recording_id: int) -> HttpResponseBase:
    """The sound as it came, for the browser's player."""
    found = _recording(request, meeting_id, recording_id)
    try:
        file = found.audio.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    return audio_response(
        request,
        file,
        size=found.size_bytes,
        content_type=PLAYABLE.get(found.format, "application/octet-stream"),
        etag=f'"{found.pk}-{found.size_bytes}"',
    )


@signed_in
@require_POST
def upload(request: SignedInRequest, meeting_id: int) -> HttpResponse:
    """The upload for browsers without JavaScript."""
    shown = _meeting(request, meeting_id)
    form = UploadForm(request.POST, request.FILES)
    if form.is_valid():
        participant = get_object_or_404(Participant, meeting=shown, user=request.user)
        try:
            intake.receive(
                meeting=shown, participant=participant, upload=form.cleaned_data["audio"], kind="upload"
            )
        except intake.Refused as refused:
            messages.error(request, str(refused.message))
        else:
            messages.success(request, _("The file is here, and waits to be transcribed."))
    for problem in form.errors.get("audio", []):
        messages.error(request, str(problem))
    return redirect("meeting", shown.pk)


@signed_in
@require_POST
def retry(request: SignedInRequest, meeting_id: int, recording_id: int) -> HttpResponse:
    """Has a failed or cancelled recording tried again."""
    workflow.retry(_recording(request, meeting_id, recording_id))
    return redirect("meeting", meeting_id)


@signed_in
@require_POST
def cancel(request: SignedInRequest, meeting_id: int, recording_id: int) -> HttpResponse:
    """Stops a recording that is still on its way."""
    workflow.cancel(_recording(request, meeting_id, recording_id))
    return redirect("meeting", meeting_id)
