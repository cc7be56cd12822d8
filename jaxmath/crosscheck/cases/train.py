"""Section 11.2.1: measures of a classifier."""

import numpy as np

from jaxmath import train
from jaxmath.crosscheck.references import train as reference
from jaxmath.crosscheck.registry import case

case(
    "11.2.1 measures of a classifier",
    lambda p, labels: (
        train.accuracy(p, labels), train.top_k_accuracy(p, labels, 2),
        train.confusion_matrix(p.argmax(axis=1), labels, 4), train.calibration(p, labels, 5)[2:],
    ),
    lambda p, labels: (
        reference.top_k_accuracy(p, labels, 1), reference.top_k_accuracy(p, labels, 2),
        reference.confusion_matrix(p.argmax(axis=1), labels, 4), reference.calibration(p, labels, 5),
    ),
    inputs=lambda rng: (rng.dirichlet(np.ones(4), size=12), rng.integers(0, 4, size=12)),
    covers=("train.accuracy", "train.top_k_accuracy", "train.confusion_matrix", "train.calibration"),
    not_differentiable="counts",
)  # fmt: skip
