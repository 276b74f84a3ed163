"""The page of a long meeting: 5,000 lines, of which 4,000 are recordings of a sentence and 1,000 come from one file.

The benchmark starts a Mico and measures in a real Chromium:
    the server's time for the page and for a further window of lines, and their size;
    the time from the request to the first paint, and until the page is usable (elements live, socket open);
    the time that the page spends in scripts and in layout while 100 recordings get their words;
    the longest task while somebody reads from the first line to the last.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

import requests
from playwright.sync_api import Browser, CDPSession, Page, expect

from benchmarks.browser import chromium_path
from benchmarks.results import write
from tests.chromium import chromium
from tests.processes import Mico, a_mico

LINES = 5000
CHANGES = 100
LOADS = 15
# Fills the database: the long meeting, recordings that still wait for their words, and 50 other meetings.
SPEAK = """
from tests.rows import a_row
from transcription.people.meetings import create_meeting, invite
from transcription.models import Meeting
from django.contrib.auth.models import User
from django.db import transaction
meeting = Meeting.objects.get(pk={meeting})
people = [meeting.participants.get(), *(invite(meeting, User.objects.create_user(f"p{{n}}")) for n in range(4))]
say = lambda n: (0, 3000, "", f"Line {{n}}. " + "and some words that somebody said " * (1 + n % 4))
with transaction.atomic():
    for n in range({spoken}):
        a_row(meeting, offset_ms=n * 4000, participant=people[n // 3 % 5], texts=[say(n)])
    a_row(meeting, kind="upload", offset_ms={spoken} * 4000,
          texts=[(n * 4000, 3000, str(n // 4 % 3), say(n)[3]) for n in range({lines} - {spoken})])
    for n in range({changes}):
        a_row(meeting, offset_ms=({lines} + n) * 4000, participant=people[n % 5], status="processing")
    for n in range(50):
        other = create_meeting(meeting.owner, f"Other {{n}}", "en")
        for k in range(20):
            a_row(other, offset_ms=k, texts=[say(k)])
"""
# Gives the waiting recordings their words, one every 50 ms.
ANSWER = """
import time
from transcription.lifecycle import states
from transcription.models import Transcription, Utterance
for row in Transcription.objects.filter(meeting={meeting}, status="processing").order_by("pk")[:{changes}]:
    text = f"New words. {{row.pk}}"
    Utterance.objects.create(transcription=row, position=0, start_ms=0, duration_ms=900, text=text)
    states.transition(row, Transcription.Status.DONE)
    time.sleep(0.05)
"""
# Resolves to the time since the navigation began, in ms, once the page is usable.
USABLE = """() => new Promise((done) => {
  const look = () =>
    document.querySelector("mico-socket").dataset.state === "open" && customElements.get("mico-transcript")
      ? done(performance.now())
      : setTimeout(look, 5);
  look();
})"""
# Keeps the duration of the longest task so far, in ms.
LONGEST = """() => {
  window.longest = 0;
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) window.longest = Math.max(window.longest, task.duration);
  }).observe({ type: "longtask" });
}"""
# Returns the time of a complete layout, in ms.
LAYOUT = """() => {
  const began = performance.now();
  document.body.style.width = "900px"; // as when the window is resized
  document.body.getBoundingClientRect();
  return performance.now() - began;
}"""


def main(words: Sequence[str] = ()) -> None:
    """Measure, print, and write benchmarks/results/page.json. `words`: the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page")
    parser.add_argument("--lines", type=int, default=LINES, help=f"lines of the meeting ({LINES})")
    parser.add_argument(
        "--changes", type=int, default=CHANGES, help=f"recordings that get their words ({CHANGES})"
    )
    parser.add_argument(
        "--loads", type=int, default=LOADS, help=f"times that each address is loaded ({LOADS})"
    )
    asked = parser.parse_args(words)
    with a_mico() as mico, chromium(chromium_path()) as browser:
        mico.start()
        token = mico.token("bench")
        meeting = mico.api("POST", "/meetings", token, json={"title": "Long", "language": "en"}).json()["id"]
        spoken = asked.lines * 4 // 5
        program(mico, SPEAK.format(meeting=meeting, lines=asked.lines, spoken=spoken, changes=asked.changes))
        session = requests.Session()
        session.get(mico.signin_link("bench"), timeout=30)
        if not session.cookies:
            raise SystemExit("The sign-in link signed nobody in.")
        middle = asked.lines * 2 // 5  # A recording in the middle: the ids of a new database begin at 1.
        figures = {
            "server": server(session, f"{mico.base_url}/m/{meeting}/", middle, asked.loads),
            "browser": opening(browser, mico, meeting, asked.loads),
            "changes": changes(browser, mico, meeting, asked.changes),
            "reading_all": reading(browser, mico, meeting),
        }
        mico.stop()
    print(json.dumps(figures, indent=2))
    write("page", figures)


def program(mico: Mico, text: str) -> None:
    """Run Python code inside Mico."""
    mico.manage("shell", "--no-imports", "-c", text)


def server(session: requests.Session, page: str, recording: int, loads: int) -> dict[str, Any]:
    """Return the time and the size of the page, of its end, and of the window of lines around a recording."""
    figures = {}
    for name, url in {
        "page": page,
        "page_at_the_end": f"{page}?at=latest",
        "window": f"{page}transcript/?at={recording}.0",
    }.items():
        times = []
        for _ in range(loads):
            began = time.perf_counter()
            answer = session.get(url, timeout=60)
            times.append((time.perf_counter() - began) * 1000)
            answer.raise_for_status()
        figures[name] = {"p50_ms": round(statistics.median(times), 1), "bytes": len(answer.content)}
    return figures


def opened(browser: Browser, mico: Mico, address: str) -> tuple[Page, CDPSession]:
    """Open an address in a fresh profile, signed in. Return the page and its session of the DevTools protocol."""
    page = browser.new_context(viewport={"width": 1180, "height": 760}).new_page()
    page.goto(mico.signin_link("bench"))
    page.goto(f"{mico.base_url}{address}")
    expect(page.locator("mico-socket")).to_have_attribute("data-state", "open")
    return page, page.context.new_cdp_session(page)


def opening(browser: Browser, mico: Mico, meeting: int, loads: int) -> dict[str, float]:
    """Return the times from the request to the first paint and to a usable page, with the scripts in the cache."""
    page, _ = opened(browser, mico, f"/m/{meeting}/")
    paints, usable = [], []
    for _ in range(loads):
        page.goto(f"{mico.base_url}/m/{meeting}/")
        usable.append(page.evaluate(USABLE))
        paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        page.goto("about:blank")
    page.context.close()
    return {
        "first_paint_p50_ms": round(statistics.median(paints), 1),
        "usable_p50_ms": round(statistics.median(usable), 1),
        "usable_max_ms": round(max(usable), 1),
    }


def changes(browser: Browser, mico: Mico, meeting: int, number: int) -> dict[str, float]:
    """Return the time that the page spends, in all, while `number` recordings get their words."""
    page, devtools = opened(browser, mico, f"/m/{meeting}/?at=latest")
    devtools.send("Performance.enable")
    before = metrics(devtools)
    sent: list[int] = []
    page.on("response", lambda answer: sent.append(int(answer.headers.get("content-length", 0))))
    program(mico, ANSWER.format(meeting=meeting, changes=number))
    expect(page.locator("[data-count=processing]")).to_have_text("0", timeout=30_000)
    after = metrics(devtools)
    page.context.close()
    spent = {name: round((after[name] - before[name]) * 1000, 1) for name in after}
    return {
        "script_ms": spent["ScriptDuration"],
        "layout_and_style_ms": round(spent["LayoutDuration"] + spent["RecalcStyleDuration"], 1),
        "requests": len(sent),
        "bytes": sum(sent),
    }


def metrics(devtools: CDPSession) -> dict[str, float]:
    """Return the seconds that the page has spent so far in scripts, layout and style."""
    names = {"ScriptDuration", "LayoutDuration", "RecalcStyleDuration"}
    found = devtools.send("Performance.getMetrics")["metrics"]
    return {metric["name"]: metric["value"] for metric in found if metric["name"] in names}


def reading(browser: Browser, mico: Mico, meeting: int) -> dict[str, float]:
    """Scroll from the first line to the last with the wheel. Return the longest task and the number of lines."""
    page, _ = opened(browser, mico, f"/m/{meeting}/")
    page.evaluate(LONGEST)
    page.mouse.move(500, 500)  # over the lines
    began = time.monotonic()
    while page.locator('[data-more="after"]').count():
        assert time.monotonic() - began < 120, "the last line never came"
        page.mouse.wheel(0, 3000)
        page.wait_for_timeout(30)
    figures = {
        "s": round(time.monotonic() - began, 1),
        "lines": page.locator("#transcript > .line").count(),
        "longest_task_ms": page.evaluate("window.longest"),
        "layout_from_nothing_ms": page.evaluate(LAYOUT),
    }
    page.context.close()
    return figures


if __name__ == "__main__":
    main(sys.argv[1:])
