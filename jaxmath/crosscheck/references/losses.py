"""Chapter 9: losses, one example and one class at a time."""

import math

import numpy as np


def huber(y, t, delta):
    """A parabola, and its tangents beyond delta."""
    return np.array([r * r / 2 if abs(r) <= delta else delta * abs(r) - delta**2 / 2 for r in (y - t)])


def hinge(s, t):
    """What a score lacks of a margin of 1."""
    return np.array([max(0.0, 1 - a * b) for a, b in zip(s, t, strict=True)])


def cross_entropy(p, t):
    """Minus the expected logarithm; impossible classes are left out."""
    return np.array([-sum(b * math.log(a) for a, b in zip(*rows, strict=True) if b) for rows in zip(p, t, strict=True)])


def binary(p, t):
    """The cross entropy of two classes, of which p is the second."""
    return cross_entropy(np.stack([1 - p, p], axis=1), np.stack([1 - t, t], axis=1))


def one_hot(labels, num_classes):
    """A one at the place of the label."""
    return np.array([[float(label == j) for j in range(num_classes)] for label in labels])


def softmax(z):
    """Exponentials over their sum, by fractions that cannot overflow."""
    return np.array([[1 / sum(math.exp(min(b - a, 700.0)) for b in row) for a in row] for row in z])


def focal(p, labels, gamma):
    """The binary cross entropy, times how far off the prediction was, to a power."""
    given = np.where(labels == 1, p, 1 - p)
    return np.array([-((1 - q) ** gamma) * math.log(q) for q in given])


def kl(p, t):
    """The cross entropy less the entropy of the target."""
    return cross_entropy(p, t) - cross_entropy(t, t)
