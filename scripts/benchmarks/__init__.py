"""The workloads of ``scripts/benchmark.py``, by topic."""

from benchmarks import (
    autoencoders,
    bayes,
    classifiers,
    densities,
    descent,
    detection,
    lenet,
    linalg,
    mixtures,
    reduction,
)
from benchmarks.workload import Workload

_TOPICS = (reduction, linalg, mixtures, densities, bayes, descent, lenet, classifiers, autoencoders, detection)
WORKLOADS: dict[str, Workload] = {name: w for topic in _TOPICS for name, w in topic.WORKLOADS.items()}

__all__ = ["WORKLOADS", "Workload"]
