"""How long it takes from a 429 to the banner in a real browser, and to a thousand sockets.

The benchmark starts a Mico and repeats one episode: the vendor starts to throttle, a clip is handed in and refused,
the vendor recovers, and the gate's probe finds that out. Time zero is the vendor's answer with the 429. Everything is
measured on the machine's one clock.
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
from benchmarks.uploading import post
from tests.waiting import wait_until

EPISODES = 20
SOCKETS = 1000
BROWSER_MS = 100.0
SOCKETS_MS = 1000.0
# Records when the banner becomes visible, and when the frame after that is painted, in ms.
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
    """How one episode reached the sockets.

    `each_s`: for each "delayed" event, the seconds since the 429. `last_s`: the longest of them. `wrong`: the number
    of sockets that did not get exactly one "delayed" and one "resumed".
    """

    each_s: list[float]
    last_s: float
    wrong: int


def told(heard: Sequence[Heard], sockets: int, refused: Sequence[float]) -> list[Told]:
    """Evaluate the events of all sockets, episode by episode, in order.

    `refused`: when the vendor answered 429 in each episode (Unix seconds). Raises ValueError if the events belong to
    more or fewer episodes.
    """
    episodes = sorted({entry.episode for entry in heard})
    if len(episodes) != len(refused):
        raise ValueError(f"The sockets got events of {len(episodes)} episodes; {len(refused)} began.")
    found = []
    for episode, at in zip(episodes, refused, strict=True):
        mine = [entry for entry in heard if entry.episode == episode]
        counts = Counter((entry.socket, entry.type) for entry in mine)
        wrong = sum(any(counts[number, kind] != 1 for kind in GATE) for number in range(sockets))
        each = [entry.t - at for entry in mine if entry.type == "stt.delayed"]
        found.append(Told(each, max(each, default=float("inf")), wrong))
    return found


def main(words: Sequence[str] = ()) -> None:
    """Measure, print, and write benchmarks/results/notice.json. `words`: the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.notice")
    parser.add_argument(
        "--episodes", type=int, default=EPISODES, help=f"episodes of each part, at least 2 ({EPISODES})"
    )
    parser.add_argument(
        "--sockets", type=int, default=SOCKETS, help=f"open sockets in the second part ({SOCKETS})"
    )
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
    """Run the episodes with this crowd, and return the figures of the browser and of the sockets."""
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
    print(f"    sockets not told exactly once: {figures['sockets_told_wrong']}", flush=True)
    return figures


def an_episode(site: Site) -> float:
    """Let the vendor refuse one clip and recover. Return when it answered 429, in Unix seconds."""
    site.emulator.throttle(60, code="A0003", retry_after="1")
    before = len(refusals(site))
    post(site.mico, site.token, site.meetings[0], CLIP, "live")
    wait_until(lambda: len(refusals(site)) > before, timeout=60, interval=0.02)
    site.emulator.throttle(0)
    first = refusals(site)[before]
    return float(first["t"] + first["seconds"])


def refusals(site: Site) -> list[dict[str, Any]]:
    """Return the vendor's 429 answers, oldest first."""
    return [entry for entry in site.emulator.stats()["log"] if entry["status"] == 429]


def until_resumed(crowd: Crowd) -> list[Heard]:
    """Wait until every socket has got "resumed". Return the events until then."""
    heard: list[Heard] = []

    def over() -> bool:
        heard.extend(crowd.heard())
        return sum(entry.type == "stt.resumed" for entry in heard) >= crowd.open

    wait_until(over, timeout=60, interval=0.1)
    return heard


def bars(figures: dict[str, Any]) -> dict[str, bool]:
    """Return each target in words, and whether it is reached."""
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
