"""The application that daphne serves in test_bodies.py: Mico's stack, and a view that reports what it received."""

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
    """Return the peak memory of this process, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@csrf_exempt
def receive(request: HttpRequest) -> HttpResponse:
    """Return the size and hash of the uploaded file, or of the body if there is no file."""
    upload = request.FILES.get("audio")
    digest = hashlib.sha256()
    size = 0
    for chunk in upload.chunks() if upload else [request.body]:
        digest.update(chunk)
        size += len(chunk)
    return JsonResponse({"size": size, "sha256": digest.hexdigest(), "peak_bytes": peak_bytes()})


urlpatterns = [path("receive", receive)]
