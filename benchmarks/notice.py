"""From a 429 at the worker to the banner in a real browser, and to a thousand sockets.

Episode after episode on a Mico that was started for it: the vendor throttles, somebody hands in a clip, the vendor
is well again, the gate's own probe finds that out. Time zero is the vendor's answer with the 429, on the one clock of
the machine.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

from benchmarks import browser
from benchmarks.crowd import GATE, Crowd, Heard, a_crowd
from benchmarks.pipeline.load import ms
from benchmarks.results import write
from benchmarks.site import CLIP, Site, a_site
from benchmarks.whole import post
from tests.waiting import wait_until

EPISODES = 20
SOCKETS = 1000
BROWSER_MS = 100.0
SOCKETS_MS = 1000.0
# When the banner was there to be seen, and when it was painted (the frame after that); ms.
WATCH = """() => {
  window.banners = [];
  const banner = document.querySelector("[data-testid=delay] [data-when=delayed]");
  let shown = false;
  new MutationObserver(() => {
    if (shown === (shown = banner.checkVisibility()) || !shown) return;
    const entry = { seen: Date.now(), painted: null };
    window.banners.push(entry);
    requestAnimationFrame(() => setTimeout(() => (entry.painted = Date.now())));
  }).observe(document.querySelector("mico-delay"), { attributes: true });
}"""


@dataclass(frozen=True)
class Told:
    """How an episode reached the sockets, s after the 429. `wrong`: sockets that were told other than once."""

    each_s: list[float]
    last_s: float
    wrong: int


def told(heard: Sequence[Heard], sockets: int, refused: Sequence[float]) -> list[Told]:
    """One for each episode, in order. `refused`: when the vendor's 429 was there, of each (unix s).

    Raises ValueError if the episodes are not as many.
    """
    episodes = sorted({entry.episode for entry in heard})
    if len(episodes) != len(refused):
        raise ValueError(f"{len(episodes)} episodes were heard of, {len(refused)} began.")
    found = []
    for episode, at in zip(episodes, refused, strict=True):
        mine = [entry for entry in heard if entry.episode == episode]
        counts = Counter((entry.socket, entry.type) for entry in mine)
        wrong = sum(any(counts[number, kind] != 1 for kind in GATE) for number in range(sockets))
        each = [entry.t - at for entry in mine if entry.type == "stt.delayed"]
        found.append(Told(each, max(each, default=float("inf")), wrong))
    return found


def main(words: Sequence[str] = ()) -> None:
    """Measures, prints and writes benchmarks/results/notice.json."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.notice")
    parser.add_argument("--episodes", type=int, default=EPISODES, help=f"of each part ({EPISODES})")
    parser.add_argument("--sockets", type=int, default=SOCKETS, help=f"in the second part ({SOCKETS})")
    asked = parser.parse_args(words)
    began, loads = time.monotonic(), [os.getloadavg()[0]]
    with a_site(meetings=50, people=20, STT_WORKERS="5") as site, browser.a_page(site) as page:
        page.evaluate(WATCH)
        with a_crowd(site, 10) as few:
            figures: dict[str, Any] = {"alone": part(site, page, few, asked.episodes)}
        with a_crowd(site, asked.sockets) as many:
            figures["crowd"] = part(site, page, many, asked.episodes)
    loads.append(os.getloadavg()[0])
    figures |= {"load_average": loads, "bars": bars(figures)}
    for bar, reached in figures["bars"].items():
        print(f"{'reached' if reached else 'MISSED '}  {bar}")
    took = f"in {time.monotonic() - began:.0f} s, load average {loads[0]:.1f} … {loads[1]:.1f}"
    print(f"{took} on {os.cpu_count()} cores")
    write("notice", figures)


def part(site: Site, page: Page, crowd: Crowd, episodes: int) -> dict[str, Any]:
    """So many episodes, seen in the browser and by a crowd."""
    crowd.heard()
    page.evaluate("window.banners = []")
    refused, heard = [], []
    for number in range(episodes):
        refused.append(an_episode(site))
        heard += until_resumed(crowd)
        page.wait_for_function("(n) => window.banners.filter((b) => b.painted).length >= n", arg=number + 1)
    heard += crowd.heard()
    banners = page.evaluate("window.banners")
    reached = told(heard, crowd.open, refused)
    seen, painted = (
        [banner[name] / 1000 - at for banner, at in zip(banners, refused, strict=True)]
        for name in ("seen", "painted")
    )
    figures = {
        "sockets": crowd.open,
        "episodes": episodes,
        "banner_seen_ms": ms(seen),
        "banner_painted_ms": ms(painted),
        "each_socket_ms": ms([s for one in reached for s in one.each_s]),
        "last_socket_ms": ms([one.last_s for one in reached]),
        "sockets_told_wrong": sum(one.wrong for one in reached),
    }
    print(f"{crowd.open} sockets, {episodes} episodes")
    for name in ("banner_seen_ms", "banner_painted_ms", "each_socket_ms", "last_socket_ms"):
        print(f"    {name:20} {figures[name]}")
    print(f"    told other than exactly once: {figures['sockets_told_wrong']}", flush=True)
    return figures


def an_episode(site: Site) -> float:
    """Has the vendor refuse until it has done so once. Returns when it did, unix s."""
    site.emulator.throttle(60, code="A0003", retry_after="1")
    before = len(refusals(site))
    post(site.mico, site.token, site.meetings[0], CLIP, "live")
    wait_until(lambda: len(refusals(site)) > before, timeout=60, interval=0.02)
    site.emulator.throttle(0)
    first = refusals(site)[before]
    return float(first["t"] + first["seconds"])


def refusals(site: Site) -> list[dict[str, Any]]:
    """The 429s that the vendor gave, oldest first."""
    return [entry for entry in site.emulator.stats()["log"] if entry["status"] == 429]


def until_resumed(crowd: Crowd) -> list[Heard]:
    """What they hear until each has heard of the end."""
    heard: list[Heard] = []

    def over() -> bool:
        heard.extend(crowd.heard())
        return sum(entry.type == "stt.resumed" for entry in heard) >= crowd.open

    wait_until(over, timeout=60, interval=0.1)
    return heard


def bars(figures: dict[str, Any]) -> dict[str, bool]:
    """What was to be reached, and whether it is."""
    seen = figures["alone"]["banner_seen_ms"]["p95"]
    last = figures["crowd"]["last_socket_ms"]["p95"]
    sockets = figures["crowd"]["sockets"]
    wrong = figures["alone"]["sockets_told_wrong"] + figures["crowd"]["sockets_told_wrong"]
    return {
        f"p95 {seen} ms <= {BROWSER_MS:g} ms to the banner in Chromium": seen <= BROWSER_MS,
        f"p95 {last} ms <= {SOCKETS_MS:g} ms to all of {sockets} sockets": last <= SOCKETS_MS,
        "one delayed and one resumed for each episode on every socket": wrong == 0,
    }


if __name__ == "__main__":
    main(sys.argv[1:])
