"""The command line of the pipeline benchmark: runs, prints, and writes benchmarks/results/pipeline.json."""

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from benchmarks import browser
from benchmarks.crowd import a_crowd
from benchmarks.pipeline import load
from benchmarks.pipeline.load import Speech, ms
from benchmarks.pipeline.stages import STAGES
from benchmarks.processes import by_kind, rss_mb
from benchmarks.results import write
from benchmarks.site import Site, a_site

TURNAROUND_S = 1.3  # The vendor's, for every clip. A poll every second falls before and after it, not on it.
QUICK_S = 0.1  # The vendor's turnaround at full load, where only the work counts.
WORKERS = (5, 10, 20)
WARM = 50  # clips, after which the turnaround has been learned
CLIPS = 100
BARS_MS = {"p50": 150.0, "p95": 400.0}
SLOWER = 3.0
FLEETS = {"in-process": "InProcess", "forking": "Forking"}
SCHEDULES = {"every 1 s (the first version)": "EverySecond", "every 5 s (the advice)": "EveryFive"}


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """Parse the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pipeline")
    parser.add_argument(
        "--clips",
        type=int,
        default=CLIPS,
        help=f"clips counted in each run at 5 a second, at least 4 ({CLIPS})",
    )
    parser.add_argument("--warm", type=int, default=WARM, help=f"clips before these, not counted ({WARM})")
    parser.add_argument(
        "--workers", type=int, nargs="*", default=WORKERS, help="numbers of workers to compare (5 10 20)"
    )
    parser.add_argument(
        "--sockets", type=int, nargs="*", default=[1000], help="numbers of open sockets to run beside (1000)"
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each run at full load (10)")
    return parser.parse_args(words)


def main(words: Sequence[str] = ()) -> None:
    """Run the benchmark. `words`: the options of the command line."""
    asked = arguments(words)
    began, loads = time.monotonic(), [os.getloadavg()[0]]
    figures: dict[str, Any] = {"turnaround_s": TURNAROUND_S, "clips_per_s": load.PER_SECOND}
    figures["mico"] = as_it_is(asked)
    figures["schedules"] = {name: schedule(asked, worker) for name, worker in SCHEDULES.items()}
    figures["fleets"] = {
        f"{workers} {name}": fleet(asked, worker, workers)
        for workers in asked.workers
        for name, worker in FLEETS.items()
    }
    loads.append(os.getloadavg()[0])
    figures |= {"load_average": loads, "bars": bars(figures)}
    for bar, reached in figures["bars"].items():
        print(f"{'reached' if reached else 'MISSED '}  {bar}")
    took = f"in {time.monotonic() - began:.0f} s, load average {loads[0]:.1f} … {loads[1]:.1f}"
    print(f"{took} on {os.cpu_count()} cores")
    write("pipeline", figures)


@contextmanager
def the_site(
    worker: str, *, workers: int = 5, meetings: int = 1, people: int = 2, **variables: str
) -> Iterator[Site]:
    """Start a Mico with these workers, and without a limit on jobs at the vendor: the vendor never throttles here."""
    with a_site(
        meetings=meetings,
        people=people,
        STT_WORKERS=str(workers),
        RTZR_JOBS_AT_ONCE="0",
        DJANGO_SETTINGS_MODULE="benchmarks.pipeline.settings",
        MICO_BENCHMARK_WORKER=worker,
        **variables,
    ) as site:
        site.emulator.turnaround(seconds=TURNAROUND_S)
        yield site


def as_it_is(asked: argparse.Namespace) -> dict[str, Any]:
    """Measure Mico with its own settings: alone, beside a browser, and with many sockets open."""
    with the_site("InProcess", meetings=50, people=20) as site:
        speech = load.speak(site, asked.clips, asked.warm)
        found: dict[str, Any] = {"alone": shown("Mico", speech, clips=asked.clips), "stages": stages(speech)}
        found["rss_mb"] = rss_mb(site.pids())
        found["browser"] = in_a_browser(site, asked.clips // 2)
        found["sockets"] = {}
        for sockets in asked.sockets:
            before = rss_mb(site.pids())["web"]
            with a_crowd(site, sockets) as crowd:
                grown = rss_mb(site.pids())["web"] - before
                speech = load.speak(site, asked.clips)
                crowd.heard()  # Raises an error if a socket has closed.
            figures = shown(f"with {sockets} sockets open", speech, clips=asked.clips)
            print(
                f"    opened in {crowd.opened_s} s, {1024 * grown / sockets:.0f} kB each in the web process"
            )
            found["sockets"][str(sockets)] = {
                **figures,
                "opened_s": crowd.opened_s,
                "kb_each": round(1024 * grown / sockets, 1),
            }
        return found


def in_a_browser(site: Site, clips: int) -> dict[str, Any]:
    """Measure the same clips in the reader and in a Chromium."""
    with browser.a_page(site) as page:
        browser.watch(page)
        speech = load.speak(site, clips)
        page.wait_for_function("(n) => Object.keys(window.words).length >= n", arg=clips)
        seen = browser.seen(page)
    later = [seen[clip.recording] - clip.words for clip in speech.clips]
    added = [way.added_s + delay for way, delay in zip(speech.ways, later, strict=True)]
    figures = {"added_ms": ms(added), "reader_ms": ms([way.added_s for way in speech.ways])}
    line("in a real Chromium", figures["added_ms"], f"the reader beside it {figures['reader_ms']}")
    return figures


def schedule(asked: argparse.Namespace, worker: str) -> dict[str, Any]:
    """Measure another poll schedule. It learns nothing, so ten clips are enough to warm up the processes."""
    with the_site(worker) as site:
        return shown(worker, load.speak(site, asked.clips, warm=min(10, asked.warm)), clips=asked.clips)


def fleet(asked: argparse.Namespace, worker: str, workers: int) -> dict[str, Any]:
    """Measure a number of workers of one kind: at 5 clips a second (half the clips), and at full load."""
    with the_site(worker, workers=workers) as site:
        speech = load.speak(site, asked.clips // 2, asked.warm)
        found = shown(f"{workers} × {worker}", speech, clips=asked.clips // 2)
        found["rss_mb"] = by_kind(rss_mb(site.pids()))
    with the_site(worker, workers=workers, STT_POLLS_PER_SECOND="1000") as site:
        site.emulator.turnaround(seconds=QUICK_S)
        full = load.saturate(site, at_once=6 * workers, warm_s=4.0, seconds=asked.seconds)
    found |= {"carried_per_s": full.per_second, "carried_cpu_ms": per_clip(full.cpu_s, 1)}
    total = sum(found["carried_cpu_ms"].values())
    print(f"    full load: {full.per_second}/s, {total:.0f} ms of processor per clip; RSS {found['rss_mb']}")
    return found


def shown(name: str, speech: Speech, *, clips: int) -> dict[str, Any]:
    """Print and return the figures of one run."""
    late = [late for way in speech.ways for late in way.late_s]
    added = ms([way.added_s for way in speech.ways])
    figures: dict[str, Any] = {
        "added_ms": added,
        "polls": round(len(late) / clips, 2),
        "poll_late_ms": ms(late),
        "cpu_ms": per_clip(speech.cpu_s, clips),
        "fetches": round(speech.fetches / clips, 2),
    }
    line(name, added, f"{figures['polls']} polls, late by {figures['poll_late_ms']}")
    print(f"    processor, ms per clip: {figures['cpu_ms']}")
    return figures


def per_clip(cpu_s: dict[str, float], clips: int) -> dict[str, float]:
    """Return the processor time of one clip in ms, by kind of process."""
    return {kind: round(1000 * used / clips, 1) for kind, used in cpu_s.items()}


def stages(speech: Speech) -> dict[str, dict[str, float]]:
    """Print and return the time of each stage."""
    found = {name: ms([way.stages[name] for way in speech.ways]) for name in STAGES}
    for name, figures in found.items():
        print(f"    {name:36} p50 {figures['p50']:7.1f}   p95 {figures['p95']:7.1f} ms")
    return found


def line(name: str, added: dict[str, float], more: str) -> None:
    """Print one line of the table."""
    print(f"{name:32} added p50 {added['p50']:7.1f}   p95 {added['p95']:7.1f} ms   {more}", flush=True)


def bars(figures: dict[str, Any]) -> dict[str, bool]:
    """Return each target in words, and whether it is reached."""
    mine = figures["mico"]["alone"]["added_ms"]
    found = {
        f"{name} {mine[name]} ms <= {bar:g} ms added": mine[name] <= bar for name, bar in BARS_MS.items()
    }
    for name, other in figures["schedules"].items():
        ratio = other["added_ms"]["p50"] / mine["p50"]
        found[f"{name}: {ratio:.1f} times slower at the median, >= {SLOWER:g}"] = ratio >= SLOWER
    return found
