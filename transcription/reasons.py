"""Why a recording has no transcript, in words for people: what happened, what to do, and whether a Retry can help.

The codes come from three places: our own checks of the file (audio.py, intake.py), the vendor (the reasons in
vendors/base.py), and our own limits (workflow.py).
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Reason:
    """Two sentences for people, which are translated when they are shown."""

    what: str | Promise
    advice: str | Promise
    retry: bool  # whether sending the same audio again can succeed


_TELL_ADMIN = _("Please tell an administrator. The audio is saved: once it is settled, press Retry.")
_RETRY_LATER = _("The audio is saved. Press Retry in a while.")
_RETRY = _("The audio is saved. Press Retry to send it again.")
_OTHER_FILE = _("Play it to hear what is there. If you have the sound in another file, upload that one.")

_REASONS: dict[str, Reason] = {
    # What our own checks found in the file.
    "empty": Reason(
        _("The file is empty."),
        _("Check the file where it comes from, and upload it again."),
        retry=False,
    ),
    "not_audio": Reason(
        _("This is not a sound or video file that can be read."),
        _(
            "Upload sound or video: MP3, M4A, WAV, FLAC, OGG, WMA, AMR, MP4, MOV, MKV, WebM, AVI, MTS and others."
        ),
        retry=False,
    ),
    "no_audio_track": Reason(
        _("The file has no sound in it."),
        _("It may be a video without a sound track. Upload one that has sound."),
        retry=False,
    ),
    "unfinished": Reason(
        _("The recording was never finished: what an app writes at its end is missing."),
        _("If the app that made it can repair or recover it, do that, and upload the result."),
        retry=False,
    ),
    "unreadable": Reason(
        _("The file is damaged, or its sound is in a form that cannot be read."),
        _OTHER_FILE,
        retry=False,
    ),
    "too_complex": Reason(
        _("The file is damaged: reading it took longer than any recording takes."),
        _OTHER_FILE,
        retry=False,
    ),
    "empty_audio": Reason(
        _("The recording is too short: there is no sound in it."),
        _("Check that the microphone is on, and record again."),
        retry=False,
    ),
    "too_long": Reason(
        _("The recording is longer than can be transcribed in one piece."),
        _("Cut it into shorter parts, and upload them one by one."),
        retry=False,
    ),
    "file_missing": Reason(
        _("The audio file cannot be found in the storage."),
        _TELL_ADMIN,
        retry=True,
    ),
    # What the speech service answered.
    "bad_parameters": Reason(
        _("The speech service did not accept the settings of this request."),
        _TELL_ADMIN,
        retry=True,
    ),
    "unsupported_format": Reason(
        _("The speech service cannot read this kind of file."),
        _("Save it in another format, for example MP3 or WAV, and upload that."),
        retry=False,
    ),
    "too_large": Reason(
        _("The file is larger than the speech service accepts."),
        _("Cut it into shorter parts, and upload them one by one."),
        retry=False,
    ),
    "forbidden": Reason(
        _("The speech service refuses this request."),
        _TELL_ADMIN,
        retry=True,
    ),
    "language_unsupported": Reason(
        _("The speech service does not know this meeting's language."),
        _("The audio is saved. The owner of the meeting can choose another language; then press Retry."),
        retry=True,
    ),
    "vendor_auth": Reason(
        _("The speech service does not accept this system's credentials."),
        _TELL_ADMIN,
        retry=True,
    ),
    "result_not_found": Reason(
        _("The speech service does not know this recording any more."),
        _RETRY,
        retry=True,
    ),
    "result_expired": Reason(
        _("The speech service kept the result for a limited time, and that time is over."),
        _RETRY,
        retry=True,
    ),
    "vendor_failed": Reason(
        _("The speech service tried, and could not transcribe this recording."),
        _("Play it to hear whether the speech is clear. You can press Retry to have it tried again."),
        retry=True,
    ),
    "vendor_unavailable": Reason(
        _("The speech service could not be reached, several times in a row."),
        _RETRY_LATER,
        retry=True,
    ),
    "vendor_protocol": Reason(
        _("The speech service gave an answer that makes no sense, several times in a row."),
        _RETRY_LATER,
        retry=True,
    ),
    # Our own limits.
    "internal_error": Reason(
        _("This recording made the system stumble several times."),
        _TELL_ADMIN,
        retry=True,
    ),
    "outcome_unknown": Reason(
        _("The speech service did not confirm this, so nobody knows whether it has it."),
        _(
            "The audio is saved. Press Retry to send it once more; the speech service may charge it once more."
        ),
        retry=True,
    ),
    "waited_too_long": Reason(
        _("The speech service had no room for this recording for too long."),
        _RETRY_LATER,
        retry=True,
    ),
    "processing_too_long": Reason(
        _("The speech service has worked on this recording for too long without a result."),
        _RETRY,
        retry=True,
    ),
}

_UNKNOWN = Reason(
    _("This recording could not be transcribed."),
    _("The audio is saved. Press Retry; if it fails again, please tell an administrator."),
    retry=True,
)

CODES = frozenset(_REASONS)


def explain(code: str) -> Reason:
    """Return the reason for an error code, or a general one for a code that is not in the table."""
    return _REASONS.get(code, _UNKNOWN)
