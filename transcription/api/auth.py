"""Authentication of API requests: a bearer token, or the session cookie of the pages.

An operation admits accounts only, unless it is declared with `auth=GUESTS_TOO`. Such an operation checks access with
`seat`, as the pages do.
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
    """Authenticate by `Authorization: Bearer …`. With an invalid token the session is not tried."""

    def authenticate(self, request: HttpRequest, token: str) -> Visitor:
        """Return the token's owner. Raises AuthenticationError."""
        user = tokens.find(token)
        if user is None:
            raise AuthenticationError
        request.user = user
        return Visitor(user)  # guest keys of a session that came along do not count


class Session(APIKeyCookie):
    """Authenticate by the session cookie. Unsafe methods also need the CSRF token."""

    param_name = settings.SESSION_COOKIE_NAME

    def __init__(self, *, guests: bool = False) -> None:
        super().__init__()
        self._guests = guests

    def __call__(self, request: HttpRequest) -> Visitor | None:
        """Return the session's visitor, or None if they may not call. Raises ApiError (403) for a bad CSRF token.

        Ninja's own implementation checks the CSRF token before it knows whether anyone is signed in: it would
        answer 403 instead of 401, and read a whole upload to find the token.
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
        """Unused: `__call__` replaces the method that would call it."""
        raise NotImplementedError


class _CsrfCheck(CsrfViewMiddleware):
    """Django's CSRF check, without the error page."""

    @classmethod
    def refuses(cls, request: HttpRequest) -> bool:
        check = cls(lambda _request: HttpResponseForbidden())  # no next handler is ever called
        request.csrf_processing_done = False  # type: ignore[attr-defined]
        check.process_request(request)
        return check.process_view(request, HttpResponseForbidden, (), {}) is not None

    def _reject(self, _request: HttpRequest, _reason: str) -> HttpResponseForbidden:
        return HttpResponseForbidden()


GUESTS_TOO = (Bearer(), Session(guests=True))


def visitor(request: HttpRequest) -> Visitor:
    """Return the visitor found by `Bearer` or `Session`. Raises AuthenticationError."""
    found = getattr(request, "auth", None)  # Ninja stores it there
    if not isinstance(found, Visitor):
        raise AuthenticationError  # the operation was declared without `Bearer` and `Session`
    return found


def caller(request: HttpRequest) -> User:
    """Return the caller's account, in an operation that admits accounts only. Raises AuthenticationError."""
    user = visitor(request).user
    if user is None:
        raise AuthenticationError  # the operation was declared with `GUESTS_TOO`
    return user


def seat(request: HttpRequest, meeting_id: int) -> Seat:
    """Return the caller's seat in a meeting. Raises Http404 without one, whether or not the meeting exists."""
    found = seat_in(meeting_id, visitor(request))
    if found is None:
        raise Http404
    return found
