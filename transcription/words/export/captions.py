"""Subtitles in SubRip and WebVTT, cut as players and validators expect.

A caption has at most two rows of 42 columns (a Hangul or Chinese character takes two), and is shown for at most 7 s.
A longer line becomes several captions, which begin at the times of their words, and none of them is shorter than 1 s
if the line can be cut elsewhere. Words without times (the vendor gave none, or they were corrected) share the time
that is left for them, in proportion to their characters. Captions of one speaker never overlap; captions of people
who spoke at the same time do.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from transcription.words.export.options import ExportOptions, clock, plain
from transcription.words.transcript import SpokenLine

COLUMNS = 42  # of a row
LINES = 2  # rows of a caption
LONGEST_MS = 7000
# What is left of a line that is cut is no shorter, or it would flash by unread. A line whose length is not known is
# shown so long.
SHORTEST_MS = 1000
PAUSE_MS = 1500  # of silence; after it a new caption begins
_SENTENCE_END = re.compile(r"[.!?…。？！]['\"”’)]*$")


@dataclass(frozen=True, slots=True)
class Caption:
    """Some words of one speaker. Times are in the meeting."""

    start_ms: int
    end_ms: int
    speaker: str
    rows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Unit:
    """A word, or a part of a word that is longer than a row. `glued` means no space before it."""

    start_ms: int
    end_ms: int
    text: str
    glued: bool


def srt(said: Iterable[SpokenLine], options: ExportOptions) -> Iterator[str]:
    """Yield the parts of a SubRip file. Its lines end in CR LF, and a speaker's name comes before their words.

    SubRip has no escapes, and in some players an arrow inside a text would begin a caption: it is replaced.
    """
    for number, caption in enumerate(captions(said, options, named=True), start=1):
        rows = "\r\n".join(row.replace("-->", "→") for row in caption.rows)
        yield f"{number}\r\n{_times(caption, ',')}\r\n{rows}\r\n\r\n"


def vtt(said: Iterable[SpokenLine], options: ExportOptions) -> Iterator[str]:
    """Yield the parts of a WebVTT file, with the speaker as the voice of each caption."""
    yield "WEBVTT\n\n"
    for number, caption in enumerate(captions(said, options, named=False), start=1):
        voice = f"<v {_escaped(caption.speaker)}>" if caption.speaker else ""
        rows = "\n".join(_escaped(row) for row in caption.rows)
        yield f"{number}\n{_times(caption, '.')}\n{voice}{rows}\n\n"


def captions(said: Iterable[SpokenLine], options: ExportOptions, *, named: bool) -> list[Caption]:
    """Return the captions of the lines in `said`, ordered by the time they begin.

    With `named`, the first caption of a line begins with the speaker's name, which takes up room.
    """
    made: list[Caption] = []
    for line in said:
        speaker = plain(line.speaker) if options.speakers else ""
        made.extend(_of_line(line, speaker, f"{speaker}: " if named and speaker else ""))
    made.sort(key=lambda caption: caption.start_ms)
    return _apart(made)


def _of_line(line: SpokenLine, speaker: str, name: str) -> Iterator[Caption]:
    units = _units(line, COLUMNS)
    if not units:
        return
    head = _pieces(name.strip(), COLUMNS) if name else []
    while units:
        taken = _leaving_enough(units, _fitting(head, units))
        now, units = units[:taken], units[taken:]
        start_ms = now[0].start_ms
        # A caption lasts to the end of its last word, and never beyond the beginning of the next word.
        end_ms = max(now[-1].end_ms, start_ms + (SHORTEST_MS if line.duration_ms == 0 else 1))
        if units:
            end_ms = max(start_ms + 1, min(end_ms, units[0].start_ms))
        rows = _wrapped([*head, *_texts(now)])
        yield Caption(start_ms, min(end_ms, start_ms + LONGEST_MS), speaker, tuple(rows))
        head = []


def _leaving_enough(units: list[_Unit], taken: int) -> int:
    """Return how many units to take, at most `taken`, so that what is left of the line is no caption too short."""
    fewer = taken
    while 1 < fewer < len(units) and units[-1].end_ms - units[fewer].start_ms < SHORTEST_MS:
        fewer -= 1
    return fewer if units[fewer - 1].end_ms - units[0].start_ms >= SHORTEST_MS else taken


def _fitting(head: list[tuple[str, bool]], units: list[_Unit]) -> int:
    """Return the number of units that the next caption takes.

    If not all fit, the caption ends at the last end of a sentence in its second half, or else where it is full. It
    also ends at a long pause.
    """
    rows = [columns(row) for row in _wrapped(head)]
    first = units[0]
    sentence = 0
    for count, unit in enumerate(units):
        width = columns(unit.text)
        if rows and rows[-1] + (not unit.glued) + width <= COLUMNS:
            rows[-1] += (not unit.glued) + width
        else:
            rows.append(width)
        if count:
            if len(rows) > LINES or unit.end_ms - first.start_ms > LONGEST_MS:
                return sentence if sentence * 2 > count else count
            if unit.start_ms - units[count - 1].end_ms >= PAUSE_MS:
                return count
        if _SENTENCE_END.search(unit.text):
            sentence = count + 1
    return len(units)


def _texts(units: list[_Unit]) -> list[tuple[str, bool]]:
    return [(unit.text, unit.glued) for unit in units]


def _wrapped(words: list[tuple[str, bool]]) -> list[str]:
    rows: list[str] = []
    for text, glued in words:
        joined = f"{rows[-1]}{'' if glued else ' '}{text}" if rows else text
        if rows and columns(joined) <= COLUMNS:
            rows[-1] = joined
        else:
            rows.append(text)
    return rows


# --- Words and their times ------------------------------------------------------------------------


def _units(line: SpokenLine, most: int) -> list[_Unit]:
    units: list[_Unit] = []
    earliest = line.start_ms
    for word, start_ms, end_ms in timed_words(line):
        start_ms = max(start_ms, earliest)  # noqa: PLW2901 - vendors' times are not always in order
        earliest = start_ms
        pieces = _pieces(word, most)
        step = max(0, end_ms - start_ms) / len(pieces)
        for n, (piece, glued) in enumerate(pieces):
            units.append(
                _Unit(start_ms + round(n * step), start_ms + round((n + 1) * step), piece, glued and n > 0)
            )
    return units


def timed_words(line: SpokenLine) -> list[tuple[str, int, int]]:
    """Return (word, start, end) of each word of a line as it is now, in ms in the meeting.

    Words that were not corrected keep their times, and so does a word in place of another. The others share the time
    that is left for them.
    """
    words = plain(line.text).split()
    spoken = [(plain(word.text), word) for word in line.words]
    spoken = [(word, at) for word, at in spoken if word]
    matcher = SequenceMatcher(None, [word for word, _ in spoken], words, autojunk=False)
    timed: list[tuple[str, int, int]] = []
    for _, was_from, was_to, now_from, now_to in matcher.get_opcodes():
        if was_to - was_from == now_to - now_from:
            timed += [
                (word, at.start_ms, at.start_ms + at.duration_ms)
                for word, (_, at) in zip(words[now_from:now_to], spoken[was_from:was_to], strict=True)
            ]
            continue
        begins = timed[-1][2] if timed else line.start_ms
        ends = spoken[was_to][1].start_ms if was_to < len(spoken) else line.start_ms + line.duration_ms
        timed += _in_proportion(" ".join(words[now_from:now_to]), begins, max(0, ends - begins))
    return timed


def _in_proportion(text: str, start_ms: int, duration_ms: int) -> list[tuple[str, int, int]]:
    """Return (word, start, end) of each word, in ms. A word lasts as long as its share of the characters."""
    words = text.split()
    whole = max(1, sum(map(len, words)))
    timed, passed = [], 0
    for word in words:
        begins = start_ms + duration_ms * passed // whole
        passed += len(word)
        timed.append((word, begins, start_ms + duration_ms * passed // whole))
    return timed


def _pieces(text: str, most: int) -> list[tuple[str, bool]]:
    """Split `text` into pieces of at most `most` columns. Return (piece, whether it continues a word) for each.

    It is split at its spaces, and inside a word only if the word is longer than `most`.
    """
    pieces: list[tuple[str, bool]] = []
    for word in text.split():
        rest, glued = word, False
        while rest:
            cut = _cut(rest, most)
            pieces.append((rest[:cut], glued))
            rest, glued = rest[cut:], True
    return pieces


def _cut(text: str, most: int) -> int:
    """Return how many characters fit into `most` columns; at least one. Combining marks stay with their character."""
    if columns(text) <= most:
        return len(text)
    used = 0
    for n, char in enumerate(text):
        used += _width(char)
        if used > most and n:
            return n
    return len(text)


def columns(text: str) -> int:
    """Return the width of a text: Hangul, Chinese and Japanese characters take two columns, combining marks none."""
    return len(text) if text.isascii() else sum(map(_width, text))


def _width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


# --- Times ----------------------------------------------------------------------------------------


def _apart(made: list[Caption]) -> list[Caption]:
    """Shorten captions that last into the next one of the same speaker.

    If two of a speaker begin at the same time, the second begins 1 ms later.
    """
    after: dict[str, int] = {}  # speaker → index of their last caption
    result: list[Caption] = []
    for caption in made:
        shown = caption
        last = after.get(caption.speaker)
        if last is not None:
            before = result[last]
            if before.end_ms > shown.start_ms:
                cut = max(shown.start_ms, before.start_ms + 1)
                result[last] = replace(before, end_ms=cut)
                shown = replace(shown, start_ms=cut, end_ms=max(shown.end_ms, cut + 1))
        after[caption.speaker] = len(result)
        result.append(shown)
    result.sort(key=lambda caption: caption.start_ms)
    return result


def _times(caption: Caption, separator: str) -> str:
    return f"{_stamp(caption.start_ms, separator)} --> {_stamp(caption.end_ms, separator)}"


def _stamp(ms: int, separator: str) -> str:
    """Return hh:mm:ss and the thousandths. Both formats allow more than two digits of hours."""
    return f"{clock(ms)}{separator}{ms % 1000:03}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
