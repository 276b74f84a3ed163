"""Whether English clips hold Korean ones up at a vendor that counts the jobs of each model apart.

The benchmark starts a Mico whose vendor takes 10 jobs of sommers and 2 of whisper at once. Each job takes the same
time. Korean clips are transcribed alone, and then with English ones that were handed in just before them. Mico is
told of 10 jobs at once, of whatever model, and has to find out that whisper takes 2.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.results import write
from benchmarks.site import CLIP, Site, a_site
from benchmarks.uploading import post
from tests.waiting import wait_until

KOREAN, ENGLISH, JOB_S = 30, 10, 9.0
PLAN = {"sommers": 10, "whisper": 2}  # RTZR's smallest
MOST = 1.25  # times as long as alone


def main(words: Sequence[str] = ()) -> None:
    """Measure, print, and write benchmarks/results/pools.json. `words`: the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pools")
    parser.add_argument("--korean", type=int, default=KOREAN, help=f"Korean clips ({KOREAN})")
    parser.add_argument("--english", type=int, default=ENGLISH, help=f"English clips ({ENGLISH})")
    parser.add_argument("--job", type=float, default=JOB_S, help=f"seconds that each job takes ({JOB_S:g})")
    asked = parser.parse_args(words)
    with a_site(STT_WORKERS="5") as site:
        site.emulator.control("limits", concurrency_by_model=PLAN)
        site.emulator.turnaround(seconds=asked.job)
        alone = korean(site, asked.korean, english=0)
        mixed = korean(site, asked.korean, english=asked.english)
    ratio = round(mixed["seconds"] / alone["seconds"], 2)
    figures = {"clips": vars(asked), "alone": alone, "mixed": mixed, "ratio": ratio}
    figures["bars"] = {f"{ratio} <= {MOST:g} times as long as alone": ratio <= MOST}
    for bar, reached in figures["bars"].items():
        print(f"{'reached' if reached else 'MISSED '}  {bar}")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    write("pools", figures)


def korean(site: Site, number: int, english: int) -> dict[str, Any]:
    """Hand in English clips and then `number` Korean ones. Return how long all Korean ones took."""
    meetings = {
        language: site.mico.api(
            "POST", "/meetings", site.token, json={"title": language, "language": language}
        )
        for language in ("en", "ko")
    }
    ids = {language: answer.json()["id"] for language, answer in meetings.items()}
    refused_before = refused(site)
    for _ in range(english):
        post(site.mico, site.token, ids["en"], CLIP, "live")
    began = time.monotonic()
    for _ in range(number):
        post(site.mico, site.token, ids["ko"], CLIP, "live")

    def done() -> bool:
        recordings = site.mico.api("GET", f"/meetings/{ids['ko']}", site.token).json()["recordings"]
        return [recording["status"] for recording in recordings] == ["done"] * number

    wait_until(done, timeout=600, interval=0.2)
    figures = {
        "seconds": round(time.monotonic() - began, 1),
        "refused": refused(site) - refused_before,
    }
    print(f"{number} Korean clips after {english} English ones: {figures}", flush=True)
    return figures


def refused(site: Site) -> int:
    """Return how many submits the vendor has answered with a 429."""
    count: int = site.emulator.stats()["requests"].get("submit", {}).get("429", 0)
    return count


if __name__ == "__main__":
    main(sys.argv[1:])
