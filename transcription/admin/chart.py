"""A vendor's requests as bars. The figures come from traffic.py, and the drawing is a template's (SVG)."""

from dataclasses import dataclass
from datetime import datetime

from transcription.service.traffic import Slot

# The drawing's own units: it is stretched to its place, and all words stand outside of it.
SLOT, BAR, HEIGHT = 10, 8, 100
# A single 429 among thousands of requests has to be seen.
LEAST = 2.5


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar: one kind of result."""

    kind: str  # refused, unanswered, answered
    y: str
    height: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One slot."""

    slot: Slot
    x: int
    parts: list[Part]


@dataclass(frozen=True, slots=True)
class Band:
    """A time during which the gate was closed."""

    x: str
    width: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that a template needs."""

    slots: list[Slot]
    bars: list[Bar]
    bands: list[Band]
    top: int  # what the upper edge stands for; an even number

    @property
    def width(self) -> int:
        """In the drawing's units."""
        return SLOT * len(self.slots)

    @property
    def middle(self) -> int:
        """What the line in the middle stands for."""
        return self.top // 2

    @property
    def total(self) -> int:
        """All requests."""
        return sum(slot.total for slot in self.slots)

    @property
    def refused(self) -> int:
        """All 429s."""
        return sum(slot.refused for slot in self.slots)

    @property
    def unanswered(self) -> int:
        """All without a usable answer."""
        return sum(slot.unanswered for slot in self.slots)

    @property
    def share(self) -> float:
        """429s of all requests, in percent."""
        return 100 * self.refused / self.total if self.total else 0.0

    @property
    def rows(self) -> list[Slot]:
        """Slots with requests, the newest first, for the table."""
        return [slot for slot in reversed(self.slots) if slot.total]


def draw(slots: list[Slot], seconds: int, closed: list[tuple[datetime, datetime]]) -> Chart:
    """A chart of slots of `seconds`; `closed`: from when to when the gate was closed."""
    top = round_up(max(slot.total for slot in slots))
    bars = [
        Bar(slot, n * SLOT + (SLOT - BAR) // 2, _parts(slot, top))
        for n, slot in enumerate(slots)
        if slot.total
    ]
    return Chart(slots, bars, _bands(slots, seconds, closed), top)


def round_up(value: int) -> int:
    """The next of 4, 6, 8 … 20, 30, 40 … 100, 200 …: even, so that its half is a whole number too."""
    step = 2
    while 10 * step < value:
        step = 10 if step == 2 else 10 * step
    return max(4, -(-value // step) * step)


def _parts(slot: Slot, top: int) -> list[Part]:
    """From the bottom up, the 429s first: there they can be compared with one another."""
    parts, y = [], float(HEIGHT)
    for kind, count in (
        ("refused", slot.refused),
        ("unanswered", slot.unanswered),
        ("answered", slot.answered),
    ):
        if count:
            height = max(LEAST, HEIGHT * count / top)
            y -= height
            parts.append(Part(kind, f"{max(y, 0):.2f}", f"{height:.2f}"))
    return parts


def _bands(slots: list[Slot], seconds: int, closed: list[tuple[datetime, datetime]]) -> list[Band]:
    begins, width = slots[0].begins, SLOT * len(slots)
    bands = []
    for start, end in closed:
        left = max(0.0, (start.timestamp() - begins) / seconds * SLOT)
        right = min(float(width), (end.timestamp() - begins) / seconds * SLOT)
        if right > left:
            bands.append(Band(f"{left:.2f}", f"{max(right - left, 1.0):.2f}"))
    return bands
