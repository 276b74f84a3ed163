"""Mico's settings, with a worker class of this benchmark (MICO_BENCHMARK_WORKER) instead of Mico's own."""

import os

from mico.settings import *  # noqa: F403

RQ = {"WORKER_CLASS": f"benchmarks.pipeline.workers.{os.environ['MICO_BENCHMARK_WORKER']}"}
