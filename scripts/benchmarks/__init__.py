"""The workloads of ``scripts/benchmark.py``, by topic."""

from benchmarks import linalg, reduction
from benchmarks.workload import Workload

WORKLOADS: dict[str, Workload] = reduction.WORKLOADS | linalg.WORKLOADS

__all__ = ["WORKLOADS", "Workload"]
