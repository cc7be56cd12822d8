"""Targets: of the shape of predictions, or class numbers."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array

from jaxmath._array import as_float, as_labels, as_size, real, unmasked, wide


def pair(name: str, predictions: ArrayLike, targets: ArrayLike) -> tuple[Array, Array, jnp.dtype]:
    """Both in one type of float32 or wider, and the type of the result, which is that of the predictions."""
    y, given = as_float(name, predictions), real(name, targets)
    t = as_float(name, given, wide(y).dtype)
    if y.shape != t.shape:
        raise ValueError(f"{name}: expected predictions and targets of one shape, got {y.shape} and {t.shape}")
    computed = jnp.promote_types(wide(y).dtype, t.dtype)
    return y.astype(computed), t.astype(computed), y.dtype


def classes(
    name: str, predictions: ArrayLike, targets: ArrayLike, ignore_label: int | None = None
) -> tuple[Array, Array, jnp.dtype]:
    """Predictions and distributions over the classes; NaN for a number that is no class."""
    y, t = as_float(name, predictions), as_labels(name, targets, "targets")
    if not isinstance(ignore_label, int | np.integer | None):
        raise TypeError(f"{name}: ignore_label must be an integer, got {ignore_label!r}")
    if not y.ndim or not y.shape[-1]:
        raise ValueError(f"{name}: expected predictions for one or more classes along the last axis, got {y.shape}")
    if t.shape == y.shape and ignore_label is None:
        return pair(name, y, t)
    if t.shape != y.shape[:-1]:
        got = f"predictions {y.shape} and targets {t.shape}"
        raise ValueError(f"{name}: expected class numbers {y.shape[:-1]} or distributions {y.shape}, got {got}")
    if not jnp.issubdtype(t.dtype, jnp.integer):
        raise TypeError(f"{name}: class numbers must be integers, got dtype {t.dtype}")
    z = wide(y)
    return z, _one_hot(t, y.shape[-1], z.dtype), y.dtype


@partial(jax.jit, static_argnums=(1, 2))
def _one_hot(t: Array, num_classes: int, dtype: Any) -> Array:
    t = t.astype(int)  # in eight bits 256 would be 0
    known = (t >= 0) & (t < num_classes)
    return jnp.where(known[..., None], (t[..., None] == jnp.arange(num_classes)).astype(dtype), jnp.nan)


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
