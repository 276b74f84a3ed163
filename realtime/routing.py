"""The URLs of the WebSockets."""
# Channels has no types.
# mypy: disable-error-code="no-untyped-call"

from django.urls import path

from realtime.consumers import MeetingConsumer, VendorConsumer

# The name that `reverse` looks for: realtime/templatetags/sockets.py.
urlpatterns = [
    path("ws/meetings/<int:meeting_id>/", MeetingConsumer.as_asgi(), name="meeting"),
    path("ws/vendors/<slug:vendor>/", VendorConsumer.as_asgi(), name="vendor"),
]
