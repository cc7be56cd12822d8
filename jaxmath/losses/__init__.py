r"""Losses: how far a prediction is from what it should have been.

Each function answers for every example and leaves the mean or the sum to the caller. Predictions come first, targets
second; shapes must be equal, since ``(n, 1)`` against ``(n,)`` would silently give ``(n, n)``.

Losses of *classes* run over the last axis of the predictions. Their targets are class numbers, an integer array of one
axis less, or a distribution over the classes (one-hot labels are one), of the same shape. A number that is no class
makes the loss of that example NaN, never that of another class; :func:`validate_labels` makes it an error.
"""

from jaxmath.losses.errors import absolute_error, hinge, huber, squared_error
from jaxmath.losses.logits import sigmoid_cross_entropy, softmax_cross_entropy
from jaxmath.losses.probabilities import binary_cross_entropy, cross_entropy, focal, kl
from jaxmath.losses.targets import validate_labels

__all__ = [
    "absolute_error",
    "binary_cross_entropy",
    "cross_entropy",
    "focal",
    "hinge",
    "huber",
    "kl",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
    "squared_error",
    "validate_labels",
]
