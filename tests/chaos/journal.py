"""What the server confirmed, as the suite's clients and people saw it. Only that has to survive."""

import threading
from dataclasses import dataclass, field


@dataclass
class Sound:
    """One piece of audio that a client hands in. `recording` is set once the server has confirmed it."""

    client_id: str
    meeting: int
    sha256: str
    way: str  # how it is handed in: clients.py
    recording: int | None = None


@dataclass
class Line:
    """The edits of one line. `version` and `text` are those of the newest confirmed edit.

    `attempts`: each text that was sent, and the version that it was to replace. An edit whose answer was lost may
    have been written, also later than its sender thinks.
    """

    recording: int
    version: int = 1
    text: str | None = None
    attempts: dict[str, int] = field(default_factory=dict)

    def may_be(self, version: int, text: str) -> bool:
        """Whether the line may be this by now. A version of 1 is the vendor's own text."""
        if version <= self.version:
            return version == self.version and self.text in {None, text}
        return self.attempts.get(text) == version - 1


@dataclass
class Name:
    """The name of one participant: what was confirmed last, and names whose answer was lost."""

    meeting: int
    confirmed: str | None = None
    unknown: set[str] = field(default_factory=set)

    def may_be(self, name: str) -> bool:
        """Whether the participant may have this name by now."""
        return self.confirmed in {None, name} or name in self.unknown


class Journal:
    """Everything that was confirmed. Safe to use from several threads."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.sounds: dict[str, Sound] = {}
        self.lines: dict[int, Line] = {}  # that somebody edited
        self.names: dict[int, Name] = {}  # of participants
        self.to_be_deleted: set[int] = set()  # meetings whose deletion was asked for
        self.deleted: set[int] = set()  # and confirmed
        self.acts: dict[str, int] = {}  # what people did, by kind
        self.broken: list[str] = []  # promises that an answer already broke

    def begins(self, sound: Sound) -> None:
        """Note that a client begins to hand this in."""
        with self.lock:
            self.sounds[sound.client_id] = sound

    def confirms(self, sound: Sound, recording: int) -> None:
        """Note the server's confirmation. A second one has to name the same recording."""
        with self.lock:
            if sound.recording not in {None, recording}:
                self.broken.append(
                    f"{sound.way} {sound.client_id}: confirmed as {sound.recording} and as {recording}"
                )
            sound.recording = recording

    def breaks(self, what: str) -> None:
        """Note a promise that an answer broke."""
        with self.lock:
            self.broken.append(what)

    def acts_on(self, kind: str) -> None:
        """Count something that a person did and that was confirmed."""
        with self.lock:
            self.acts[kind] = self.acts.get(kind, 0) + 1

    def unconfirmed(self) -> list[Sound]:
        """Return what is still on its way, into meetings that nobody has deleted."""
        with self.lock:
            return [
                sound
                for sound in self.sounds.values()
                if sound.recording is None and sound.meeting not in self.to_be_deleted
            ]

    def confirmed(self) -> list[Sound]:
        """Return what has to be there in the end: confirmed, in meetings that nobody has deleted."""
        with self.lock:
            return [
                sound
                for sound in self.sounds.values()
                if sound.recording is not None and sound.meeting not in self.to_be_deleted
            ]
