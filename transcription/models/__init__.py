"""The tables: meetings, their recordings, and the transcriptions and lines of those.

Invariants are database constraints, so that they hold whatever the code does. Each partial index is named after the
query that uses it.
"""

from transcription.models.gate_events import GateEvent
from transcription.models.meetings import (
    DeletedMeeting,
    Meeting,
    MeetingQuerySet,
    Participant,
    ParticipantQuerySet,
)
from transcription.models.recordings import Recording, Upload, audio_path
from transcription.models.tokens import ApiToken
from transcription.models.transcriptions import Transcription, TranscriptionQuerySet, TurnaroundSample
from transcription.models.turns import Place, Turn, TurnQuerySet
from transcription.models.words import Revision, SpeakerName, Utterance, UtteranceQuerySet

__all__ = [
    "ApiToken",
    "DeletedMeeting",
    "GateEvent",
    "Meeting",
    "MeetingQuerySet",
    "Participant",
    "ParticipantQuerySet",
    "Place",
    "Recording",
    "Revision",
    "SpeakerName",
    "Transcription",
    "TranscriptionQuerySet",
    "Turn",
    "TurnQuerySet",
    "TurnaroundSample",
    "Upload",
    "Utterance",
    "UtteranceQuerySet",
    "audio_path",
]
