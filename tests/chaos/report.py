"""The table of a run."""

from collections import Counter, defaultdict

from tests.chaos.checker import Turn
from tests.chaos.faults import FAULTS
from tests.chaos.run import Outcome
from tests.chaos.schedule import faults_for
from tests.chaos.supervisor import libfaketime

BAR_RECOVERY = 10.0  # seconds from the last fault of a wave until work goes on


def failures(outcome: Outcome) -> list[str]:
    """Return what is lost, wrong, stuck or unexplained in the end; nothing if all is well."""
    why = [str(problem) for problem in outcome.problems]
    if outcome.drained_s is None:
        why.append("stuck: work was still under way long after the last fault")
    return why


def slow(outcome: Outcome) -> list[str]:
    """Return after which waves of faults work did not go on in time. That depends on the machine, too."""
    why = []
    for number, took in enumerate(outcome.recoveries, 1):
        if took is None or took > BAR_RECOVERY:
            why.append(f"recovery: after wave {number} the next line came after {_seconds(took)} s")
    return why


def table(outcome: Outcome) -> str:
    """Return the report of a run, in lines of Markdown."""
    times: dict[str, list[float]] = defaultdict(list)
    for name, seconds in outcome.next_line:
        times[name].append(seconds)
    made = Counter(struck.strike.fault for struck in outcome.struck if not struck.error)
    failed = Counter(struck.strike.fault for struck in outcome.struck if struck.error)
    lines = [
        f"Seed {outcome.seed}, {outcome.database}: {sum(made.values())} faults.",
        "",
        "| fault | made | could not be made | next line after its end: median, longest (s) |",
        "|---|---|---|---|",
    ]
    for fault in FAULTS:
        if made[fault.name] or failed[fault.name]:
            after = sorted(times[fault.name]) or [float("nan")]
            lines.append(
                f"| {fault.name} | {made[fault.name]} | {failed[fault.name] or ''} |"
                f" {after[len(after) // 2]:.1f}, {after[-1]:.1f} |"
            )
    kinds = Counter(problem.kind for problem in outcome.problems)
    extras = outcome.extras
    rows: list[tuple[str, object]] = [
        ("handed in", outcome.sent),
        ("confirmed", outcome.confirmed),
        ("confirmed and lost", kinds["lost"] + kinds["twice"]),
        ("broken promises", kinds["promise"]),
        ("wrong words", kinds["words"]),
        ("stuck", kinds["stuck"]),
        ("accepted again after Retry", extras.retried),
        ("accepted again, counted as a possible duplicate", extras.counted),
        ("accepted again, in a deleted meeting", extras.deleted),
        ("accepted again, unexplained", kinds["unexplained"]),
        ("permits, book", kinds["permits"] + kinds["book"]),
        ("episodes without both ends", kinds["episodes"]),
        ("pages whose last state is wrong", kinds["socket"]),
        ("files left behind, and swept", outcome.swept),
        ("orphans that stay", kinds["orphan"]),
        ("processes that grew", kinds["memory"]),
        ("waited for a person's Retry", dict(outcome.by_person) or 0),
        ("what people did", outcome.acts),
        ("next line after each wave of faults (s)", ", ".join(map(_seconds, outcome.recoveries))),
        ("all done after the last fault (s)", _seconds(outcome.drained_s)),
    ]
    lines += ["", "| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]
    off = [f"{fault.name} ({fault.off})" for fault in FAULTS if fault.off]
    if libfaketime() is None:
        off.append("clock wrong (the package faketime is not installed)")
    if off:
        lines += ["", f"Switched off: {', '.join(off)}."]
    never = [fault.name for fault in faults_for(outcome.database) if not made[fault.name]]
    if never:
        lines += ["", f"Not made in this run: {', '.join(never)}."]
    errors = sorted({f"{struck.strike.fault}: {struck.error}" for struck in outcome.struck if struck.error})
    if errors:
        lines += ["", *(f"- could not be made: {error[:200]}" for error in errors)]
    start = min((struck.began for struck in outcome.struck), default=0.0)
    for since, length in outcome.silences:
        lines += ["", f"No line from {since - start:.1f} s on for {length:.1f} s. The gate then:"]
        lines += [_turn(turn, start) for turn in outcome.turns if since - 10 < turn.at < since + length]
    return "\n".join(lines)


def _turn(turn: Turn, start: float) -> str:
    next_try = f", next try {turn.reopens_at - turn.at:.1f} s later" if turn.reopens_at else ""
    of_pool = f" of {turn.pool}" if turn.pool else ""
    why = turn.reason or "no reason"
    return f"- {turn.at - start:.1f} s {turn.kind} ({why}), episode {turn.episode}{of_pool}{next_try}"


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f}"
