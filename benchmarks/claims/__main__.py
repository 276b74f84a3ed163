"""`python -m benchmarks.claims`."""

import sys

from benchmarks.claims.command import main

main(sys.argv[1:])
