"""`python -m benchmarks.gate`."""

import sys

from benchmarks.gate.command import main

main(sys.argv[1:])
