"""The shape of every API error: {"error": {"code": "not_found", "message": "A sentence."}}.

`code` is for programs and stable; `message` is for people and translated. Internal details go to the log, never into
an answer.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.db import OperationalError
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    JsonResponse,
    RawPostDataException,
    UnreadablePostError,
)
from django.http.multipartparser import MultiPartParserError
from django.urls import URLPattern, URLResolver, re_path
from django.utils.functional import Promise
from django.utils.log import log_response
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from transcription import room
from transcription.live import no_room
from transcription.sound.intake import UploadRefused
from transcription.sound.sandbox import DecoderEnded

# Error statuses that every operation declares.
ERRORS = frozenset({400, 401, 403, 404, 405, 409, 410, 412, 413, 415, 422, 423, 500, 503, 507})

# Allowance for a multipart body beyond the file: the other fields and the boundaries.
MULTIPART_EXTRA_BYTES = 1024**2
LARGEST_ID = 2**63 - 1

# The HTTP status for each code of an UploadRefused. Any other code names a format that Mico does not read: 415.
UPLOAD_STATUS = {
    "empty": 400,
    "not_found": 404,
    "meeting_ended": 409,
    "too_many": 409,
    "too_large": 413,
    "too_long": 413,
    "bad_kind": 422,
    "bad_offset": 422,
    "empty_audio": 422,
    "language_unsupported": 422,
    "no_audio_track": 422,
    "unreadable": 422,
}


class ApiError(Exception):
    """Answer with this status, code and message instead of the result."""

    def __init__(self, status: int, code: str, message: str | Promise) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message


def error_response(status: int, code: str, message: str | Promise) -> HttpResponse:
    """Return an error response in the common shape."""
    return JsonResponse({"error": {"code": code, "message": str(message)}}, status=status)


class Api(NinjaAPI):
    """A NinjaAPI whose errors, including those for unknown URLs below it, all have the common shape."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for kind, handler in HANDLERS.items():
            self.add_exception_handler(kind, handler)

    def on_exception(self, request: HttpRequest, exc: Any) -> HttpResponse:
        """Answer an error by its handler; that the disk is full, whoever found it, before all others."""
        return _no_room(request, exc) if room.is_full(exc) else super().on_exception(request, exc)

    @property
    def urls(self) -> tuple[list[URLResolver | URLPattern], str, str]:
        """The API's URLs, followed by a pattern that answers 404 for every other URL below it."""
        patterns, app, namespace = super().urls
        patterns = [*patterns, re_path("", _unknown)]
        for pattern in patterns:
            if isinstance(pattern, URLPattern):
                pattern.callback = self._one_shape(pattern.callback)
        return patterns, app, namespace

    def _one_shape(self, view: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            try:
                _check_ids(kwargs)
                # Check before anything reads the body, so that a file that is too large is refused unread.
                _check_length(request)
                response = view(request, *args, **kwargs)
            except Exception as error:
                return self.on_exception(request, error)
            if isinstance(response, HttpResponseNotAllowed):
                return _not_allowed(response)
            return response

        # `auth.py` does the CSRF check for sessions. A bearer token needs none: no browser sends one by itself.
        wrapped.csrf_exempt = True  # type: ignore[attr-defined]
        return wrapped


def _check_ids(ids: dict[str, Any]) -> None:
    # SQLite's driver raises on integers beyond 64 bits; no row has such an id.
    if any(isinstance(value, int) and value > LARGEST_ID for value in ids.values()):
        raise Http404


def _check_length(request: HttpRequest) -> None:
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return  # Django treats the body of such a request as empty
    if length > settings.MAX_UPLOAD_BYTES + MULTIPART_EXTRA_BYTES:
        raise ApiError(413, "too_large", _("The file is too large."))


def _unknown(request: HttpRequest) -> HttpResponse:
    raise Http404


def _not_allowed(refusal: HttpResponseNotAllowed) -> HttpResponse:
    response = error_response(405, "method_not_allowed", _("This address does not know this method."))
    response["Allow"] = ", ".join(sorted(refusal["Allow"].split(", ")))
    return response


# --- One handler for each kind of error -----------------------------------------------------------


def _api_error(_request: HttpRequest, error: ApiError) -> HttpResponse:
    return error_response(error.status, error.code, error.message)


def _upload_refused(_request: HttpRequest, error: UploadRefused) -> HttpResponse:
    return error_response(UPLOAD_STATUS.get(error.code, 415), error.code, error.message)


def _not_found(_request: HttpRequest, _error: Http404) -> HttpResponse:
    return error_response(404, "not_found", _("There is no such thing, or it is not yours to see."))


def _unauthenticated(_request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
    response = error_response(401, "unauthenticated", _("Send a valid bearer token, or sign in."))
    response["WWW-Authenticate"] = "Bearer"
    return response


def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    """Convert an HttpError. Only Ninja raises these, for a body that is not JSON."""
    if error.status_code != 400:
        return error_response(error.status_code, "refused", HTTPStatus(error.status_code).phrase)
    if (request.content_type or "").startswith("multipart/"):
        return _not_json(request, error)
    return error_response(400, "bad_request", _("The body is not valid JSON."))


def _not_json(_request: HttpRequest, _error: Exception) -> HttpResponse:
    return error_response(415, "unsupported_media_type", _("Send the body as application/json."))


def _invalid(_request: HttpRequest, error: ValidationError) -> HttpResponse:
    sentences = [f"{_field(problem)}: {_said(problem)}" for problem in error.errors]
    return error_response(422, "invalid", "; ".join(dict.fromkeys(sentences)))


def _field(problem: dict[str, Any]) -> str:
    source, *path = (str(part) for part in problem["loc"])
    return path[-1] if len(path) > 1 or source != "body" else "body"


def _said(problem: dict[str, Any]) -> str:
    if problem["type"] == "value_error":  # raised by our own validators, already translated
        return str(problem["ctx"]["error"])
    return str(problem["msg"])


def _too_large(_request: HttpRequest, _error: RequestDataTooBig) -> HttpResponse:
    return error_response(413, "too_large", _("The body is too large."))


def _bad_request(_request: HttpRequest, _error: Exception) -> HttpResponse:
    return error_response(400, "bad_request", _("The body cannot be read."))


def _busy(request: HttpRequest, error: OperationalError) -> HttpResponse:
    response = error_response(503, "busy", _("The database does not answer. Try again in a moment."))
    response["Retry-After"] = "5"
    return _logged(request, response, error)


def _interrupted(request: HttpRequest, error: DecoderEnded) -> HttpResponse:
    response = error_response(503, "busy", _("The server is being stopped. Try again in a moment."))
    response["Retry-After"] = "5"
    return _logged(request, response, error)


def _no_room(request: HttpRequest, error: Exception) -> HttpResponse:
    no_room.note()
    return _logged(request, error_response(507, "no_room", room.SENTENCE), error)


def _internal(request: HttpRequest, error: Exception) -> HttpResponse:
    got_request_exception.send(sender=None, request=request)
    response = error_response(500, "internal", _("Something went wrong here. It has been noted."))
    return _logged(request, response, error)


def _logged(request: HttpRequest, response: HttpResponse, error: Exception) -> HttpResponse:
    """Log a server error as Django does for views: once, with the traceback, mailed to ADMINS."""
    log_response(
        "%s: %s", response.reason_phrase, request.path, response=response, request=request, exception=error
    )
    return response


HANDLERS: dict[type[Exception], Callable[..., HttpResponse]] = {
    ApiError: _api_error,
    UploadRefused: _upload_refused,
    Http404: _not_found,
    AuthenticationError: _unauthenticated,
    HttpError: _http_error,
    ValidationError: _invalid,
    RequestDataTooBig: _too_large,
    RawPostDataException: _not_json,
    SuspiciousOperation: _bad_request,
    BadRequest: _bad_request,
    MultiPartParserError: _bad_request,
    UnreadablePostError: _bad_request,
    OperationalError: _busy,
    DecoderEnded: _interrupted,
    Exception: _internal,
}
