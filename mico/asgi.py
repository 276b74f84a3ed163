"""What daphne serves: Django over HTTP, and the meetings' sockets."""
# Channels has no types.
# mypy: disable-error-code="no-untyped-call"

import os
import tempfile

import django
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mico.settings")
django.setup(set_prefix=False)

# Only now: they need the settings and the models.
from django.conf import settings  # noqa: E402

from mico import bodies  # noqa: E402
from realtime.routing import websocket_urlpatterns  # noqa: E402

# Where twisted keeps a body while it comes in: beside the recordings and not in a /tmp that may be memory.
tempfile.tempdir = str(settings.FILE_UPLOAD_TEMP_DIR)
bodies.install()

application = ProtocolTypeRouter(
    {
        "http": bodies.Handler(),
        # A page of another site must not open our sockets with the visitor's cookies.
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)
