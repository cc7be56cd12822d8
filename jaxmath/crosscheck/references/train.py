"""Chapter 11: how good a classifier is, counted example by example."""

import numpy as np


def top_k_accuracy(logits: np.ndarray, labels: np.ndarray, k: int) -> float:
    """The label is among the k largest if fewer than k logits are larger."""
    right = [sum(logit > row[label] for logit in row) < k for row, label in zip(logits, labels, strict=True)]
    return float(np.mean(right))


def confusion_matrix(predictions: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """Rows are what examples are, columns what they were taken for."""
    table = np.zeros((k, k), int)
    for prediction, label in zip(predictions, labels, strict=True):
        table[label, prediction] += 1
    return table


def calibration(probabilities: np.ndarray, labels: np.ndarray, bins: int) -> tuple[np.ndarray, float]:
    """How many predictions fall into each bin, and the sum of the distances of confidence and accuracy, by share."""
    n, sure = len(labels), probabilities.max(axis=1)
    counts, error = np.zeros(bins, int), 0.0
    for b in range(bins):
        inside = [i for i in range(n) if b / bins < sure[i] <= (b + 1) / bins]
        counts[b] = len(inside)
        if inside:
            right = np.mean([probabilities[i].argmax() == labels[i] for i in inside])
            error += len(inside) / n * abs(right - np.mean(sure[inside]))
    return counts, error
