"""The gate in virtual time against an oracle and against what others use. docs/gate-benchmark.md explains it."""
