"""Losses of logits, which neither overflow nor cancel."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath._array import as_real, in_range, unmasked
from jaxmath.losses.targets import classes, pair


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
    z, t, dtype = classes(name, logits, labels, ignore_label)
    smoothing = in_range(name, "label_smoothing", label_smoothing, "[0, 1]")
    ignored = None if ignore_label is None else as_real(name, labels).astype(int) == ignore_label
    if class_weights is not None:
        class_weights = unmasked(name, "class_weights", class_weights)
        class_weights = in_range(name, "class_weights", class_weights, "[0, inf)", scalar=False)
        if class_weights.shape != z.shape[-1:]:
            wanted = f"({z.shape[-1]},)"
            raise ValueError(f"{name}: expected class_weights of shape {wanted}, got {class_weights.shape}")
    return _softmax_cross_entropy(z, t, smoothing, class_weights, ignored).astype(dtype)


@jax.jit
def _softmax_cross_entropy(
    z: Array, t: Array, smoothing: Array, class_weights: Array | None, ignored: Array | None
) -> Array:
    if ignored is None:
        ignored = jnp.zeros(t.shape[:-1], bool)
    smoothing = smoothing.astype(z.dtype)
    t = jnp.where(ignored[..., None], 0, jnp.where(t >= 0, t, jnp.nan))
    t = (1 - smoothing) * t + smoothing / z.shape[-1]
    if class_weights is not None:
        t = t * class_weights.astype(z.dtype)
    log_softmax = jax.nn.log_softmax(jnp.where(ignored[..., None], 0, z), axis=-1)
    impossible = (t == 0) & (log_softmax == -jnp.inf)
    losses = -jnp.sum(t * jnp.where(impossible, 0, log_softmax), axis=-1)
    return jnp.where(ignored, 0, losses)


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
    z, t, dtype = pair(name, logits, unmasked(name, "labels", labels))
    return _sigmoid_cross_entropy(z, t).astype(dtype)


@jax.jit
def _sigmoid_cross_entropy(z: Array, t: Array) -> Array:
    t = jnp.where((t >= 0) & (t <= 1), t, jnp.nan)
    minus_size, slope = jnp.where(z > 0, -z, z), jnp.where(z > 0, 1 - t, -t)
    linear = slope * jnp.where((slope == 0) & jnp.isinf(z), 0, z)
    return linear + jnp.log1p(jnp.exp(minus_size))
