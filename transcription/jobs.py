"""Jobs that wait in RQ during an upgrade name this path. To be removed one release later."""

from transcription.lifecycle.jobs import poll, submit

__all__ = ["poll", "submit"]
