"""The load: clips at a fixed mean rate, or as many as the machine carries; and what was recorded about them."""

import asyncio
import json
import random
import statistics
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from benchmarks.pipeline import notes
from benchmarks.pipeline.reader import Reader, a_reader
from benchmarks.pipeline.stages import Clip, Row, Way, ways
from benchmarks.processes import by_kind, cpu_seconds
from benchmarks.site import CLIP, Site
from benchmarks.uploading import post

T = TypeVar("T")

PER_SECOND = 5.0
SEED = 7
ROWS = """
import json
from transcription.models import Transcription
rows = Transcription.objects.filter(recording__in={recordings}).order_by("pk")
held = [(r.pk, r.recording_id, r.vendor_job_id, r.created_at.timestamp(), r.finished_at.timestamp()) for r in rows]
print(json.dumps(held))
"""


@dataclass(frozen=True)
class Speech:
    """Clips that were handed in, with the processor seconds of each kind of process and the reader's fetches."""

    ways: list[Way]
    clips: list[Clip]
    cpu_s: dict[str, float]
    fetches: int


def speak(site: Site, clips: int, warm: int = 0) -> Speech:
    """Hand in clips at random moments, on average 5 a second. `warm`: clips before these, which are not counted."""
    return _in_a_thread(_speak(site, clips, warm))


async def _speak(site: Site, number: int, warm: int) -> Speech:
    moments = random.Random(SEED)
    async with a_reader(site.mico.base_url, site.meetings[0], site.cookies[1]) as reader:
        if warm:
            await _at_a_rate(site, reader, warm, moments)
        fetches = reader.fetches
        before = cpu_seconds(site.pids())
        clips = await _at_a_rate(site, reader, number, moments)
        spent = {name: used - before[name] for name, used in cpu_seconds(site.pids()).items()}
        fetches = reader.fetches - fetches
    found = rows(site, clips)  # This takes more than a second: the worker has noted its last job by then.
    log = site.emulator.stats()["log"]
    return Speech(ways(clips, found, log, notes.read(site.mico.data)), clips, by_kind(spent), fetches)


async def _at_a_rate(site: Site, reader: Reader, number: int, moments: random.Random) -> list[Clip]:
    tasks = []
    at = time.monotonic()
    for _ in range(number):
        await asyncio.sleep(max(0.0, at - time.monotonic()))
        at += moments.expovariate(PER_SECOND)
        tasks.append(asyncio.create_task(_clip(site, reader)))
    return await asyncio.gather(*tasks)


async def _clip(site: Site, reader: Reader) -> Clip:
    out, recording = await asyncio.to_thread(post, site.mico, site.token, site.meetings[0], CLIP, "live")
    await reader.shown(recording)
    return Clip(recording, out, reader.done[recording], reader.words[recording])


def rows(site: Site, clips: list[Clip]) -> list[Row]:
    """Return the transcriptions of these clips in the database."""
    found = json.loads(site.program(ROWS.format(recordings=[clip.recording for clip in clips])))
    return [Row(*values) for values in found]


@dataclass(frozen=True)
class Carried:
    """Transcriptions per second, and the processor seconds of one transcription by kind of process."""

    per_second: float
    cpu_s: dict[str, float]


def saturate(site: Site, *, at_once: int, warm_s: float, seconds: float) -> Carried:
    """Keep `at_once` clips in progress. After `warm_s` seconds, count for `seconds`."""
    return _in_a_thread(_saturate(site, at_once, warm_s, seconds))


async def _saturate(site: Site, at_once: int, warm_s: float, seconds: float) -> Carried:
    async with a_reader(site.mico.base_url, site.meetings[0], site.cookies[1]) as reader:
        stop = asyncio.Event()

        async def repeat() -> None:
            while not stop.is_set():
                await _clip(site, reader)

        tasks = [asyncio.create_task(repeat()) for _ in range(at_once)]
        await asyncio.sleep(warm_s)
        began, had, before = time.monotonic(), len(reader.words), cpu_seconds(site.pids())
        await asyncio.sleep(seconds)
        took, done = time.monotonic() - began, len(reader.words) - had
        spent = {name: used - before[name] for name, used in cpu_seconds(site.pids()).items()}
        stop.set()
        await asyncio.gather(*tasks)
    each = {kind: round(used / done, 4) for kind, used in by_kind(spent).items()}
    return Carried(round(done / took, 1), each)


def _in_a_thread(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in another thread, because Playwright may have an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def ms(seconds: list[float]) -> dict[str, float]:
    """Return the median and the 95th percentile in ms, of at least two values in seconds."""
    p95 = statistics.quantiles(seconds, n=20)[-1]
    return {"p50": round(statistics.median(seconds) * 1000, 1), "p95": round(p95 * 1000, 1)}
