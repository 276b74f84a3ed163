"""`python -m benchmarks.pipeline`."""

import sys

from benchmarks.pipeline.command import main

main(sys.argv[1:])
