"""The workloads of ``scripts/benchmark.py``, by topic."""

from benchmarks import linalg, mixtures, reduction
from benchmarks.workload import Workload

WORKLOADS: dict[str, Workload] = reduction.WORKLOADS | linalg.WORKLOADS | mixtures.WORKLOADS

__all__ = ["WORKLOADS", "Workload"]
