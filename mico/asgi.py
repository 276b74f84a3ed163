"""The ASGI application served by daphne: Django over HTTP, and the WebSockets."""
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

# Imported after django.setup(), because they need the settings and the models.
from django.conf import settings  # noqa: E402

from mico import bodies  # noqa: E402
from realtime.routing import urlpatterns as sockets  # noqa: E402

# Twisted stores incoming bodies here: on the disk of the recordings, as /tmp may be in memory.
tempfile.tempdir = str(settings.FILE_UPLOAD_TEMP_DIR)
bodies.install()

application = ProtocolTypeRouter(
    {
        "http": bodies.Handler(),
        # Without the origin check, a page of another site could open our sockets with the visitor's cookies.
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(sockets))),
    }
)
