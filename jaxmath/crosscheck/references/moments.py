"""Moments from their definitions."""

import numpy as np

from jaxmath.crosscheck.references.reduce import weighted_sum


def moments(x, weights):
    """Count, mean and scatter from their definitions, row by row."""
    count = weights.sum()
    mean = weighted_sum(x, weights) / count
    scatter = sum(w * np.outer(row - mean, row - mean) for row, w in zip(x, weights, strict=True))
    return count, mean, scatter


def covariance(x, ddof):
    """E[x x^T] - E[x] E[x]^T of data moved to its first row, times n / (n - ddof)."""
    moved = x - x[0]
    n = len(x)
    second = np.einsum("ni,nj->ij", moved, moved) / n
    return (second - np.outer(moved.mean(0), moved.mean(0))) * n / (n - ddof)
