"""Measurements. Each module prints its figures and writes them as JSON below benchmarks/results/."""
