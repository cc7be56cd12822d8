r"""Losses: how far a prediction is from what it should have been.

Each function answers for every example and leaves the mean or the sum to the caller. Predictions come first, targets
second; shapes must be equal, since ``(n, 1)`` against ``(n,)`` would silently give ``(n, n)``.

Losses of *classes* run over the last axis of the predictions. Their targets are class numbers, an integer array of one
axis less, or a distribution over the classes (one-hot labels are one), of the same shape. A number that is no class
makes the loss of that example NaN, never that of another class; :func:`validate_labels` makes it an error.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath._array import as_float, as_labels, as_real, as_size, in_range, real, unmasked, wide


def squared_error(predictions: Num[ArrayLike, "..."], targets: Num[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""$(y - t)^2$, number by number.

    Args:
      predictions: y, any shape.
      targets: t, the same shape.

    Returns:
      Losses, of that shape.

    Raises:
      TypeError: for complex or non-numeric input.
      ValueError: if the shapes differ.

    Example:
      >>> print(squared_error(jnp.array([1.0, 3.0]), jnp.array([1.0, 1.0])))
      [0. 4.]

    Reference: section 9.1.
    """
    y, t, dtype = _pair("losses.squared_error", predictions, targets)
    return ((y - t) ** 2).astype(dtype)


