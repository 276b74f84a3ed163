"""`make bench` runs every benchmark; `make bench ARGS="gate polling"` runs the named ones."""

import argparse

from benchmarks import live, notice, page, pools, speakers, whole
from benchmarks.accuracy import command as accuracy
from benchmarks.claims import command as claims
from benchmarks.gate import command as gate
from benchmarks.pipeline import command as pipeline
from benchmarks.polling import command as polling

ALL = {
    "whole": whole.main,
    "page": page.main,
    "gate": gate.main,
    "polling": polling.main,
    "pipeline": pipeline.main,
    "claims": claims.main,
    "notice": notice.main,
    "pools": pools.main,
    "live": live.main,
    "accuracy": accuracy.main,
    "speakers": speakers.main,
}


def main() -> None:
    """Run the benchmarks that the command line names, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", help=f"which: {', '.join(ALL)} (default: all)")
    names = parser.parse_args().names or list(ALL)
    if unknown := set(names) - set(ALL):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    for name in names:
        ALL[name]()


if __name__ == "__main__":
    main()
