"""`python -m benchmarks.accuracy`."""

import sys

from benchmarks.accuracy.command import main

main(sys.argv[1:])
