"""Who is calling: a bearer token, or the session of the page.

An operation is for accounts, unless it says that guests may call it too (`auth=GUESTS_TOO`): it then asks for a
`seats.Seat`, as the pages do.
"""

from django.conf import settings
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponseForbidden
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.translation import gettext_lazy as _
from ninja.errors import AuthenticationError
from ninja.security import APIKeyCookie, HttpBearer

from transcription.api.errors import ApiError
from transcription.people import tokens
from transcription.people.seats import Seat, Visitor, seat_in, visitor_of


class Bearer(HttpBearer):
    """`Authorization: Bearer …`. A token that is no good ends it: the session is not tried instead."""

    def authenticate(self, request: HttpRequest, token: str) -> Visitor:
        """Raises AuthenticationError."""
        user = tokens.find(token)
        if user is None:
            raise AuthenticationError
        request.user = user
        return Visitor(user)  # without what a session that came along may have


class Session(APIKeyCookie):
    """The session cookie, on unsafe methods together with the CSRF token."""

    param_name = settings.SESSION_COOKIE_NAME

    def __init__(self, *, guests: bool = False) -> None:
        super().__init__()
        self._guests = guests

    def __call__(self, request: HttpRequest) -> Visitor | None:
        """Who has this session; None: nobody who may call. Raises ApiError (403).

        Ninja's own checks the CSRF token of people first who are not signed in at all: it answers 403 where
        401 is the truth, and reads a whole upload on the way.
        """
        visitor = visitor_of(request.user, request.session)
        if visitor.user is None and not (self._guests and visitor.known):
            return None
        if _CsrfCheck.refuses(request):
            raise ApiError(
                403,
                "csrf",
                _("The CSRF token is missing or wrong: send it as X-CSRFToken, or reload the page."),
            )
        return visitor

    def authenticate(self, request: HttpRequest, key: str | None) -> User | None:
        """Not used: `__call__` is the whole of it."""
        raise NotImplementedError


class _CsrfCheck(CsrfViewMiddleware):
    """Django's own check, without the page that it would render."""

    @classmethod
    def refuses(cls, request: HttpRequest) -> bool:
        check = cls(lambda _request: HttpResponseForbidden())  # nothing follows it
        request.csrf_processing_done = False  # type: ignore[attr-defined]
        check.process_request(request)
        return check.process_view(request, HttpResponseForbidden, (), {}) is not None

    def _reject(self, _request: HttpRequest, _reason: str) -> HttpResponseForbidden:
        return HttpResponseForbidden()


GUESTS_TOO = (Bearer(), Session(guests=True))


def visitor(request: HttpRequest) -> Visitor:
    """Whom `Bearer` or `Session` found."""
    found = getattr(request, "auth", None)  # Ninja's
    assert isinstance(found, Visitor)  # noqa: S101 - every operation has one of the two
    return found


def caller(request: HttpRequest) -> User:
    """The account of who is calling, where no guest may."""
    user = visitor(request).user
    assert user is not None  # noqa: S101 - see `Session`
    return user


def seat(request: HttpRequest, meeting_id: int) -> Seat:
    """The caller's seat in a meeting. Raises Http404, for one that exists too: ids are not news."""
    found = seat_in(meeting_id, visitor(request))
    if found is None:
        raise Http404
    return found
