"""How long it takes from a word that somebody speaks to that word on another person's page, and how many are wrong.

A person reads aloud without a pause into Chromium's microphone, alone or several at once, while another page watches.
The embedded vendor of a whole Mico recognises what they say. When each word was spoken is known from the transcript
of the same recording as one file: the two clocks differ by the median over all words that both have.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from benchmarks import browser
from benchmarks.accuracy.mistakes import distance
from benchmarks.reading import Heard, Reading, fetched, in_a_row, pairs, words
from benchmarks.results import write
from benchmarks.site import Site, populated
from benchmarks.uploading import post
from tests.chromium import arguments, spoken
from tests.processes import a_mico
from tests.servers import BASE_DIR
from tests.waiting import wait_until

AUDIO = BASE_DIR / "tests" / "audio"
SPEAKERS = (1, 3)
APART = 2.7  # s between the beginnings of two speakers
ENDS = 4.0  # s after the last word at which Stop is pressed
# p50 and p95 in seconds for one speaker and for several, and how much of the whole file's wrong words
ONE = (4.0, 8.0)
SEVERAL = (6.0, 12.0)
MORE_WRONG = 1.1
# Prints the words of a meeting with their times in Unix seconds: {participant: [[text, start, end, recording]]}.
TRANSCRIPT = """
import json
from transcription.models import Utterance
found = {{}}
rows = Utterance.objects.filter(transcription__recording__meeting={meeting}).select_related(
    "transcription__recording__meeting", "transcription__recording__participant")
for row in rows.order_by("transcription__recording__offset_ms", "start_ms", "position"):
    recording = row.transcription.recording
    zero = recording.meeting.created_at.timestamp() + recording.offset_ms / 1000
    for word in row.words:
        start = zero + word["start_ms"] / 1000
        found.setdefault(recording.participant.name, []).append(
            [word["text"], start, start + word["duration_ms"] / 1000, recording.pk])
print(json.dumps(found))
"""


def main(options: Sequence[str] = ()) -> None:
    """Measure, print, and write benchmarks/results/live.json. `options`: those of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live")
    parser.add_argument(
        "--speakers", type=int, nargs="+", default=SPEAKERS, help="how many at once, in each run (1 3)"
    )
    parser.add_argument("--engine", default="whisper", help="the embedded vendor's recogniser (whisper)")
    parser.add_argument("--stretch", default="", help="soonest,latest in seconds, if not Mico's own")
    parser.add_argument(
        "--small", action="store_true", help="the sentences of tests/audio, without a download"
    )
    asked = parser.parse_args(options)
    variables = {"EMULATOR_ENGINE": asked.engine, "STT_WORKERS": "5"}
    if asked.stretch:
        variables["RTZR_STRETCH_SECONDS"] = asked.stretch
    began = time.monotonic()
    with a_mico(**variables) as mico:
        mico.data.mkdir(parents=True, exist_ok=True)
        reading = sentences(mico.data) if asked.small else fetched(mico.data)
        mico.start()
        site = populated(
            mico, mico.emulator, meetings=1 + len(asked.speakers), people=1 + max(asked.speakers)
        )
        whole = as_a_file(site, reading)
        read = words(reading.text)
        missed = distance(read, [text for word in whole for text in words(word.text)])
        figures: dict[str, Any] = {"words": len(read), "whole_file_wrong": missed, "runs": {}}
        print(f"{len(read)} words, {missed} wrong in the whole file", flush=True)
        for number, speakers in enumerate(asked.speakers, 1):
            figures["runs"][str(speakers)] = a_run(site, site.meetings[number], reading, whole, speakers)
        mico.stop()
    figures["bars"] = bars(figures)
    for bar, reached in figures["bars"].items():
        print(f"{'reached' if reached else 'MISSED '}  {bar}")
    print(f"in {time.monotonic() - began:.0f} s on {os.cpu_count()} cores")
    write("live", figures)


def sentences(folder: Path) -> Reading:
    """Return the sentences of tests/audio in a row."""
    texts: dict[str, str] = json.loads((AUDIO / "texts.json").read_text())
    return in_a_row(folder, {AUDIO / name: text for name, text in texts.items()})


def as_a_file(site: Site, reading: Reading) -> list[Heard]:
    """Upload the recording, and return its words. The vendor's model is loaded afterwards."""
    post(site.mico, site.token, site.meetings[0], reading.file)
    wait_until(lambda: _statuses(site, site.meetings[0]) == ["done"], timeout=180, interval=0.5)
    (heard,) = transcripts(site, site.meetings[0]).values()
    return heard


