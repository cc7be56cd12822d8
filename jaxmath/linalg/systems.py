"""Linear systems: solutions, inverses, determinants, least squares."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Num

from jaxmath import _small
from jaxmath._array import all_or_nan, as_float, as_matrix, as_square, in_range, narrow, one_of, product, wide


class Solution(NamedTuple):
    r"""The solution of $A x = b$ and the condition $\|A\|_1 \|A^{-1}\|_1$ of $A$."""

    solution: Float[Array, "d ..."]
    condition: Float[Array, ""]


class Inverse(NamedTuple):
    r"""The inverse of $A$ and its condition $\|A\|_1 \|A^{-1}\|_1$."""

    inverse: Float[Array, "d d"]
    condition: Float[Array, ""]


class LeastSquares(NamedTuple):
    r"""The least squares solution of $A x \approx b$.

    Attributes:
      solution: $x$.
      residual: $\| A x - b \|^2$, one for each right-hand side.
      rank: the rank of $A$ as the method sees it; -1 if $A$ holds a NaN or an infinity.
    """

    solution: Float[Array, "d ..."]
    residual: Float[Array, "..."]
    rank: Int[Array, ""]


def solve(a: Num[ArrayLike, "d d"], b: Num[ArrayLike, "d ..."]) -> Solution:
    r"""Solves $A x = b$, and says how far to trust the answer.

    By elimination with row exchanges. A relative error $\epsilon$ in $A$ or $b$ can change $x$ by
    $\epsilon \|A\|_1 \|A^{-1}\|_1$, the condition. It is computed, not estimated, from the inverse: the two together
    cost two to three times the solution alone.

    Args:
      a: a square matrix, shape ``(d, d)``.
      b: right-hand sides, shape ``(d,)`` or ``(d, k)``.

    Returns:
      The solution, of the shape of ``b``, and the condition.

    Raises:
      TypeError: for complex or non-numeric input.
      ValueError: if ``a`` is not square or empty, or ``b`` does not have d rows.

    Note:
      A matrix that is singular to working precision (condition of $1 / \epsilon$ or more) has condition inf and
      solution NaN. A NaN or an infinity in ``a`` makes both NaN, one in ``b`` its column of the solution.

    Example:
      >>> print(solve(jnp.array([[2.0, 0.0], [0.0, 4.0]]), jnp.array([2.0, 2.0])))
      Solution(solution=Array([1. , 0.5], dtype=float32), condition=Array(2., dtype=float32))

    Reference: sections 2.12 and 4.4.4.
    """
    name = "linalg.solve"
    a = as_square(name, a)
    b = _right_hand_sides(name, b, len(a))
    return _solution(a, b)


def inverse(a: Num[ArrayLike, "d d"]) -> Inverse:
    r"""The matrix with $A^{-1} A = I$, and how far to trust it.

    Args:
      a: a square matrix, shape ``(d, d)``.

    Returns:
      The inverse, and the condition $\|A\|_1 \|A^{-1}\|_1$.

    Raises:
      TypeError: for a complex or non-numeric matrix.
      ValueError: if it is not square, or empty.

    Note:
      A matrix that is singular to working precision (condition of $1 / \epsilon$ or more) has condition inf and
      inverse NaN. A NaN or an infinity makes both NaN.

    Example:
      >>> print(inverse(jnp.array([[1.0, 1.0], [2.0, 2.0]])).condition)
      inf

    Reference: section 2.7.
    """
    return _inverse(as_square("linalg.inverse", a))


def determinant(a: Num[ArrayLike, "d d"]) -> Float[Array, ""]:
    r"""The determinant, $\sum_\pi \operatorname{sgn}(\pi) \prod_i a_{i \pi(i)}$ over all permutations.

    Computed as the product of the pivots of an elimination with row exchanges.

    Args:
      a: a square matrix, shape ``(d, d)``.

    Returns:
      The determinant: 0 up to rounding if the matrix is singular.

    Raises:
      TypeError: for a complex or non-numeric matrix.
      ValueError: if it is not square, or empty.

    Note:
      A NaN or an infinity gives NaN. The derivative, the matrix of cofactors, is right at singular matrices too, and so
      is the second one.

    Example:
      >>> print(determinant(jnp.array([[2.0, 3.0], [2.0, 2.0]])))
      -2.0

    Reference: section 2.7.
    """
    return _finite_determinant(as_square("linalg.determinant", a))


def pseudo_inverse(a: Num[ArrayLike, "n d"], *, rcond: Num[ArrayLike, ""] | None = None) -> Float[Array, "d n"]:
    r"""The matrix $A^+$ that solves least squares: $A^+ b$ is the shortest $x$ with the smallest $\|A x - b\|$.

    With the singular value decomposition $A = \sum_i \sigma_i u_i v_i^T$ it is
    $A^+ = \sum_{\sigma_i > 0} \frac{1}{\sigma_i} v_i u_i^T$.

    Args:
      a: a matrix, shape ``(n, d)``.
      rcond: singular values of at most this part of the largest count as 0; None is $\max(n, d) \epsilon$.

    Returns:
      The pseudo inverse, shape ``(d, n)``.

    Raises:
      TypeError: for complex or non-numeric input.
      ValueError: if ``a`` is not a matrix or empty, or ``rcond`` not one number or below 0.

    Note:
      A NaN or an infinity makes every entry NaN. The derivative is exact as long as the rank does not change, and NaN
      where ``rcond`` cuts off more than rounding.

    Example:
      >>> print(pseudo_inverse(jnp.array([[2.0, 0.0], [0.0, 0.0]])))
      [[0.5 0. ]
       [0.  0. ]]

    Reference: section 2.12.5.
    """
    name = "linalg.pseudo_inverse"
    a = as_matrix(name, a)
    return _pseudo_inverse(a, None if rcond is None else in_range(name, "rcond", rcond, "[0, inf]"))


def lstsq(a: Num[ArrayLike, "n d"], b: Num[ArrayLike, "n ..."], *, method: str = "svd") -> LeastSquares:
    r"""The $x$ with the smallest $\|A x - b\|$, and among several the shortest.

    Args:
      a: a matrix, shape ``(n, d)``, with more rows than columns, as many, or fewer.
      b: right-hand sides, shape ``(n,)`` or ``(n, k)``.
      method: ``"svd"``: $x = A^+ b$ by singular values, for any rank. ``"qr"``: $R x = Q^T b$ with $A = Q R$ (if
        n < d with $A^T = Q R$, $x = Q R^{-T} b$): faster, for full rank. ``"normal"``: $A^T A x = A^T b$ by the
        eigenvalues of $A^T A$, for any rank, but squares the condition: half of the digits.

    Returns:
      The solution, the sum of squared residuals of each right-hand side, and the rank.

    Raises:
      TypeError: for complex or non-numeric input.
      ValueError: if ``a`` is not a matrix or empty, ``b`` does not have n rows, or the method is unknown.

    Note:
      Singular values of at most $\max(n, d) \epsilon$ of the largest count as 0; ``"qr"`` judges by the diagonal of R
      and ``"normal"`` by the squares. ``"qr"`` answers NaN where the rank is not full. A NaN or an infinity in ``a``
      makes everything NaN and the rank -1; one in ``b`` makes its column NaN. The derivative is exact as long as the
      rank does not change.

    Example:
      >>> print(lstsq(jnp.array([[1.0], [1.0]]), jnp.array([1.0, 3.0])).residual)
      2.0

    Reference: sections 2.12.5 and 4.4.4.
    """
    name = "linalg.lstsq"
    a = as_matrix(name, a)
    b = _right_hand_sides(name, b, len(a))
    method = one_of(name, "method", method, ("svd", "qr", "normal"))
    return _lstsq(a, b, method)


@jax.jit
def _inverse(a: Array) -> Inverse:
    return narrow(Inverse(*inverse_and_condition(wide(a), 1 / jnp.finfo(a.dtype).eps)), a.dtype)


def inverse_and_condition(a: Array, limit: ArrayLike) -> tuple[Array, Array]:
    """The inverse of a real or complex matrix and its condition: NaN and inf where that is at the limit or above."""
    _, inv = _solve(a, a[:, :0])
    condition = _condition(a, inv, limit)
    return jnp.where(jnp.isfinite(condition), inv, jnp.nan), condition


def rank_cutoff(a: Array) -> Array:
    """The part of the largest singular value up to which one counts as 0, max(n, d) times the rounding unit."""
    dtype = wide(a).dtype
    return jnp.asarray(max(a.shape) * jnp.finfo(dtype).eps, dtype)


@jax.jit
def _solution(a: Array, b: Array) -> Solution:
    """The solution of a x = b for a vector or columns b, and the condition of a."""
    dtype = jnp.promote_types(a.dtype, b.dtype)
    a, columns = wide(a.astype(dtype)), wide(_finite_columns(b).astype(dtype)).reshape(len(a), -1)
    x, inv = _solve(a, columns)
    condition = _condition(a, inv, 1 / jnp.finfo(dtype).eps)
    x = jnp.where(jnp.isfinite(condition), x.reshape(b.shape), jnp.nan)
    return narrow(Solution(x, condition), dtype)


@jax.custom_jvp
def _solve(a: Array, b: Array) -> tuple[Array, Array]:
    """The solution of a x = b and the inverse of a."""
    both = jnp.concatenate([b, jnp.eye(len(a), dtype=b.dtype)], axis=1)
    result = _small.eliminate(a, both)[0] if len(a) <= 4 else jnp.linalg.solve(a, both)
    return result[:, : b.shape[1]], result[:, b.shape[1] :]


@_solve.defjvp
def _solve_jvp(primals, tangents):
    (a, b), (da, db) = primals, tangents
    x, inv = _solve(a, b)
    return (x, inv), (multiply(inv, db - multiply(da, x)), -multiply(inv, multiply(da, inv)))


def multiply(a: Array, b: Array) -> Array:
    """As ``product``, for complex matrices too."""
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)


@jax.jit
def _finite_determinant(a: Array) -> Array:
    """The determinant, NaN unless all entries are finite."""
    return _determinant(all_or_nan(wide(a))).astype(a.dtype)


@jax.custom_jvp
def _determinant(a: Array) -> Array:
    return _small.eliminate(a, a[:, :0])[1] if len(a) <= 4 else jnp.linalg.det(a)


@_determinant.defjvp
def _determinant_jvp(primals, tangents):
    (a,), (da,) = primals, tangents
    return _determinant(a), jnp.sum(_cofactors(a) * da)


@jax.custom_jvp
def _cofactors(a: Array) -> Array:
    r"""The derivative of a determinant, singular or not: $\det(U V^T) \sum_i (\prod_{j \ne i} \sigma_j) u_i v_i^T$."""
    u, s, vt = jnp.linalg.svd(a)
    return _orientation(u, vt) * product(u * jnp.diagonal(_products_without_two(s)), vt)


@_cofactors.defjvp
def _cofactors_jvp(primals, tangents):
    r"""With $N = U^T \dot A V$ and $p_{ij} = \prod_{l \ne i, j} \sigma_l$ it is $\det(U V^T) U K V^T$.

    There $K_{ij} = -p_{ij} N_{ji}$ and $K_{ii} = \sum_{j \ne i} p_{ij} N_{jj}$. This has no derivative of its own at
    equal singular values: a third one of the determinant is NaN there.
    """
    (a,), (da,) = primals, tangents
    u, s, vt = jnp.linalg.svd(a)
    pairs = jnp.where(jnp.eye(len(a), dtype=bool), 0, _products_without_two(s))
    inner = product(product(u.T, da), vt.T)
    change = jnp.diag(product(pairs, jnp.diagonal(inner))) - pairs * inner.T
    return _cofactors(a), _orientation(u, vt) * product(product(u, change), vt)


def _orientation(u: Array, vt: Array) -> Array:
    return jnp.sign(jnp.linalg.det(product(u, vt)))


def _products_without_two(s: Array) -> Array:
    """The product of all numbers but the i-th and the j-th, with i = j that of all but one, shape ``(d, d)``."""
    i, j = jnp.arange(len(s))[:, None], jnp.arange(len(s))
    before = jnp.cumprod(jnp.concatenate([jnp.ones(1, s.dtype), s[:-1]]))
    after = jnp.cumprod(jnp.concatenate([jnp.ones(1, s.dtype), s[:0:-1]]))[::-1]
    between = jnp.cumprod(jnp.where(j > i, s, 1), axis=1)
    between = jnp.concatenate([jnp.ones((len(s), 1), s.dtype), between[:, :-1]], axis=1)
    upper = jnp.where(j >= i, before[:, None] * between * after, 0)
    return jnp.where(j > i, upper, upper.T)


def _condition(a: Array, inv: Array, limit: ArrayLike) -> Array:
    """The condition in the 1-norm, inf from a limit on; NaN if a is not finite."""
    condition = _norm(a) * _norm(inv)
    return jnp.where(condition < limit, condition, jnp.where(jnp.isfinite(a).all(), jnp.inf, jnp.nan))


def _norm(a: Array) -> Array:
    return _small.norm(a) if len(a) <= 4 else jnp.abs(a).sum(axis=0).max()


@jax.jit
def _pseudo_inverse(a: Array, rcond: Array | None) -> Array:
    x = wide(a)
    cutoff = rank_cutoff(a) if rcond is None else rcond.astype(x.dtype)
    x = all_or_nan(jnp.where(jnp.isnan(cutoff), jnp.nan, x))
    return least_squares(x, jnp.eye(len(a), dtype=x.dtype), cutoff, "svd")[0].astype(a.dtype)


@functools.partial(jax.jit, static_argnames="method")
def _lstsq(a: Array, b: Array, method: str) -> LeastSquares:
    dtype = jnp.promote_types(a.dtype, b.dtype)
    a, columns = all_or_nan(wide(a.astype(dtype))), wide(_finite_columns(b).astype(dtype)).reshape(len(a), -1)
    x, rank = least_squares(a, columns, rank_cutoff(a), method)
    residual = jnp.sum((product(a, x) - columns) ** 2, axis=0)
    x, residual = x.reshape(a.shape[1:] + b.shape[1:]), residual.reshape(b.shape[1:])
    return LeastSquares(x.astype(dtype), residual.astype(dtype), jnp.where(jnp.isfinite(a).all(), rank, -1))


@functools.partial(jax.custom_jvp, nondiff_argnums=(3,))
def least_squares(a: Array, b: Array, cutoff: Array, method: str) -> tuple[Array, Array]:
    """The shortest least squares solution, and the rank."""
    return {"svd": _by_svd, "qr": _by_qr, "normal": _by_normal}[method](a, b, cutoff)


@least_squares.defjvp
def _least_squares_jvp(method, primals, tangents):
    r"""For $x = A^+ b$ of constant rank, with $r = b - A x$ (Golub and Pereyra, 1973):

    $\dot x = A^+ (\dot b - \dot A x) + A^+ A^{+T} \dot A^T r + (I - A^+ A) \dot A^T A^{+T} x$; NaN where more than
    rounding was cut off.
    """
    (a, b, cutoff), (da, db, _) = primals, tangents
    x, rank = least_squares(a, b, cutoff, method)
    p, numerical_rank = least_squares(a, jnp.eye(len(a), dtype=a.dtype), rank_cutoff(a), "svd")
    pulled = product(da.T, product(p.T, x))
    dx = product(p, db - product(da, x)) + pulled - product(p, product(a, pulled))
    dx += product(p, product(p.T, product(da.T, b - product(a, x))))
    return (x, rank), (jnp.where(rank == numerical_rank, dx, jnp.nan), np.zeros((), jax.dtypes.float0))


def _by_svd(a: Array, b: Array, cutoff: Array) -> tuple[Array, Array]:
    u, s, vt = jnp.linalg.svd(a, full_matrices=False)
    kept = s > cutoff * s[0]
    inverted = jnp.where(kept, 1 / jnp.where(kept, s, 1), s * 0)
    return product(vt.T * inverted, product(u.T, b)), kept.sum()


def _by_qr(a: Array, b: Array, cutoff: Array) -> tuple[Array, Array]:
    tall = a.shape[0] >= a.shape[1]
    q, r = jnp.linalg.qr(a if tall else a.T)
    size = jnp.abs(jnp.diagonal(r))
    rank = jnp.sum(size > cutoff * size.max())
    if tall:
        x = jax.scipy.linalg.solve_triangular(r, product(q.T, b))
    else:
        x = product(q, jax.scipy.linalg.solve_triangular(r.T, b, lower=True))
    return jnp.where(rank == len(r), x, jnp.nan), rank


def _by_normal(a: Array, b: Array, cutoff: Array) -> tuple[Array, Array]:
    values, vectors = jnp.linalg.eigh(product(a.T, a))
    kept = values > cutoff * values[-1]
    inverted = jnp.where(kept, 1 / jnp.where(kept, values, 1), values * 0)
    return product(vectors * inverted, product(vectors.T, product(a.T, b))), kept.sum()


def _right_hand_sides(name: str, b: ArrayLike, rows: int) -> Array:
    """Floats of shape (rows,) or (rows, k)."""
    b = as_float(name, b)
    if b.ndim not in (1, 2) or len(b) != rows:
        raise ValueError(f"{name}: expected right-hand sides of shape ({rows},) or ({rows}, k), got {b.shape}")
    return b


def _finite_columns(b: Array) -> Array:
    """Columns, NaN where they are not finite."""
    return jnp.where(jnp.isfinite(b).all(axis=0), b, jnp.nan)
