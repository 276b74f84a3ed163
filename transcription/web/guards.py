"""Who may come in to a page. Whoever has no seat in a meeting gets 404: nobody learns that it exists.

The page's JavaScript marks its own requests with `X-Requested-With: fetch`: it gets fragments instead of
redirects, and 401 instead of the sign-in page.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase

from transcription.people.seats import Seat, Visitor, seat_in, visitor_of

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
    """Lets only people with an account in; sends the others, guests too, to sign in."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)  # type: ignore[arg-type]
        return _to_sign_in(request)

    return cast("Callable[Concatenate[HttpRequest, P], HttpResponseBase]", guarded)


def attending(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """For the pages of a meeting: guests too. Whether they may is asked there, of `seat`."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        return view(request, *args, **kwargs) if visitor(request).known else _to_sign_in(request)

    return cast("Callable[Concatenate[HttpRequest, P], HttpResponseBase]", guarded)


def visitor(request: HttpRequest) -> Visitor:
    """Who is asking."""
    return visitor_of(request.user, request.session)


def seat(request: HttpRequest, meeting_id: int) -> Seat:
    """Their seat in this meeting. Raises Http404."""
    found = seat_in(meeting_id, visitor(request))
    if found is None:
        raise Http404
    return found


def owners_seat(request: HttpRequest, meeting_id: int) -> Seat:
    """As `seat`, for what only the owner may do. Raises Http404."""
    found = seat(request, meeting_id)
    if not found.is_owner:
        raise Http404
    return found


def _to_sign_in(request: HttpRequest) -> HttpResponseBase:
    if is_fetch(request):
        return HttpResponse(status=401)
    return redirect_to_login(request.get_full_path())
