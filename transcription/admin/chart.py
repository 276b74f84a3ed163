"""A vendor's requests as a bar chart. `traffic.py` provides the figures; a template draws the SVG."""

from dataclasses import dataclass
from datetime import datetime

from transcription.service.traffic import Slot

# In the drawing's own units. The SVG is stretched to fit, so all text is outside it.
SLOT, BAR, HEIGHT = 10, 8, 100
# Smallest height of a part: a single 429 among thousands of requests must be visible.
LEAST = 2.5


@dataclass(frozen=True, slots=True)
class Part:
    """A segment of a bar: the requests with one kind of result."""

    kind: str  # refused, unanswered or answered
    y: str
    height: str


@dataclass(frozen=True, slots=True)
class Bar:
    """The bar of one slot of time."""

    slot: Slot
    x: int
    parts: list[Part]


@dataclass(frozen=True, slots=True)
class Band:
    """A period in which the gate was closed."""

    x: str
    width: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart, as the template draws it."""

    slots: list[Slot]
    bars: list[Bar]
    bands: list[Band]
    top: int  # the value at the upper edge, an even number

    @property
    def width(self) -> int:
        """The width in the drawing's units."""
        return SLOT * len(self.slots)

    @property
    def middle(self) -> int:
        """The value at the middle line."""
        return self.top // 2

    @property
    def total(self) -> int:
        """The number of requests."""
        return sum(slot.total for slot in self.slots)

    @property
    def refused(self) -> int:
        """The number of 429s."""
        return sum(slot.refused for slot in self.slots)

    @property
    def unanswered(self) -> int:
        """The number of requests without a usable answer."""
        return sum(slot.unanswered for slot in self.slots)

    @property
    def share(self) -> float:
        """The share of 429s in all requests, in percent."""
        return 100 * self.refused / self.total if self.total else 0.0

    @property
    def rows(self) -> list[Slot]:
        """The slots with requests, newest first, for the table."""
        return [slot for slot in reversed(self.slots) if slot.total]


def draw(slots: list[Slot], seconds: int, closed: list[tuple[datetime, datetime]]) -> Chart:
    """Build a chart of slots of `seconds` each. `closed` lists the start and end of each period of a closed gate."""
    top = round_up(max(slot.total for slot in slots))
    bars = [
        Bar(slot, n * SLOT + (SLOT - BAR) // 2, _parts(slot, top))
        for n, slot in enumerate(slots)
        if slot.total
    ]
    return Chart(slots, bars, _bands(slots, seconds, closed), top)


def round_up(value: int) -> int:
    """Round up to the next of 4, 6, 8 … 20, 30, 40 … 100, 200 …. All are even: the middle line is a whole number."""
    step = 2
    while 10 * step < value:
        step = 10 if step == 2 else 10 * step
    return max(4, -(-value // step) * step)


def _parts(slot: Slot, top: int) -> list[Part]:
    """Stack the parts from the bottom up. The 429s come first, so that they share a baseline and can be compared."""
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
