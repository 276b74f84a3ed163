"""The sample meeting: a conversation of two speakers, made with make_audio.sh and really transcribed when loaded."""

from pathlib import Path

from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils.translation import gettext as _

from transcription.models import Meeting
from transcription.people.meetings import create_meeting
from transcription.sound.intake import check_language, receive

LANGUAGE = "en"  # of the audio
AUDIO = Path(__file__).with_name("meeting.flac")


def load(user: User) -> Meeting:
    """Create a meeting owned by `user` that contains the sample, and queue it. Raises intake.UploadRefused."""
    check_language(LANGUAGE)  # before there is a meeting without anything in it
    meeting = create_meeting(user, _("Sample meeting"), LANGUAGE)
    receive(
        meeting=meeting,
        participant=meeting.participants.get(user_id=user.pk),
        upload=SimpleUploadedFile(AUDIO.name, AUDIO.read_bytes(), "audio/flac"),
        kind="upload",
    )
    return meeting
