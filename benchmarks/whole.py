"""A whole Mico on this machine: how long it takes to start, how much memory it needs, what a recording costs.

The benchmark starts a Mico with data and ports of its own and measures:
    `make run` in a fresh clone, and once more where the environment exists, until Mico says that it is ready;
    the time from the last byte of an upload to its POST at the vendor, and to its words in the API;
    the requests to the vendor for each transcription;
    the memory of each process, and how it grows during an upload of 500 MB.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.processes import memory_mb, rss_mb
from benchmarks.results import write
from benchmarks.site import CLIP
from benchmarks.uploading import post
from tests.processes import Mico, a_mico
from tests.servers import BASE_DIR
from tests.waiting import wait_until

CLIPS = 30
MEGABYTES = 500


def main(words: Sequence[str] = ()) -> None:
    """Measure, print, and write benchmarks/results/whole.json. `words`: the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.whole")
    parser.add_argument("--clips", type=int, default=CLIPS, help=f"clips, at least 2 ({CLIPS})")
    parser.add_argument(
        "--megabytes", type=int, default=MEGABYTES, help=f"size of the large file ({MEGABYTES})"
    )
    parser.add_argument(
        "--no-clone", action="store_true", help="do not install a fresh clone, which downloads packages"
    )
    asked = parser.parse_args(words)
    figures: dict[str, Any] = {} if asked.no_clone else {"clean_clone_s": clean_clone()}
    with a_mico(STT_WORKERS="5") as mico:
        began = time.monotonic()
        mico.start("make", "run")
        figures["second_start_s"] = round(time.monotonic() - began, 2)
        token = mico.token("bench")
        meeting = mico.api("POST", "/meetings", token, json={"title": "b"}).json()["id"]
        figures["rss_mb_at_rest"] = rss(mico)
        figures |= clips(mico, token, meeting, asked.clips)
        figures |= large(mico, token, meeting, asked.megabytes)
        figures["rss_mb_afterwards"] = rss(mico)
        mico.stop()
    print(json.dumps(figures, indent=2))
    write("whole", figures)


def clean_clone() -> float:
    """Return the seconds of `make run` in a fresh clone until Mico is ready, with the download of its packages."""
    with a_mico() as mico, tempfile.TemporaryDirectory() as directory:
        clone = Path(directory) / "mico"
        subprocess.run(["git", "clone", "--quiet", str(BASE_DIR), str(clone)], check=True)
        began = time.monotonic()
        mico.start("make", "-C", str(clone), "run")
        took = time.monotonic() - began
        mico.stop()
    return round(took, 1)


def clips(mico: Mico, token: str, meeting: int, number: int) -> dict[str, Any]:
    """Upload spoken clips, each after the words of the one before have arrived."""
    mico.emulator.reset()
    to_vendor, to_words = [], []
    for _ in range(number):
        seen = len(submits(mico))
        sent_at, recording = post(mico, token, meeting, CLIP)
        wait_until(lambda n=seen: len(submits(mico)) > n, 30)  # type: ignore[misc]
        to_vendor.append((submits(mico)[-1]["t"] - sent_at) * 1000)
        wait_until(lambda id_=recording: status(mico, token, id_) == "done", 60)  # type: ignore[misc]
        to_words.append((time.time() - sent_at) * 1000)
    stats = mico.emulator.stats()
    requests = {route: sum(by_status.values()) for route, by_status in stats["requests"].items()}
    return {
        "last_byte_to_vendor_ms": spread(to_vendor),
        "last_byte_to_words_ms": spread(to_words),
        "vendor_requests_per_transcription": {route: round(n / number, 2) for route, n in requests.items()},
    }


def large(mico: Mico, token: str, meeting: int, megabytes: int) -> dict[str, Any]:
    """Upload one WAV of silence, and wait until the vendor has it."""
    file = mico.data / "large.wav"
    make_wav(file, megabytes * 1024**2)
    peaks = before = rss(mico)
    began = time.monotonic()
    sent_at, recording = post(mico, token, meeting, file)
    uploaded = time.monotonic() - began

    def submitted() -> bool:
        nonlocal peaks
        peaks = {name: max(mb, peaks.get(name, 0)) for name, mb in rss(mico).items()}
        return status(mico, token, recording) not in {"queued", "submitting"}

    wait_until(submitted, 120)
    to_vendor = time.time() - sent_at
    growth = {name: round(mb - before.get(name, 0), 1) for name, mb in peaks.items() if name != "emulator"}
    mico.api("POST", f"/recordings/{recording}/cancel", token)
    web = mico.pid("web")
    assert web, "the web process is not running"
    return {
        "large_upload_mb": megabytes,
        "large_upload_s": round(uploaded, 2),
        "large_upload_to_vendor_s": round(to_vendor, 2),
        "rss_growth_mb": growth,
        "peak_rss_mb_of_web": memory_mb(web, "VmHWM"),
    }


def make_wav(path: Path, size: int) -> None:
    """Write a WAV of `size` bytes of silence: 16 kHz stereo, so that 500 MB are less than four hours."""
    block = bytes(1024**2)
    with path.open("wb") as file:
        header = b"RIFF" + (size + 36).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
        header += (1).to_bytes(2, "little") + (2).to_bytes(2, "little") + (16_000).to_bytes(4, "little")
        header += (64_000).to_bytes(4, "little") + (4).to_bytes(2, "little") + (16).to_bytes(2, "little")
        file.write(header + b"data" + size.to_bytes(4, "little"))
        for _ in range(size // len(block)):
            file.write(block)


def submits(mico: Mico) -> list[dict[str, Any]]:
    """Return the submits that the vendor has received, oldest first."""
    return [entry for entry in mico.emulator.stats()["log"] if entry["route"] == "submit"]


def status(mico: Mico, token: str, recording: int) -> str:
    """Return the status of a recording."""
    return str(mico.api("GET", f"/recordings/{recording}", token).json()["status"])


def rss(mico: Mico) -> dict[str, float]:
    """Return the resident memory of each process of Mico in MB."""
    return rss_mb({name: pid for name in mico.running() if (pid := mico.pid(name))})


def spread(values: list[float]) -> dict[str, float]:
    """Return the median, the 95th percentile and the maximum of at least two values."""
    return {
        "p50": round(statistics.median(values), 1),
        "p95": round(statistics.quantiles(values, n=20)[-1], 1),
        "max": round(max(values), 1),
    }


if __name__ == "__main__":
    main(sys.argv[1:])
