"""Access checks for the pages. A person without a seat in a meeting gets 404, which does not reveal that it exists.

The page's JavaScript sends `X-Requested-With: fetch`. Such a request gets a fragment instead of a redirect, and 401
instead of the sign-in page.
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
    """A request of an account, as a view behind `signed_in` receives it."""

    user: User


def is_fetch(request: HttpRequest) -> bool:
    """Return whether the page's JavaScript sent the request, as opposed to a form or a link."""
    return request.headers.get("X-Requested-With") == "fetch"


def signed_in(
    view: Callable[Concatenate[SignedInRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Admit accounts only. Everyone else, guests included, is redirected to sign in."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)  # type: ignore[arg-type]
        return _to_sign_in(request)

    return cast("Callable[Concatenate[HttpRequest, P], HttpResponseBase]", guarded)


def attending(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Admit accounts and guests. The view itself calls `seat` to check access to the meeting."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        return view(request, *args, **kwargs) if visitor(request).known else _to_sign_in(request)

    return cast("Callable[Concatenate[HttpRequest, P], HttpResponseBase]", guarded)


def visitor(request: HttpRequest) -> Visitor:
    """Return the account and the guest keys behind the request."""
    return visitor_of(request.user, request.session)


def seat(request: HttpRequest, meeting_id: int) -> Seat:
    """Return the visitor's seat in the meeting. Raises Http404."""
    found = seat_in(meeting_id, visitor(request))
    if found is None:
        raise Http404
    return found


def owners_seat(request: HttpRequest, meeting_id: int) -> Seat:
    """Return the visitor's seat, as `seat` does, if they own the meeting. Raises Http404."""
    found = seat(request, meeting_id)
    if not found.is_owner:
        raise Http404
    return found


def _to_sign_in(request: HttpRequest) -> HttpResponseBase:
    if is_fetch(request):
        return HttpResponse(status=401)
    return redirect_to_login(request.get_full_path())
