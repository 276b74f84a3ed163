"""A whole Mico on this machine: how long it takes to start, how large it is, and what a recording costs.

Everything is measured on one that was started for it, with data and ports of its own:
    the second `make run` (the environment exists) until it says that it is ready;
    from the last byte of an upload to its POST at the vendor;
    from the last byte to the words in the API, beside the vendor's own time;
    requests to the vendor for each transcription;
    RSS of each process, and how it grows over an upload of 500 MB.
"""

import json
import shutil
import statistics
import subprocess
import tempfile
import time
import uuid
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from benchmarks.results import write
from tests.processes import Mico, a_mico
from tests.servers import BASE_DIR
from tests.waiting import wait_until

CLIPS = 30
LARGE_BYTES = 500 * 1024**2
SPEECH = BASE_DIR / "tests" / "audio" / "speech_slt_1.wav"
BOUNDARY = "mico-benchmark"


def main() -> None:
    """Measures, prints and writes benchmarks/results/whole.json."""
    figures: dict[str, Any] = {"clean_clone_s": clean_clone()}
    with a_mico(STT_WORKERS="5") as mico:
        began = time.monotonic()
        mico.start("make", "run")
        figures["second_start_s"] = round(time.monotonic() - began, 2)
        token = mico.token("bench")
        meeting = mico.api("POST", "/meetings", token, json={"title": "b"}).json()["id"]
        figures["rss_mb_at_rest"] = rss(mico)
        figures |= clips(mico, token, meeting)
        figures |= large(mico, token, meeting)
        figures["rss_mb_afterwards"] = rss(mico)
        mico.stop()
    print(json.dumps(figures, indent=2))
    write("whole", figures)


def clean_clone() -> float:
    """Seconds of `make run` in a fresh clone, packages downloaded, until it is ready."""
    with a_mico() as mico, tempfile.TemporaryDirectory() as directory:
        clone = Path(directory) / "mico"
        subprocess.run(["git", "clone", "--quiet", str(BASE_DIR), str(clone)], check=True)
        began = time.monotonic()
        mico.start("make", "-C", str(clone), "run")
        took = time.monotonic() - began
        mico.stop()
        shutil.rmtree(clone)
    return round(took, 1)


def post(mico: Mico, token: str, meeting: int, file: Path, kind: str = "upload") -> tuple[float, int]:
    """Hands a file in. Returns when its last byte was out (unix s), and the recording's id."""
    fields = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in {"client_id": uuid.uuid4(), "kind": kind}.items()
    )
    head = f'{fields}--{BOUNDARY}\r\nContent-Disposition: form-data; name="audio"; filename="{file.name}"\r\n\r\n'
    tail = f"\r\n--{BOUNDARY}--\r\n"
    connection = HTTPConnection("127.0.0.1", mico.port, timeout=300)
    connection.putrequest("POST", f"/api/v1/meetings/{meeting}/recordings")
    connection.putheader("Authorization", f"Bearer {token}")
    connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
    connection.putheader("Content-Length", str(len(head) + file.stat().st_size + len(tail)))
    connection.endheaders(head.encode())
    with file.open("rb") as content:
        while block := content.read(1024**2):
            connection.send(block)
    connection.send(tail.encode())
    out = time.time()
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    assert answer.status == 201, body
    return out, body["id"]


def clips(mico: Mico, token: str, meeting: int) -> dict[str, Any]:
    """Spoken clips one after the other, words recognised for real."""
    mico.emulator.reset()
    to_vendor, to_words = [], []
    for _ in range(CLIPS):
        seen = len(submits(mico))
        out, recording = post(mico, token, meeting, SPEECH)
        wait_until(lambda n=seen: len(submits(mico)) > n, 30)  # type: ignore[misc]
        to_vendor.append((submits(mico)[-1]["t"] - out) * 1000)
        wait_until(lambda id_=recording: status(mico, token, id_) == "done", 60)  # type: ignore[misc]
        to_words.append((time.time() - out) * 1000)
    stats = mico.emulator.stats()
    asked = {route: sum(seen.values()) for route, seen in stats["requests"].items()}
    return {
        "last_byte_to_vendor_ms": spread(to_vendor),
        "last_byte_to_words_ms": spread(to_words),
        "vendor_requests_per_transcription": {route: round(n / CLIPS, 2) for route, n in asked.items()},
    }


def large(mico: Mico, token: str, meeting: int) -> dict[str, Any]:
    """One WAV of 500 MB of silence, from the upload to the vendor's having it."""
    file = mico.data / "large.wav"
    make_wav(file, LARGE_BYTES)
    peaks = before = rss(mico)
    began = time.monotonic()
    out, recording = post(mico, token, meeting, file)
    uploaded = time.monotonic() - began

    def there() -> bool:
        nonlocal peaks
        peaks = {name: max(mb, peaks.get(name, 0)) for name, mb in rss(mico).items()}
        return status(mico, token, recording) not in {"queued", "submitting"}

    wait_until(there, 120)
    sent = time.time() - out
    growth = {name: round(mb - before.get(name, 0), 1) for name, mb in peaks.items() if name != "emulator"}
    mico.api("POST", f"/recordings/{recording}/cancel", token)
    return {
        "upload_500_mb_s": round(uploaded, 2),
        "upload_500_mb_to_vendor_s": round(sent, 2),
        "rss_growth_mb": growth,
        "peak_rss_mb_of_web": peak_mb(mico.pid("web")),
    }


def make_wav(path: Path, size: int) -> None:
    """A WAV of `size` bytes of sound: 16 kHz stereo, so that four hours are not exceeded."""
    block = bytes(1024**2)
    with path.open("wb") as file:
        header = b"RIFF" + (size + 36).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
        header += (1).to_bytes(2, "little") + (2).to_bytes(2, "little") + (16_000).to_bytes(4, "little")
        header += (64_000).to_bytes(4, "little") + (4).to_bytes(2, "little") + (16).to_bytes(2, "little")
        file.write(header + b"data" + size.to_bytes(4, "little"))
        for _ in range(size // len(block)):
            file.write(block)


def submits(mico: Mico) -> list[dict[str, Any]]:
    """The submits that the vendor has seen, oldest first."""
    return [entry for entry in mico.emulator.stats()["log"] if entry["route"] == "submit"]


def status(mico: Mico, token: str, recording: int) -> str:
    """A recording's status."""
    return str(mico.api("GET", f"/recordings/{recording}", token).json()["status"])


def rss(mico: Mico) -> dict[str, float]:
    """Resident memory of each process, MB."""
    return {name: peak_mb(mico.pid(name), "VmRSS") for name in mico.running()}


def peak_mb(pid: int | None, field: str = "VmHWM") -> float:
    """The most memory that a process ever had, or another field of /proc/PID/status, MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024, 1)


def spread(values: list[float]) -> dict[str, float]:
    """Median, 95th percentile and largest."""
    return {
        "p50": round(statistics.median(values), 1),
        "p95": round(statistics.quantiles(values, n=20)[-1], 1),
        "max": round(max(values), 1),
    }