def a_run(site: Site, meeting: int, reading: Reading, whole: list[Heard], speakers: int) -> dict[str, Any]:
    """Let so many people read at once in this meeting, and return how late and how wrong their words came."""
    load = os.getloadavg()[0]
    with (
        sync_playwright() as playwright,
        _browsers(playwright, site, reading, speakers) as (watcher, pages, ends),
    ):
        _visit(watcher, site, 0, meeting)
        browser.watch(watcher)
        for number, page in enumerate(pages, 1):
            _visit(page, site, number, meeting)
        for page in pages:
            page.locator("#record").click()
        for page in pages:
            expect(page.locator("mico-recorder")).to_have_attribute("data-state", "recording")
        pages[0].wait_for_timeout(1000 * (ends + ENDS))
        for page in pages:
            page.locator("#record").click()
            expect(page.locator("mico-recorder")).to_have_attribute("data-state", "idle")
        stretches = sum(int(page.locator("mico-recorder").get_attribute("data-heard") or 0) for page in pages)
        wait_until(lambda: _statuses(site, meeting) == ["done"] * stretches, timeout=120, interval=0.5)
        heard = transcripts(site, meeting)
        filled = {word.recording for words_ in heard.values() for word in words_}
        wait_until(lambda: filled <= browser.seen(watcher).keys(), timeout=30, interval=0.5)
        seen = browser.seen(watcher)
    read = words(reading.text)
    late = [s for mine in heard.values() for s in lateness(whole, mine, seen)]
    errors = [distance(read, [text for word in mine for text in words(word.text)]) for mine in heard.values()]
    figures = {
        "speakers": speakers,
        "stretches": stretches,
        "words_found": len(late),
        "late_s": {
            "p50": round(statistics.median(late), 2),
            "p95": round(statistics.quantiles(late, n=20)[-1], 2),
            "max": round(max(late), 2),
        },
        "wrong": errors,
        "load_average": [load, os.getloadavg()[0]],
    }
    print(speakers, "at once:", figures, flush=True)
    return figures


def lateness(whole: list[Heard], live: list[Heard], seen: dict[int, float]) -> list[float]:
    """Return for each word that both transcripts have how many seconds after its end it was on the page.

    whole: times from the beginning of the file; live: Unix seconds; seen: when the words of each recording appeared.
    """
    both = pairs(whole, live)
    began = statistics.median(mine.start - word.start for word, mine in both)
    return [seen[mine.recording] - (began + word.end) for word, mine in both]


def transcripts(site: Site, meeting: int) -> dict[str, list[Heard]]:
    """Return the words of each participant, in the order of speaking."""
    found = json.loads(site.program(TRANSCRIPT.format(meeting=meeting)))
    return {name: [Heard(*word) for word in mine] for name, mine in found.items()}


def bars(figures: dict[str, Any]) -> dict[str, bool]:
    """Return each target in words, and whether it is reached."""
    found = {}
    for run in figures["runs"].values():
        count, late = run["speakers"], run["late_s"]
        for name, target in zip(("p50", "p95"), ONE if count == 1 else SEVERAL, strict=True):
            found[f"{count} at once: {name} {late[name]} s <= {target:g} s"] = late[name] <= target
        mean, most = statistics.mean(run["wrong"]), MORE_WRONG * figures["whole_file_wrong"]
        found[f"{count} at once: {mean:.1f} words wrong <= {most:.1f}"] = mean <= most
    return found


@contextmanager
def _browsers(
    playwright: Playwright, site: Site, reading: Reading, speakers: int
) -> Iterator[tuple[Page, list[Page], float]]:
    """Yield a page that watches, one for each speaker, and after how many seconds the last of them has finished.

    Each speaker has a browser of their own, because all pages of one share its microphone's file.
    """
    opened: list[Browser] = []
    ends = 0.0
    try:
        for number in range(speakers):
            file = site.mico.data / f"microphone-{number}.wav"
            ends = spoken(file, reading.file, before=1 + APART * number, after=60)
            opened.append(
                playwright.chromium.launch(
                    executable_path=browser.chromium_path(), args=arguments(file), timeout=60_000
                )
            )
        contexts = [one.new_context(base_url=site.mico.base_url) for one in (opened[0], *opened)]
        watcher, *pages = [context.new_page() for context in contexts]
        yield watcher, pages, ends
    finally:
        for one in opened:
            one.close()


def _visit(page: Page, site: Site, person: int, meeting: int) -> None:
    name, _, value = site.cookies[person].partition("=")
    page.context.add_cookies([{"name": name, "value": value, "url": site.mico.base_url}])
    page.context.grant_permissions(["microphone"])
    page.goto(f"/m/{meeting}/")
    expect(page.locator("mico-socket")).to_have_attribute("data-state", "open")


def _statuses(site: Site, meeting: int) -> list[str]:
    found = site.mico.api("GET", f"/meetings/{meeting}", site.token).json()
    return [str(one["status"]) for one in found["recordings"]]


if __name__ == "__main__":
    main(sys.argv[1:])
