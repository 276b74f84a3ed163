"""The API, version 1, at /api/v1/. See docs/api.md."""

from transcription.api import meetings, recordings, uploads, utterances, vendors
from transcription.api.auth import Bearer, Session
from transcription.api.errors import Api

api = Api(
    title="Mico",
    version="1.0.0",
    urls_namespace="api-v1",
    description="Meetings, their recordings, and the text that comes of them.",
    auth=[Bearer(), Session()],
    docs_url=None,  # Ninja's interactive page loads its scripts from other hosts
)
api.add_router("/meetings", meetings.router)
api.add_router("", recordings.router)
api.add_router("", uploads.router)
api.add_router("", utterances.router)
api.add_router("", vendors.router)
