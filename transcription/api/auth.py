"""Who is calling: a bearer token, or the session of the page."""

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponseForbidden
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.translation import gettext_lazy as _
from ninja.errors import AuthenticationError
from ninja.security import APIKeyCookie, HttpBearer

from transcription import tokens
from transcription.api.errors import ApiError


class Bearer(HttpBearer):
    """`Authorization: Bearer …`. A token that is no good ends it: the session is not tried instead."""

    def authenticate(self, request: HttpRequest, token: str) -> User:
        """Raises AuthenticationError."""
        user = tokens.find(token)
        if user is None:
            raise AuthenticationError
        request.user = user
        return user


class Session(APIKeyCookie):
    """The session cookie, on unsafe methods together with the CSRF token."""

    param_name = settings.SESSION_COOKIE_NAME

    def __call__(self, request: HttpRequest) -> User | None:
        """The signed-in user; None: nobody. Raises ApiError (403).

        Ninja's own checks the CSRF token of people first who are not signed in at all: it answers 403 where
        401 is the truth, and reads a whole upload on the way.
        """
        if not isinstance(request.user, User):
            return None
        if _CsrfCheck.refuses(request):
            raise ApiError(
                403,
                "csrf",
                _("The CSRF token is missing or wrong: send it as X-CSRFToken, or reload the page."),
            )
        return request.user

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


def caller(request: HttpRequest) -> User:
    """Whom `Bearer` or `Session` found."""
    assert isinstance(request.user, User)  # noqa: S101 - every operation has one of the two
    return request.user
