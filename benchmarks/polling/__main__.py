"""`python -m benchmarks.polling`."""

import sys

from benchmarks.polling.command import main

main(sys.argv[1:])
