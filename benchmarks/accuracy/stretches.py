"""The stretches in which the page would send what somebody says live: cut by its own detector, in Chromium."""

import shutil
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from benchmarks.accuracy.sounds import Samples
from benchmarks.browser import chromium_path
from tests.browser.modules import modules_page, run
from tests.chromium import chromium

# How soon and how late somebody who speaks without a pause is cut, with the embedded vendor (RTZR_STRETCH_SECONDS).
LENGTHS = {"soonestMs": 4000, "latestMs": 8000}


class Stretch(NamedTuple):
    """From one sample of a recording to another; goes_on: cut in no pause."""

    start: int
    end: int
    goes_on: bool


def can_cut() -> bool:
    """Return whether there is a Chromium."""
    return bool(shutil.which("chromium") or shutil.which("google-chrome"))


@contextmanager
def detector() -> Iterator[Callable[[Samples], list[Stretch]]]:
    """Return a function that cuts 16 kHz samples. Raises SystemExit if there is no Chromium."""
    with chromium(chromium_path()) as browser:
        page = modules_page(browser)

        def cut(samples: Samples) -> list[Stretch]:
            found = run(
                page,
                """
                const {SpeechDetector} = await import("/speech-detector.js");
                const detector = new SpeechDetector(lengths);
                const found = [];
                const hear = (ended) => found.push(...ended);
                for (let at = 0; at < sound.length; at += 320) hear(detector.push(sound.subarray(at, at + 320)));
                hear(detector.flush());
                return found.map(({start, samples, goesOn}) => [start, start + samples.length, goesOn]);
                """,
                sound=array("f", samples.tobytes()),
                lengths=LENGTHS,
            )
            return [Stretch(*one) for one in found]

        yield cut
