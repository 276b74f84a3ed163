"""What processes cost, from /proc: seconds of processor, memory."""

import os
from collections.abc import Mapping
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """Seconds of processor that each has used so far, its ended children's among them."""
    return {name: seconds_in(Path(f"/proc/{pid}/stat").read_text()) for name, pid in pids.items()}


def seconds_in(stat: str) -> float:
    """utime + stime + cutime + cstime of a line of /proc/PID/stat."""
    fields = stat.rpartition(")")[2].split()  # the name before it may have blanks
    return sum(int(fields[n]) for n in range(11, 15)) / TICKS


def rss_mb(pids: Mapping[str, int]) -> dict[str, float]:
    """Resident memory of each, MB."""
    return {name: _rss(pid) for name, pid in pids.items()}


def _rss(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024, 1)


def by_kind(values: Mapping[str, float]) -> dict[str, float]:
    """Sums, with the workers as one: worker-1, worker-2 → worker."""
    sums: dict[str, float] = {}
    for name, value in values.items():
        kind = name.split("-")[0]
        sums[kind] = sums.get(kind, 0.0) + value
    return sums
