"""What processes use, read from /proc: processor time and memory."""

import os
from collections.abc import Mapping
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the processor seconds that each process has used so far, with those of its ended children."""
    return {name: seconds_in(Path(f"/proc/{pid}/stat").read_text()) for name, pid in pids.items()}


def seconds_in(stat: str) -> float:
    """Return utime + stime + cutime + cstime of the content of /proc/PID/stat, in seconds."""
    fields = stat.rpartition(")")[2].split()  # The name before the bracket may contain blanks.
    return sum(int(fields[n]) for n in range(11, 15)) / TICKS


def rss_mb(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the resident memory of each process in MB."""
    return {name: memory_mb(pid, "VmRSS") for name, pid in pids.items()}


def memory_mb(pid: int, field: str) -> float:
    """Return a field of /proc/PID/status in MB: `VmRSS` (resident now) or `VmHWM` (the most so far)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024, 1)


def by_kind(values: Mapping[str, float]) -> dict[str, float]:
    """Sum the values of processes of one kind: worker-1 and worker-2 become worker."""
    sums: dict[str, float] = {}
    for name, value in values.items():
        kind = name.split("-")[0]
        sums[kind] = sums.get(kind, 0.0) + value
    return sums
