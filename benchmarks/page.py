"""The page of a long meeting: 5,000 lines, as 4,000 recordings of a sentence each and one file of a thousand.

Everything is measured on a Mico that was started for it, in a real browser:
    the server's time for the page and for a further window, and their bytes;
    from the request to the first paint, and until the page is usable (its elements live, its socket open);
    100 recordings that get their words: the time that the page spends in scripts and in layout for them;
    reading all of it, from the first line to the last: the longest task.
"""

import json
import shutil
import statistics
import time
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Browser, CDPSession, Page, expect

from benchmarks.results import write
from tests.chromium import chromium
from tests.processes import Mico, a_mico

LINES = 5000
CHANGES = 100
LOOKS = 15
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
USABLE = """() => new Promise((done) => {
  const look = () =>
    document.querySelector("mico-socket").dataset.state === "open" && customElements.get("mico-transcript")
      ? done(performance.now())
      : setTimeout(look, 5);
  look();
})"""
LONGEST = """() => {
  window.longest = 0;
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) window.longest = Math.max(window.longest, task.duration);
  }).observe({ type: "longtask" });
}"""

LAYOUT = """() => {
  const began = performance.now();
  document.body.style.width = "900px"; // as when a window changes its size
  document.body.getBoundingClientRect();
  return performance.now() - began;
}"""


def main() -> None:
    """Measures, prints and writes benchmarks/results/page.json."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        raise SystemExit("No Chromium: install one (the package chromium).")
    with a_mico() as mico, chromium(Path(path)) as browser:
        mico.start()
        token = mico.token("bench")
        meeting = mico.api("POST", "/meetings", token, json={"title": "Long", "language": "en"}).json()["id"]
        program(mico, SPEAK.format(meeting=meeting, lines=LINES, spoken=LINES * 4 // 5, changes=CHANGES))
        session = requests.Session()
        session.get(mico.signin_link("bench"), timeout=30)
        if not session.cookies:
            raise SystemExit("The sign-in link signed nobody in.")
        figures = {
            "server": server(session, f"{mico.base_url}/m/{meeting}/"),
            "browser": looks(browser, mico, meeting),
            "changes": changes(browser, mico, meeting),
            "reading_all": reading(browser, mico, meeting),
        }
        mico.stop()
    print(json.dumps(figures, indent=2))
    write("page", figures)


def program(mico: Mico, text: str) -> None:
    """Runs a few lines of Python inside Mico."""
    mico.manage("shell", "--no-imports", "-c", text)


def server(session: requests.Session, page: str) -> dict[str, Any]:
    """Time and bytes of the page, and of a window in the middle."""
    recording = LINES * 2 // 5  # the ids of a new database begin at 1
    figures = {}
    for name, url in {
        "page": page,
        "page_at_the_end": f"{page}?at=latest",
        "window": f"{page}transcript/?at={recording}.0",
    }.items():
        times = []
        for _ in range(LOOKS):
            began = time.perf_counter()
            answer = session.get(url, timeout=60)
            times.append((time.perf_counter() - began) * 1000)
            answer.raise_for_status()
        figures[name] = {"p50_ms": round(statistics.median(times), 1), "bytes": len(answer.content)}
    return figures


def opened(browser: Browser, mico: Mico, address: str) -> tuple[Page, CDPSession]:
    """A page of a signed-in person in a fresh profile, and the browser's own view of it."""
    page = browser.new_context(viewport={"width": 1180, "height": 760}).new_page()
    page.goto(mico.signin_link("bench"))
    page.goto(f"{mico.base_url}{address}")
    expect(page.locator("mico-socket")).to_have_attribute("data-state", "open")
    return page, page.context.new_cdp_session(page)


def looks(browser: Browser, mico: Mico, meeting: int) -> dict[str, float]:
    """From the request to the first paint and to a usable page, ms, with the scripts in the cache."""
    page, _ = opened(browser, mico, f"/m/{meeting}/")
    paints, usable = [], []
    for _ in range(LOOKS):
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


def changes(browser: Browser, mico: Mico, meeting: int) -> dict[str, float]:
    """What 100 recordings that get their words cost the page, ms in all."""
    page, devtools = opened(browser, mico, f"/m/{meeting}/?at=latest")
    devtools.send("Performance.enable")
    before = metrics(devtools)
    sent: list[int] = []
    page.on("response", lambda answer: sent.append(int(answer.headers.get("content-length", 0))))
    program(mico, ANSWER.format(meeting=meeting, changes=CHANGES))
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
    """Seconds that the page has spent so far."""
    names = {"ScriptDuration", "LayoutDuration", "RecalcStyleDuration"}
    found = devtools.send("Performance.getMetrics")["metrics"]
    return {metric["name"]: metric["value"] for metric in found if metric["name"] in names}


def reading(browser: Browser, mico: Mico, meeting: int) -> dict[str, float]:
    """From the first line to the last with the wheel: how long nothing else could happen at most."""
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
