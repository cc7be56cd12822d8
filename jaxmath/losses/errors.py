"""Losses of numbers, and of scores with a margin."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath._array import in_range, unmasked
from jaxmath.losses.targets import pair


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
    y, t, dtype = pair("losses.squared_error", predictions, targets)
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
    y, t, dtype = pair("losses.absolute_error", predictions, targets)
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
    y, t, dtype = pair("losses.huber", predictions, targets)
    return _huber(y, t, in_range("losses.huber", "delta", delta, "(0, inf]")).astype(dtype)


@jax.jit
def _huber(y: Array, t: Array, delta: Array) -> Array:
    distance, delta = jnp.abs(y - t), delta.astype(y.dtype)
    near = jnp.minimum(distance, delta)
    return near * (distance - near / 2)


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
    s, t, dtype = pair("losses.hinge", scores, unmasked("losses.hinge", "labels", labels))
    t = jnp.where(jnp.abs(t) == 1, t, jnp.nan)
    return jnp.maximum(0, 1 - t * s).astype(dtype)