def absolute_error(predictions: Num[ArrayLike, "..."], targets: Num[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""$|y - t|$, number by number; its derivative where both are equal is 0.

    Args:
      predictions: y, any shape.
      targets: t, the same shape.

    Returns:
      Losses, of that shape.

    Raises:
      As :func:`squared_error` does.

    Example:
      >>> print(absolute_error(jnp.array([1.0, 3.0]), jnp.array([1.0, 5.0])))
      [0. 2.]

    Reference: section 9.1.
    """
    y, t, dtype = _pair("losses.absolute_error", predictions, targets)
    return (jnp.sign(y - t) * (y - t)).astype(dtype)  # the derivative of jnp.abs at 0 is 1


def huber(
    predictions: Num[ArrayLike, "..."], targets: Num[ArrayLike, "..."], *, delta: ArrayLike = 1.0
) -> Float[Array, "..."]:
    r"""$r^2 / 2$ where $|r| \le \delta$ and $\delta (|r| - \delta / 2)$ beyond, with $r = y - t$.

    Args:
      predictions: y, any shape.
      targets: t, the same shape.
      delta: where the parabola goes over into its tangents, above 0; out of range in an array it gives NaN.

    Returns:
      Losses, of that shape.

    Raises:
      As :func:`squared_error` does.

    Example:
      >>> print(huber(jnp.array([0.5, 3.0]), jnp.zeros(2)))
      [0.125 2.5  ]

    Reference: section 9.1; Huber (1964).
    """
    y, t, dtype = _pair("losses.huber", predictions, targets)
    distance, delta = jnp.abs(y - t), in_range("losses.huber", "delta", delta, "(0, inf]").astype(y.dtype)
    near = jnp.minimum(distance, delta)
    return (near * (distance - near / 2)).astype(dtype)


def hinge(scores: Num[ArrayLike, "..."], labels: Num[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""$\max(0, 1 - t s)$ for a label t of -1 or 1.

    Args:
      scores: s, any shape.
      labels: t, the same shape, -1 or 1; any other number gives NaN.

    Returns:
      Losses, of that shape.

    Raises:
      As :func:`squared_error` does.

    Example:
      >>> print(hinge(jnp.array([2.0, 0.5, -1.0]), jnp.ones(3)))
      [0.  0.5 2. ]

    Reference: section 9.1.
    """
    s, t, dtype = _pair("losses.hinge", scores, unmasked("losses.hinge", "labels", labels))
    t = jnp.where(jnp.abs(t) == 1, t, jnp.nan)
    return jnp.maximum(0, 1 - t * s).astype(dtype)


def cross_entropy(probabilities: Num[ArrayLike, "... c"], targets: Num[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""$-\sum_j t_j \log p_j$ over the last axis: of predicted probabilities, against a class or a distribution.

    Args:
      probabilities: p, shape ``(..., c)``.
      targets: class numbers in 0..c - 1, shape ``(...)``, or distributions t, shape ``(..., c)``.

    Returns:
      Losses, shape ``(...)``; infinite where something possible has probability 0.

    Raises:
      TypeError: for complex or non-numeric input, or class numbers that are not integers.
      ValueError: if the shapes do not fit.

    Note:
      A class number out of range, a NaN and a probability outside of 0..1 make the loss of their example NaN.

    Example:
      >>> print(cross_entropy(jnp.array([[0.25, 0.75], [0.5, 0.5]]), jnp.array([1, 0])).round(4))
      [0.2877 0.6931]

    Reference: section 9.1.
    """
    p, t, dtype = _classes("losses.cross_entropy", probabilities, targets)
    return -_times_log(t, p).sum(axis=-1).astype(dtype)


def binary_cross_entropy(probabilities: Num[ArrayLike, "..."], targets: Num[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""$-t \log p - (1 - t) \log (1 - p)$ for the predicted probability p of label 1.

    A probability that differs from 0 or 1 by less than rounding has lost its digits: where logits are at hand, take
    :func:`sigmoid_cross_entropy`.

    Args:
      probabilities: p, any shape.
      targets: t in 0..1, the same shape.

    Returns:
      Losses, of that shape; NaN where a number is outside of 0..1.

    Raises:
      As :func:`squared_error` does.

    Example:
      >>> print(f"{binary_cross_entropy(0.8, 1):.4f}")
      0.2231

    Reference: section 9.1.
    """
    name = "losses.binary_cross_entropy"
    p, t, dtype = _pair(name, probabilities, unmasked(name, "targets", targets))
    return -(_times_log(t, p) + _times_log(1 - t, 1 - p)).astype(dtype)


def softmax_cross_entropy(
    logits: Num[ArrayLike, "... c"],
    labels: Num[ArrayLike, "..."],
    *,
    label_smoothing: ArrayLike = 0.0,
    class_weights: Num[ArrayLike, " c"] | None = None,
    ignore_label: int | None = None,
) -> Float[Array, "..."]:
    r"""$-\sum_j t_j \log \operatorname{softmax}(z)_j$ over the last axis, from logits.

    Args:
      logits: z, shape ``(..., c)``.
      labels: class numbers in 0..c - 1, shape ``(...)``, or distributions t, shape ``(..., c)``.
      label_smoothing: $\epsilon$ in 0..1, out of which an array gives NaN; the target becomes
        $(1 - \epsilon) t + \epsilon / c$.
      class_weights: shape ``(c,)``; the term of class j counts so often. Below 0 it is NaN.
      ignore_label: examples with this class number have loss 0.

    Returns:
      Losses, shape ``(...)``. The derivative with respect to the logits is softmax(z) - t for a target t that sums to
      1 (smoothed, and without class weights), also for logits of 1e4.

    Raises:
      TypeError: for complex or non-numeric input, or class numbers that are not integers.
      ValueError: if the shapes do not fit, a number is out of range, or ``ignore_label`` comes with distributions.

    Note:
      A class number out of range, a NaN and an infinite logit that belongs to the target make the loss NaN or
      infinite, of their example alone.

    Example:
      >>> print(f"{softmax_cross_entropy(jnp.array([9.99, 10.0, 0.01, -10.0]), 1):.4f}")
      0.6882

    Reference: section 9.1; Szegedy et al. (2016) for smoothing.
    """
    name = "losses.softmax_cross_entropy"
    z, t, dtype = _classes(name, logits, labels, ignore_label)
    c = z.shape[-1]
    smoothing = in_range(name, "label_smoothing", label_smoothing, "[0, 1]").astype(z.dtype)
    ignored = jnp.zeros(t.shape[:-1], bool)
    if ignore_label is not None:
        ignored = as_real(name, labels).astype(int) == ignore_label
    t = jnp.where(ignored[..., None], 0, jnp.where(t >= 0, t, jnp.nan))
    t = (1 - smoothing) * t + smoothing / c
    if class_weights is not None:
        class_weights = unmasked(name, "class_weights", class_weights)
        weights = in_range(name, "class_weights", class_weights, "[0, inf)", scalar=False).astype(z.dtype)
        if weights.shape != (c,):
            raise ValueError(f"{name}: expected class_weights of shape ({c},), got {weights.shape}")
        t = t * weights
    log_softmax = jax.nn.log_softmax(jnp.where(ignored[..., None], 0, z), axis=-1)
    impossible = (t == 0) & (log_softmax == -jnp.inf)
    losses = -jnp.sum(t * jnp.where(impossible, 0, log_softmax), axis=-1)
    return jnp.where(ignored, 0, losses).astype(dtype)


def sigmoid_cross_entropy(logits: Num[ArrayLike, "..."], labels: Num[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""$-t \log \sigma(z) - (1 - t) \log \sigma(-z)$, from logits, for independent yes-or-no labels.

    Computed as $\max(z, 0) - t z + \log(1 + e^{-|z|})$: nothing overflows or cancels, and there is one logarithm.

    Args:
      logits: z, any shape.
      labels: t in 0..1, the same shape.

    Returns:
      Losses, of that shape; NaN where a label is outside of 0..1. The derivative with respect to z is
      $\sigma(z) - t$, also for logits of 1e4.

    Raises:
      As :func:`squared_error` does.

    Example:
      >>> print(sigmoid_cross_entropy(jnp.array([0.0, 1e4]), jnp.ones(2)).round(4))
      [0.6931 0.    ]

    Reference: section 9.1.
    """
    name = "losses.sigmoid_cross_entropy"
    z, t, dtype = _pair(name, logits, unmasked(name, "labels", labels))
    t = jnp.where((t >= 0) & (t <= 1), t, jnp.nan)
    minus_size, slope = jnp.where(z > 0, -z, z), jnp.where(z > 0, 1 - t, -t)
    linear = slope * jnp.where((slope == 0) & jnp.isinf(z), 0, z)
    return (linear + jnp.log1p(jnp.exp(minus_size))).astype(dtype)


def focal(probabilities: Num[ArrayLike, "..."], labels: Num[ArrayLike, "..."], gamma: ArrayLike) -> Float[Array, "..."]:
    r"""$-(1 - q)^\gamma \log q$ with the probability q that was given to the true label.

    At $\gamma = 0$ it is the binary cross entropy; the larger $\gamma$, the less do easy examples count.

    Args:
      probabilities: of label 1, any shape.
      labels: 0 or 1, the same shape; any other number gives NaN.
      gamma: $\gamma \ge 0$, a number; below 0 in an array it gives NaN.

    Returns:
      Losses, of that shape; NaN where a probability is outside of 0..1.

    Raises:
      As :func:`squared_error` does.

    Example:
      >>> print(f"{focal(0.8, 1, 2.0):.4f}")
      0.0089

    Reference: section 9.1; Lin et al. (2017).
    """
    p, t, dtype = _pair("losses.focal", probabilities, unmasked("losses.focal", "labels", labels))
    q = jnp.where(t == 1, p, 1 - p)
    q = jnp.where((t == 0) | (t == 1), q, jnp.nan)
    gamma = in_range("losses.focal", "gamma", gamma, "[0, inf)").astype(p.dtype)
    easy = jnp.where(q == 1, 1, 1 - q) ** gamma  # no power of 0: its derivative is not finite
    easy = jnp.where((q == 1) & (gamma > 0), 0, easy)
    return -(easy * _times_log(jnp.ones_like(q), q)).astype(dtype)


def kl(predictions: Num[ArrayLike, "... c"], targets: Num[ArrayLike, "... c"]) -> Float[Array, "..."]:
    r"""The divergence $\sum_j t_j \log (t_j / p_j)$ of a prediction p from the target t, over the last axis.

    Args:
      predictions: probabilities p, shape ``(..., c)``.
      targets: probabilities t, the same shape.

    Returns:
      Losses, shape ``(...)``; infinite where something possible has probability 0, NaN where a number is outside of
      0..1.

    Raises:
      TypeError: for complex or non-numeric input.
      ValueError: if the shapes differ, or have no axis.

    Example:
      >>> print(f"{kl(jnp.array([0.5, 0.5]), jnp.array([1.0, 0.0])):.4f}")
      0.6931

    Reference: Kullback and Leibler (1951).
    """
    name = "losses.kl"
    p, t, dtype = _pair(name, predictions, targets)
    if not p.ndim:
        raise ValueError(f"{name}: expected distributions over a last axis, got shape {p.shape}")
    return (_times_log(t, t) - _times_log(t, p)).sum(axis=-1).astype(dtype)


def validate_labels(labels: Any, num_classes: int) -> Any:
    """Raises if a label is no class number; on the host, before data goes into a compiled program.

    Args:
      labels: integers, any shape.
      num_classes: c, static.

    Returns:
      ``labels``, unchanged.

    Raises:
      TypeError: if the labels are not integers, or traced.
      ValueError: naming the first label outside of 0..c - 1.

    Example:
      >>> validate_labels([0, 2, 1], 3)
      [0, 2, 1]
    """
    name = "losses.validate_labels"
    num_classes = as_size(name, "num_classes", num_classes)
    if isinstance(labels, Tracer):
        raise TypeError(f"{name}: call it outside jit, vmap and grad, on the data")
    numbers = np.asarray(real(name, unmasked(name, "labels", labels)))
    if not np.issubdtype(numbers.dtype, np.integer):
        raise TypeError(f"{name}: expected integers, got dtype {numbers.dtype}")
    bad = np.argwhere((numbers < 0) | (numbers >= num_classes))
    if len(bad):
        place = tuple(bad[0].tolist())
        raise ValueError(f"{name}: labels must be in 0..{num_classes - 1}, got {numbers[place]} at {place}")
    return labels


def _pair(name: str, predictions: ArrayLike, targets: ArrayLike) -> tuple[Array, Array, jnp.dtype]:
    """Both in one type of float32 or wider, and the type of the result, which is that of the predictions."""
    y, given = as_float(name, predictions), real(name, targets)
    t = as_float(name, given, wide(y).dtype)
    if y.shape != t.shape:
        raise ValueError(f"{name}: expected predictions and targets of one shape, got {y.shape} and {t.shape}")
    computed = jnp.promote_types(wide(y).dtype, t.dtype)
    return y.astype(computed), t.astype(computed), y.dtype


def _classes(
    name: str, predictions: ArrayLike, targets: ArrayLike, ignore_label: int | None = None
) -> tuple[Array, Array, jnp.dtype]:
    """Predictions and distributions over the classes; NaN for a number that is no class."""
    y, t = as_float(name, predictions), as_labels(name, targets, "targets")
    if not isinstance(ignore_label, int | np.integer | None):
        raise TypeError(f"{name}: ignore_label must be an integer, got {ignore_label!r}")
    if not y.ndim or not y.shape[-1]:
        raise ValueError(f"{name}: expected predictions for one or more classes along the last axis, got {y.shape}")
    if t.shape == y.shape and ignore_label is None:
        return _pair(name, y, t)
    if t.shape != y.shape[:-1]:
        got = f"predictions {y.shape} and targets {t.shape}"
        raise ValueError(f"{name}: expected class numbers {y.shape[:-1]} or distributions {y.shape}, got {got}")
    if not jnp.issubdtype(t.dtype, jnp.integer):
        raise TypeError(f"{name}: class numbers must be integers, got dtype {t.dtype}")
    classes = jnp.arange(y.shape[-1])
    t = t.astype(int)  # in eight bits 256 would be 0
    one_hot = (t[..., None] == classes).astype(wide(y).dtype)
    known = (t >= 0) & (t < len(classes))
    return wide(y), jnp.where(known[..., None], one_hot, jnp.nan), y.dtype


def _times_log(t: Array, p: Array) -> Array:
    """t log p, 0 where t is 0; NaN where p is no probability or t is below 0."""
    nothing = (t == 0) & (p == 0)
    valid = (p >= 0) & (p <= 1) & (t >= 0)
    return jnp.where(valid, t * jnp.log(jnp.where(nothing, 1, p)), jnp.nan)
