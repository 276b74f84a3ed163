"""Make the whole corpus, judge each file, and print a table: `python -m tests.corpus`."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator

from tests.corpus import harm
from tests.corpus.judge import Judged, judge
from tests.corpus.material import Made, Samples, pairs, speech, write
from tests.corpus.shapes import expected_of


def cases(made: Made, sound: Samples) -> Iterator[tuple[str, Judged]]:
    """Yield (kind, verdict) of one container with one codec: whole, and in every way that it can be harmed."""
    data = write(made, sound)
    yield "whole", judge(data, sound, whole=True)
    for cut in harm.truncated(data):
        yield "truncated", judge(cut, sound, whole=False)
    for flip in harm.flipped(data, seed=len(data)):
        yield "a byte flipped", judge(flip, sound, whole=False)
    if made.container == "wav":
        for sized in harm.other_sizes(data):
            yield "sizes zero, unknown, stale", judge(sized, sound, whole=True)
    for what, how, other in harm.other_shapes(made, sound):
        yield what, judge(other, expected_of(how, sound), whole=True)


def main() -> int:
    """Print the table. Return 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="names of containers or codecs, with spaces between")
    wish = parser.parse_args()
    sound = speech()
    counts: Counter[tuple[str, str]] = Counter()
    slowest = 0.0
    for made in pairs():
        if wish.only and not {made.container, made.codec} & set(wish.only.split()):
            continue
        for kind, judged in cases(made, sound):
            counts[kind, judged.verdict] += 1
            slowest = max(slowest, judged.took_s)
            if judged.verdict == "wrong":
                sys.stdout.write(f"wrong: {made.name}: {kind}: {judged.why}\n")
    sys.stdout.write("\n| kind | tried | right | refused truly | wrong |\n|---|---|---|---|---|\n")
    for kind in dict.fromkeys(kind for kind, _ in counts):
        right, told, wrong = (counts[kind, verdict] for verdict in ("right", "told", "wrong"))
        sys.stdout.write(f"| {kind} | {right + told + wrong} | {right} | {told} | {wrong} |\n")
    sys.stdout.write(f"\nThe slowest took {slowest:.2f} s of processor time.\n")
    return int(any(verdict == "wrong" for _, verdict in counts))


if __name__ == "__main__":
    sys.exit(main())
