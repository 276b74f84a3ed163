"""`make bench`: every benchmark, one after the other; `make bench ARGS="whole"` names some."""

import argparse

from benchmarks import whole

ALL = {"whole": whole.main}


def main() -> None:
    """Runs those that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", help=f"which: {', '.join(ALL)} (default: all)")
    names = parser.parse_args().names or list(ALL)
    if unknown := set(names) - set(ALL):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    for name in names:
        ALL[name]()


if __name__ == "__main__":
    main()
