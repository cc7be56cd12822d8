"""Losses of probabilities."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath._array import in_range, unmasked
from jaxmath.losses.targets import classes, pair


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
    p, t, dtype = classes("losses.cross_entropy", probabilities, targets)
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
    p, t, dtype = pair(name, probabilities, unmasked(name, "targets", targets))
    return -(_times_log(t, p) + _times_log(1 - t, 1 - p)).astype(dtype)


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
    p, t, dtype = pair("losses.focal", probabilities, unmasked("losses.focal", "labels", labels))
    return _focal(p, t, in_range("losses.focal", "gamma", gamma, "[0, inf)")).astype(dtype)


@jax.jit
def _focal(p: Array, t: Array, gamma: Array) -> Array:
    q = jnp.where(t == 1, p, 1 - p)
    q = jnp.where((t == 0) | (t == 1), q, jnp.nan)
    gamma = gamma.astype(p.dtype)
    easy = jnp.where(q == 1, 1, 1 - q) ** gamma  # no power of 0: its derivative is not finite
    easy = jnp.where((q == 1) & (gamma > 0), 0, easy)
    return -(easy * _times_log(jnp.ones_like(q), q))


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
    p, t, dtype = pair(name, predictions, targets)
    if not p.ndim:
        raise ValueError(f"{name}: expected distributions over a last axis, got shape {p.shape}")
    return (_times_log(t, t) - _times_log(t, p)).sum(axis=-1).astype(dtype)


@jax.jit
def _times_log(t: Array, p: Array) -> Array:
    """t log p, 0 where t is 0; NaN where p is no probability or t is below 0."""
    nothing = (t == 0) & (p == 0)
    valid = (p >= 0) & (p <= 1) & (t >= 0)
    return jnp.where(valid, t * jnp.log(jnp.where(nothing, 1, p)), jnp.nan)
