"""What the singular values say about a matrix: rank, null space, condition, its best approximation of lower rank."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int, Num

from jaxmath._array import all_or_nan, as_matrix, as_size, narrow, product, root, wide
from jaxmath._spectral import fix_signs, leading_svd
from jaxmath.linalg.systems import least_squares, rank_cutoff


class NullSpace(NamedTuple):
    """The vectors that a matrix takes to 0.

    Attributes:
      basis: orthonormal columns that span them, among columns of zeros: the shape does not depend on the numbers.
      mask: which columns belong to the basis.
    """

    basis: Float[Array, "d d"]
    mask: Bool[Array, " d"]


class LowRank(NamedTuple):
    r"""The nearest matrix of a given rank, and how far it is: $\sqrt{\sum_{ij} (a_{ij} - \hat a_{ij})^2}$."""

    approximation: Float[Array, "n d"]
    error: Float[Array, ""]


def rank(a: Num[ArrayLike, "n d"]) -> Int[Array, ""]:
    r"""The number of singular values above $\max(n, d) \, \epsilon \, \sigma_1$: of columns that say something new.

    Args:
      a: a matrix, shape ``(n, d)``.

    Returns:
      The rank, from 0 to min(n, d).

    Raises:
      TypeError: for a complex or non-numeric matrix.
      ValueError: if it is not a matrix, or empty.

    Note:
      -1 if the matrix holds a NaN or an infinity.

    Example:
      >>> print(rank(jnp.array([[1.0, 1.0], [2.0, 2.0]])))
      1

    Reference: sections 2.7 and 2.12.
    """
    return _rank(as_matrix("linalg.rank", a))


def null_space(a: Num[ArrayLike, "n d"]) -> NullSpace:
    r"""An orthonormal basis of all $x$ with $A x = 0$.

    The right singular vectors whose singular value is 0 up to rounding, $\max(n, d) \, \epsilon \, \sigma_1$.

    Args:
      a: a matrix, shape ``(n, d)``.

    Returns:
      The basis as columns of a ``(d, d)`` array, zeros where ``mask`` is False.

    Raises:
      TypeError: for a complex or non-numeric matrix.
      ValueError: if it is not a matrix, or empty.

    Note:
      A NaN or an infinity makes the basis NaN and the mask False. The projector ``basis @ basis.T`` has its exact
      derivative as long as the rank does not change; the basis itself is determined only up to a rotation.

    Example:
      >>> print(null_space(jnp.array([[0.0, 2.0]])).mask.sum())
      1

    Reference: section 2.12.
    """
    return _masked_null_space(as_matrix("linalg.null_space", a))


def condition_number(a: Num[ArrayLike, "n d"]) -> Float[Array, ""]:
    r"""The ratio of the largest to the smallest singular value, $\sigma_1 / \sigma_{\min(n, d)}$.

    Args:
      a: a matrix, shape ``(n, d)``.

    Returns:
      The condition, 1 or more; inf if the matrix does not have full rank.

    Raises:
      TypeError: for a complex or non-numeric matrix.
      ValueError: if it is not a matrix, or empty.

    Note:
      A NaN or an infinity gives NaN.

    Example:
      >>> print(condition_number(jnp.array([[3.0, 0.0], [0.0, 0.5]])))
      6.0

    Reference: section 2.12.
    """
    return _condition_number(as_matrix("linalg.condition_number", a))


def low_rank(a: Num[ArrayLike, "n d"], rank: int) -> LowRank:
    r"""The matrix of rank k that is nearest to a given one (Eckart and Young).

    $\hat A = \sum_{i \le k} \sigma_i u_i v_i^T$, at distance $\sqrt{\sum_{i > k} \sigma_i^2}$.

    Args:
      a: a matrix, shape ``(n, d)``.
      rank: k, static, in 1..min(n, d).

    Returns:
      The approximation and its distance in the Frobenius norm.

    Raises:
      TypeError: for a complex or non-numeric matrix, or a traced or fractional rank.
      ValueError: if it is not a matrix, is empty, or the rank is out of range.

    Note:
      A NaN or an infinity makes everything NaN. The derivative is exact where $\sigma_k > \sigma_{k+1}$, and finite
      elsewhere; that of an error of exactly 0 is 0.

    Example:
      >>> print(low_rank(jnp.array([[3.0, 0.0], [0.0, 1.0]]), 1))
      LowRank(approximation=Array([[3., 0.],
             [0., 0.]], dtype=float32), error=Array(1., dtype=float32))

    Reference: sections 4.4 and 4.5.
    """
    a = as_matrix("linalg.low_rank", a)
    return _low_rank(a, as_size("linalg.low_rank", "rank", rank, min(a.shape), "min(n, d)"))


@jax.jit
def _rank(a: Array) -> Array:
    s = jnp.linalg.svd(all_or_nan(wide(a)), compute_uv=False)
    return jnp.where(jnp.isnan(s[0]), -1, jnp.sum(s > rank_cutoff(a) * s[0]))


@jax.jit
def _condition_number(a: Array) -> Array:
    s = jnp.linalg.svd(all_or_nan(wide(a)), compute_uv=False)
    full = s[-1] > rank_cutoff(a) * s[0]
    condition = s[0] / jnp.where(full, s[-1], 1)
    return jnp.where(full | jnp.isnan(s[0]), condition, jnp.inf).astype(a.dtype)


@functools.partial(jax.jit, static_argnames="k")
def _low_rank(a: Array, k: int) -> LowRank:
    x = all_or_nan(wide(a))
    _, vectors, rest = leading_svd(x, k)
    approximation = product(product(x, vectors), vectors.T)
    return narrow(LowRank(approximation, root(rest)), a.dtype)


@jax.jit
def _masked_null_space(a: Array) -> NullSpace:
    basis = _null_space(all_or_nan(wide(a)))
    return NullSpace(basis.astype(a.dtype), jnp.abs(basis).sum(axis=0) > 0)


@jax.custom_jvp
def _null_space(a: Array) -> Array:
    n, d = a.shape
    square = jnp.concatenate([a, jnp.zeros((max(d - n, 0), d), a.dtype)])
    _, s, vt = jnp.linalg.svd(square, full_matrices=False)
    return jnp.where(s > rank_cutoff(a) * s[0], 0, fix_signs(vt.T))


@_null_space.defjvp
def _null_space_jvp(primals, tangents):
    r"""From $A N = 0$: $\dot N = -A^+ \dot A N$, what turns within the null space left out."""
    (a,), (da,) = primals, tangents
    basis = _null_space(a)
    inverse, _ = least_squares(a, jnp.eye(len(a), dtype=a.dtype), rank_cutoff(a), "svd")
    return basis, -product(inverse, product(da, basis))
