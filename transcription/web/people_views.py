"""The pages about a meeting's people (join by link, invite, rename, remove), and ending and deleting a meeting."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from transcription.lifecycle import deletion
from transcription.models import Participant
from transcription.people import joining
from transcription.people import meetings as rules
from transcription.people.seats import Seat, seat_in
from transcription.web.forms import InviteForm, LanguageForm, NameForm
from transcription.web.guards import attending, is_fetch, owners_seat, seat, visitor


def people_of(mine: Seat, form: InviteForm | None = None) -> dict[str, Any]:
    """Return the context of `_people.html`: those present, those who left but spoke, and the owner's join link."""
    everybody = list(rules.people(mine.meeting))
    token = joining.token_of(mine.meeting) if mine.is_owner else ""
    return {
        "meeting": mine.meeting,
        "mine": mine.participant,
        "people": [person for person in everybody if person.is_present],
        "gone": [person for person in everybody if not person.is_present],
        "is_owner": mine.is_owner,
        "invite_form": form or InviteForm(),
        "join_path": reverse("join", args=[token]) if token else "",
    }


def _shown(
    request: HttpRequest, mine: Seat, form: InviteForm | None = None, said: Form | None = None
) -> HttpResponse:
    """Answer a fetch with the list of people, and any other request with the meeting's page and the errors."""
    wrong = [
        str(problem)
        for given in (form, said)
        if given
        for field in given.errors.values()
        for problem in field
    ]
    if is_fetch(request):
        context = people_of(mine, form) | {"wrong": wrong if said else []}
        return render(request, "meetings/_people.html", context, status=422 if wrong else 200)
    for problem in wrong:
        messages.error(request, problem)
    return redirect("meeting", mine.meeting.pk)


@attending
@require_http_methods(["GET", "HEAD", "POST"])
def people(request: HttpRequest, meeting_id: int) -> HttpResponse:
    """GET: the list of people, as a fragment. POST: invite an account (the owner only)."""
    if request.method != "POST":
        return render(request, "meetings/_people.html", people_of(seat(request, meeting_id)))
    mine = owners_seat(request, meeting_id)
    form = InviteForm(request.POST)
    if form.is_valid():
        rules.invite(mine.meeting, form.cleaned_data["username"])
        return _shown(request, mine)
    return _shown(request, mine, form)


@attending
@require_POST
def rename(request: HttpRequest, meeting_id: int, participant_id: int) -> HttpResponse:
    """Rename a participant, present or not."""
    mine = owners_seat(request, meeting_id)
    person = get_object_or_404(Participant, pk=participant_id, meeting=mine.meeting)
    form = NameForm(request.POST)
    if form.is_valid():
        rules.rename(mine.meeting, person, form.cleaned_data["name"])
    return _shown(request, mine, said=form)


@attending
@require_POST
def remove(request: HttpRequest, meeting_id: int, participant_id: int) -> HttpResponse:
    """Remove a participant. The owner can remove anyone else; everyone else can remove only themselves."""
    mine = seat(request, meeting_id)
    leaving = get_object_or_404(Participant, pk=participant_id, meeting=mine.meeting)
    if not mine.is_owner and leaving.pk != mine.participant.pk:
        raise Http404
    try:
        rules.remove(mine.meeting, leaving)
    except rules.OwnerStays:
        raise Http404 from None
    if leaving.pk == mine.participant.pk:
        messages.success(request, _("You have left the meeting."))
        return redirect("meetings")
    return _shown(request, mine)


# --- The link -------------------------------------------------------------------------------------


@attending
@require_POST
def link(request: HttpRequest, meeting_id: int) -> HttpResponse:
    """Turn joining by link on (`link=on`) or off, or replace the link (`renew`)."""
    mine = owners_seat(request, meeting_id)
    action = request.POST.get("link")
    if action not in {"on", "off", "renew"}:
        raise Http404
    joining.allow(mine.meeting, allowed=action != "off", renew=action == "renew")
    return _shown(request, mine)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Join by link: ask a guest for a name and an account for a confirmation, then redirect to the meeting."""
    meeting = joining.meeting_of(token)
    if meeting is None:
        return _over(request)
    if seat_in(meeting.pk, visitor(request)) is not None:
        return redirect("meeting", meeting.pk)
    user = request.user if isinstance(request.user, User) else None
    form = NameForm(request.POST or None)
    full = False
    if request.method == "POST":
        try:
            if user is not None:
                joining.join_with_account(meeting, user)
                return redirect("meeting", meeting.pk)
            if form.is_valid():
                joining.join_as_guest(meeting, form.cleaned_data["name"], request.session)
                return redirect("meeting", meeting.pk)
        except joining.Full:
            full = True
        except joining.Over:
            return _over(request)
        except ValidationError as error:
            form.add_error("name", error)
    context = {"meeting": meeting, "form": form, "full": full}
    return render(request, "meetings/join.html", context, status=422 if full or form.errors else 200)


def _over(request: HttpRequest) -> HttpResponse:
    return render(request, "meetings/join_over.html", status=404)


# --- Its language ---------------------------------------------------------------------------------


@attending
@require_POST
def language(request: HttpRequest, meeting_id: int) -> HttpResponse:
    """Change the meeting's language (the owner only)."""
    mine = owners_seat(request, meeting_id)
    form = LanguageForm(request.POST)
    if form.is_valid():
        rules.set_language(mine.meeting, form.cleaned_data["language"])
    for said in form.errors.get("language", []):
        messages.error(request, str(said))
    return redirect("meeting", meeting_id)


# --- Its end --------------------------------------------------------------------------------------


@attending
@require_POST
def end(request: HttpRequest, meeting_id: int) -> HttpResponse:
    """End the meeting, so that it takes no new recordings."""
    mine = owners_seat(request, meeting_id)
    rules.end(mine.meeting)
    return HttpResponse(status=204) if is_fetch(request) else redirect("meeting", meeting_id)


@attending
@require_POST
def reopen(request: HttpRequest, meeting_id: int) -> HttpResponse:
    """Reopen an ended meeting."""
    mine = owners_seat(request, meeting_id)
    rules.reopen(mine.meeting)
    return HttpResponse(status=204) if is_fetch(request) else redirect("meeting", meeting_id)


@attending
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, meeting_id: int) -> HttpResponse:
    """GET: list what will be lost and ask for confirmation. POST: delete the meeting and its files."""
    mine = owners_seat(request, meeting_id)
    if request.method != "POST":
        return render(
            request, "meetings/delete.html", {"meeting": mine.meeting, **deletion.what_goes(mine.meeting)}
        )
    deletion.delete(mine.meeting)
    messages.success(request, _("The meeting and its recordings are deleted."))
    return redirect("meetings")
