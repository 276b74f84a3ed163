"""A trace of Mico's gate in one run, for changing its law."""

from collections.abc import Callable

from redis import Redis

from benchmarks.gate.mico import Mico
from benchmarks.gate.runs import Score, measure
from benchmarks.gate.scenarios import EPOCH, Scenario
from benchmarks.gate.simulation import Run
from transcription.gate import GateChange


def traced(redis: "Redis", scenario: Scenario, seed: int, every: float) -> Score:
    """Run Mico's gate. Print each change, and what Redis holds every `every` simulated seconds."""
    print(f"--- {scenario.name}, seed {seed}")
    policy = Mico(redis, trace=_change)
    return measure(scenario, seed, policy, watch=_watcher(policy), every=every)


def _change(now: float, change: GateChange) -> None:
    state = change.state
    until = "" if state.reopens_at is None else f", next try in {state.reopens_at - EPOCH - now:.2f} s"
    print(f"{now:8.2f}  {change.kind:6} {change.lane}: {state.mode} {state.reason or ''}{until} {state.note}")


def _watcher(policy: Mico) -> Callable[[float, Run], None]:
    last = [0, 0]

    def watch(now: float, run: Run) -> None:
        accepted, refused = run.accepted - last[0], run.refused - last[1]
        last[:] = [run.accepted, run.refused]
        held = " ".join(f"{k}={_short(v)}" for k, v in policy.held().items() if v not in {"", "0"})
        print(f"{now:8.2f}  +{accepted} ok +{refused} 429, {run.done}/{run.items} done; {held}")

    return watch


def _short(value: str) -> str:
    """Write a time as seconds since the scenario began."""
    try:
        number = float(value)
    except ValueError:
        return value
    return f"@{number - EPOCH:.2f}" if abs(number - EPOCH) < 1e6 else f"{number:g}"
