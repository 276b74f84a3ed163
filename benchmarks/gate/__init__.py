"""The gate in virtual time against an oracle and against what others use. benchmarks/gate/README.md explains it."""
