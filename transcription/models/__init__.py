"""What Mico keeps: meetings, the recordings made in them, and what became of each.

The rules that must hold whatever the code does are constraints here, in the database. Each partial index is
named after the query that it serves.
"""

from transcription.models.gate_events import GateEvent
from transcription.models.meetings import Meeting, MeetingQuerySet, Participant, ParticipantQuerySet
from transcription.models.recordings import Recording, Upload, audio_path
from transcription.models.tokens import ApiToken
from transcription.models.transcriptions import Transcription, TranscriptionQuerySet, TurnaroundSample
from transcription.models.words import Revision, SpeakerName, Utterance, UtteranceQuerySet

__all__ = [
    "ApiToken",
    "GateEvent",
    "Meeting",
    "MeetingQuerySet",
    "Participant",
    "ParticipantQuerySet",
    "Recording",
    "Revision",
    "SpeakerName",
    "Transcription",
    "TranscriptionQuerySet",
    "TurnaroundSample",
    "Upload",
    "Utterance",
    "UtteranceQuerySet",
    "audio_path",
]
