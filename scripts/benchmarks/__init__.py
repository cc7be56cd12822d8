"""The workloads of ``scripts/benchmark.py``, by topic."""

from benchmarks import descent, linalg, mixtures, reduction
from benchmarks.workload import Workload

WORKLOADS: dict[str, Workload] = reduction.WORKLOADS | linalg.WORKLOADS | mixtures.WORKLOADS | descent.WORKLOADS

__all__ = ["WORKLOADS", "Workload"]
