"""What somebody who exports can choose, and what all forms share."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """`times`: of the lines (subtitles and JSON have them anyway). `speakers`: who spoke (JSON has it anyway)."""

    times: bool = True
    speakers: bool = True


def plain(text: str) -> str:
    """On one line, since an empty line ends a caption, and without what is no character to XML."""
    shown = re.sub(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", "", " ".join(text.split()))
    return " ".join(shown.split())  # between two that are gone, a space may be left


def clock(ms: int) -> str:
    """hh:mm:ss, with more digits of hours where need be."""
    seconds = ms // 1000
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
