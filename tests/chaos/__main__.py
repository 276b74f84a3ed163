"""`make chaos`: the long run. python -m tests.chaos [--seed N] [--faults N] [--minutes M] [--database …]"""

import argparse
import secrets
import signal
import sys

from tests.chaos.report import failures, slow, table
from tests.chaos.run import run


def main() -> None:
    """Run, print the table, and exit with 1 unless everything was well."""
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--seed", type=int, help="the seed of an earlier run, to repeat its schedule")
    parser.add_argument("--faults", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--logs", action="store_true", help="copy the processes' logs to ./chaos-logs")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that the fleet is ended, too
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    outcome = run(
        options.database,
        seed,
        options.faults,
        60 * options.minutes,
        tell=lambda line: print(line, flush=True),
        keep_logs=options.logs,
    )
    print(f"\n{table(outcome)}\n", flush=True)
    why = [*failures(outcome), *slow(outcome)]
    for reason in why[:100]:
        print(f"- {reason}")
    sys.exit(f"{len(why)} things are wrong (SEED={seed})" if why else None)


if __name__ == "__main__":
    main()
