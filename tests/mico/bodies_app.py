"""What tests/mico/test_bodies.py lets daphne serve: Mico's own stack, with one view that says what it was sent."""

import hashlib
import resource
import sys

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from mico.asgi import application

__all__ = ["application"]

settings.ROOT_URLCONF = __name__


def peak_bytes() -> int:
    """The most memory that this process ever had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@csrf_exempt
def receive(request: HttpRequest) -> HttpResponse:
    """Size and hash of the uploaded file, else of the body."""
    upload = request.FILES.get("audio")
    digest = hashlib.sha256()
    size = 0
    for chunk in upload.chunks() if upload else [request.body]:
        digest.update(chunk)
        size += len(chunk)
    return JsonResponse({"size": size, "sha256": digest.hexdigest(), "peak_bytes": peak_bytes()})


urlpatterns = [path("receive", receive)]
