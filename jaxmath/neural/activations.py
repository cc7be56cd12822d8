"""Activations that :mod:`jaxmath.calculus` does not have."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath._array import as_float


def heaviside(x: Num[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""The step: 1 where $x \ge 0$, also at 0, and 0 where $x < 0$; its derivative is 0 everywhere.

    Args:
      x: numbers, of any shape.

    Returns:
      Zeros and ones.

    Raises:
      TypeError: for complex or non-numeric input.

    Note:
      NaN gives NaN.

    Example:
      >>> print(heaviside(jnp.array([-2.0, 0.0, 3.0])))
      [0. 1. 1.]

    Reference: section 7.2.3.
    """
    return _heaviside(as_float("neural.heaviside", x))


@jax.jit
def _heaviside(x: Array) -> Array:
    return jnp.where(jnp.isnan(x), jnp.nan, x >= 0).astype(x.dtype)


def tanh(x: Num[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""$\tanh(x) = \frac{e^x - e^{-x}}{e^x + e^{-x}} = 2 \sigma(2 x) - 1$, entry by entry.

    Args:
      x: numbers, of any shape.

    Returns:
      Numbers between -1 and 1.

    Raises:
      TypeError: for complex or non-numeric input.

    Note:
      No size of x overflows. NaN gives NaN.

    Example:
      >>> print(tanh(0.0))
      0.0

    Reference: section 7.2.3.
    """
    return jnp.tanh(as_float("neural.tanh", x))
