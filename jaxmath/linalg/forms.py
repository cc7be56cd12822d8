"""Symmetric matrices: spectral decomposition, and the axes of a quadric."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath._array import all_or_nan, as_scalar, as_square, narrow, product, wide
from jaxmath._spectral import symmetric_eigh


class Quadric(NamedTuple):
    r"""The surface $x^T A x = c$, by the eigenvalues $\lambda_i$ of A, largest first.

    Attributes:
      lengths: half-axes $\sqrt{|c / \lambda_i|}$; inf along a flat direction.
      directions: unit vectors along the axes, as columns.
      signs: the sign of $\lambda_i c$: 1 where the axis meets the surface, at its length from the centre; -1 where it
        does not, since the form is indefinite; 0 where the form is flat. All 1: an ellipsoid.
    """

    lengths: Float[Array, " d"]
    directions: Float[Array, "d d"]
    signs: Float[Array, " d"]


def spectral_components(a: Num[ArrayLike, "d d"]) -> Float[Array, "d d d"]:
    r"""The terms of the spectral decomposition $A = \sum_i \lambda_i v_i v_i^T$ of a symmetric matrix.

    Args:
      a: a symmetric matrix, shape ``(d, d)``.

    Returns:
      $\lambda_i v_i v_i^T$ for every i, the largest eigenvalue first, shape ``(d, d, d)``; they sum to ``a``.

    Raises:
      TypeError: for a complex or non-numeric matrix.
      ValueError: if it is not square, or empty.

    Note:
      A matrix that is not symmetric up to rounding gives NaN, and so do a NaN and an infinity. The terms of equal
      eigenvalues are determined only in their sum, whose derivative is exact.

    Example:
      >>> print(spectral_components(jnp.array([[2.0, 0.0], [0.0, 3.0]])))
      [[[0. 0.]
        [0. 3.]]
      <BLANKLINE>
       [[2. 0.]
        [0. 0.]]]

    Reference: section 2.16.
    """
    return _spectral_components(as_square("linalg.spectral_components", a))


def quadric_axes(a: Num[ArrayLike, "d d"], c: Num[ArrayLike, ""] = 1.0) -> Quadric:
    r"""The axes of the ellipse, ellipsoid or other quadric $x^T A x = c$, in any dimension.

    In the coordinates $y_i = v_i^T x$ along the eigenvectors of A the surface is $\sum_i \lambda_i y_i^2 = c$.

    Args:
      a: a square matrix, shape ``(d, d)``; only its symmetric part $(A + A^T) / 2$ matters.
      c: the value on the surface.

    Returns:
      Lengths and directions of the half-axes, and signs that tell an ellipsoid from other quadrics.

    Raises:
      TypeError: for complex or non-numeric input.
      ValueError: if ``a`` is not square or empty, or c not one number.

    Note:
      An eigenvalue lost in rounding counts as 0. A NaN or an infinity makes everything NaN. The derivative of the
      lengths is exact in sums over equal eigenvalues, the second one at distinct eigenvalues only.

    Example:
      >>> print(quadric_axes(jnp.array([[5.0, 3.0], [3.0, 5.0]]), 32.0).lengths)
      [2. 4.]

    Reference: section 2.17.
    """
    name = "linalg.quadric_axes"
    return _quadric_axes(as_square(name, a), as_scalar(name, "c", c))


@jax.jit
def _spectral_components(a: Array) -> Array:
    x = wide(a)
    asymmetry = jnp.abs(x - x.T).max()
    symmetric = asymmetry <= 8 * len(a) * jnp.finfo(a.dtype).eps * jnp.abs(x).max()
    x = all_or_nan(jnp.where(symmetric, x, jnp.nan))
    _, vectors = symmetric_eigh(x)
    scaled = product(x, vectors)  # not vectors * values: so that sums over equal eigenvalues have their derivative
    return (scaled.T[:, :, None] * vectors.T[:, None, :]).astype(a.dtype)


@jax.jit
def _quadric_axes(a: Array, c: Array) -> Quadric:
    x = wide(a)
    c = c.astype(x.dtype)
    values, directions = symmetric_eigh(all_or_nan(jnp.where(jnp.isfinite(c), (x + x.T) / 2, jnp.nan)))
    flat = jnp.abs(values) <= 8 * len(a) * jnp.finfo(x.dtype).eps * jnp.abs(values).max()
    lengths = jnp.where(flat, jnp.inf, jnp.sqrt(jnp.abs(c / jnp.where(flat, 1, values))))
    return narrow(Quadric(lengths, directions, jnp.where(flat, 0, jnp.sign(values * c))), a.dtype)
