"""Mico's settings, with one of the workers of this benchmark in the place of Mico's own."""

import os

from mico.settings import *  # noqa: F403

RQ = {"WORKER_CLASS": f"benchmarks.pipeline.workers.{os.environ['MICO_BENCHMARK_WORKER']}"}
