"""How good predictions of classes are."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Num

from jaxmath._array import as_float, as_labels, as_size, wide


class Calibration(NamedTuple):
    """How often a classifier is right where it is so sure of itself.

    Attributes:
      confidence: the mean probability of the predicted class in each bin; NaN in an empty one.
      accuracy: the share of the predictions in each bin that are right; NaN in an empty one.
      count: predictions in each bin.
      error: the mean distance of confidence and accuracy over all predictions, the expected calibration error.
    """

    confidence: Float[Array, " bins"]
    accuracy: Float[Array, " bins"]
    count: Int[Array, " bins"]
    error: Float[Array, ""]


def accuracy(logits: Num[ArrayLike, "n k"], labels: Int[ArrayLike, " n"]) -> Float[Array, ""]:
    """The share of examples whose largest logit is that of the label.

    Args:
      logits: or probabilities, shape ``(n, k)``.
      labels: 0..k - 1, shape ``(n,)``.

    Returns:
      A number from 0 to 1.

    Raises:
      TypeError, ValueError: if the arguments are not such arrays.

    Note:
      An example with a NaN, or with a label out of range, counts as wrong.

    Example:
      >>> print(accuracy(jnp.array([[2.0, 1.0], [0.0, 3.0], [5.0, 4.0]]), jnp.array([0, 1, 1])))
      0.6666667
    """
    return _top_k_accuracy("train.accuracy", logits, labels, 1)


def top_k_accuracy(logits: Num[ArrayLike, "n k"], labels: Int[ArrayLike, " n"], k: int) -> Float[Array, ""]:
    """The share of examples with the label among the k largest logits.

    Args:
      logits: or probabilities, shape ``(n, classes)``.
      labels: shape ``(n,)``.
      k: in 1..classes, static. Of equal logits the first counts as the largest.

    Returns:
      A number from 0 to 1.

    Raises:
      TypeError, ValueError: if the arguments are not such arrays, or k is out of range.

    Note:
      As for :func:`accuracy`.

    Example:
      >>> logits = jnp.array([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
      >>> print(top_k_accuracy(logits, jnp.array([1, 2]), 2))
      0.5
    """
    return _top_k_accuracy("train.top_k_accuracy", logits, labels, k)


def _top_k_accuracy(name: str, logits: ArrayLike, labels: ArrayLike, k: int) -> Array:
    logits, labels = _scores(name, logits, labels)
    k = as_size(name, "k", k, logits.shape[1], "the number of classes")
    best = jax.lax.top_k(logits, k)[1]
    right = (best == labels[:, None]).any(axis=1) & ~jnp.isnan(logits).any(axis=1)
    return jnp.mean(right, dtype=logits.dtype)


def confusion_matrix(
    predictions: Int[ArrayLike, " n"], labels: Int[ArrayLike, " n"], num_classes: int
) -> Int[Array, "k k"]:
    """How many examples of each class (row) were taken for each class (column).

    Args:
      predictions: classes, shape ``(n,)``.
      labels: the true ones, shape ``(n,)``.
      num_classes: k, static.

    Returns:
      Counts, shape ``(k, k)``; an example with a class out of range is not counted.

    Raises:
      TypeError, ValueError: if the arguments are not such arrays.

    Example:
      >>> print(confusion_matrix(jnp.array([0, 1, 1, 2]), jnp.array([0, 1, 2, 2]), 3))
      [[1 0 0]
       [0 1 0]
       [0 1 1]]
    """
    name = "train.confusion_matrix"
    predictions, labels = _classes(name, predictions), _classes(name, labels)
    if predictions.shape != labels.shape:
        raise ValueError(f"{name}: expected as many predictions as labels, got {predictions.shape} and {labels.shape}")
    k = as_size(name, "num_classes", num_classes)
    known = (labels >= 0) & (labels < k) & (predictions >= 0) & (predictions < k)
    return jnp.zeros((k, k), int).at[jnp.where(known, labels, k), predictions].add(1, mode="drop")


def calibration(probabilities: Num[ArrayLike, "n k"], labels: Int[ArrayLike, " n"], num_bins: int = 10) -> Calibration:
    r"""Compares how sure a classifier is with how often it is right.

    The probabilities $p_i$ of the predicted classes are sorted into bins of equal width. With the mean of $p_i$ and the
    share of right predictions in the bins $B_b$ the expected calibration error is

    $$\sum_b \frac{|B_b|}{n} \left| \operatorname{acc}(B_b) - \operatorname{conf}(B_b) \right| .$$

    Args:
      probabilities: rows that sum to 1, shape ``(n, k)``.
      labels: shape ``(n,)``.
      num_bins: of the interval from 0 to 1, static; a probability at an edge belongs to the bin below it.

    Returns:
      Confidence, accuracy and count of each bin, and the error.

    Raises:
      TypeError, ValueError: if the arguments are not such arrays.

    Note:
      A NaN makes the error NaN.

    Example:
      >>> print(calibration(jnp.array([[0.75, 0.25], [0.75, 0.25]]), jnp.array([0, 1])).error)
      0.25

    Reference: Guo, Pleiss, Sun and Weinberger (2017), equation 5.
    """
    name = "train.calibration"
    probabilities, labels = _scores(name, probabilities, labels)
    num_bins = as_size(name, "num_bins", num_bins)
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    place = jnp.clip(jnp.ceil(sure * num_bins).astype(int) - 1, 0, num_bins - 1)

    def total(values: Array) -> Array:
        return jnp.zeros(num_bins, values.dtype).at[place].add(values)

    count = total(jnp.ones(len(labels), int))
    distance = jnp.abs(total(right.astype(sure.dtype)) - total(sure)).sum() / len(labels)
    return Calibration(total(sure) / count, total(right.astype(sure.dtype)) / count, count, distance)


def _scores(name: str, scores: ArrayLike, labels: ArrayLike) -> tuple[Array, Array]:
    scores, labels = wide(as_float(name, scores)), _classes(name, labels)
    if scores.ndim != 2 or labels.shape != scores.shape[:1] or 0 in scores.shape:
        raise ValueError(f"{name}: expected scores (n, k) and labels (n,), got {scores.shape} and {labels.shape}")
    return scores, labels


def _classes(name: str, labels: ArrayLike) -> Array:
    labels = as_labels(name, labels)
    if not jnp.issubdtype(labels.dtype, jnp.integer) or labels.ndim != 1:
        raise TypeError(f"{name}: expected integer classes (n,), got {labels.dtype} of shape {labels.shape}")
    return labels.astype(int)
