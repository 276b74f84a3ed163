"""The page that people see after an error that no view handles: a full disk has one of its own."""

import sys
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.views import defaults

from transcription import room
from transcription.api.errors import error_response
from transcription.live import no_room


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a request that ended with an exception: 507 if the disk is full, else 500.

    Django calls this as its `handler500`, while the exception is handled: whatever a view, a middleware, a form or
    the admin did comes here.
    """
    error = sys.exc_info()[1]
    if error is None or not room.is_full(error):
        return defaults.server_error(request)
    no_room.note()
    if request.path.startswith("/api/"):  # it failed before the API was reached
        return error_response(507, "no_room", room.SENTENCE)
    return HttpResponse(page(room.SENTENCE), status=HTTPStatus.INSUFFICIENT_STORAGE)


def page(sentence: str | Promise) -> str:
    """Return a page with one sentence in each language. It needs no database, and nothing of the request."""
    return render_to_string("refused.html", {"sentence": sentence})
