r"""The leading eigenvectors of a positive semidefinite matrix, with one sign rule and correct gradients.

Plain automatic differentiation of an eigendecomposition divides by $\lambda_j - \lambda_i$ for every pair, which is
NaN, or finite and wrong, as soon as two eigenvalues coincide. But a rotation among equal eigenvalues changes nothing
that has a derivative there: the projector, the reconstruction, sums over the whole group. So the rules below leave
those pairs out, and are exact for every such quantity wherever there is a gap at the cut, $\lambda_k > \lambda_{k+1}$.
So are second derivatives of what is linear in the eigenvalues of a group.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmath import _small, _subspace
from jaxmath._array import all_or_nan, any_lane, product, reciprocal, root

# Columns that subspace iteration carries beside those that are wanted, so that it settles sooner.
SPARE = 10
# It pays from so many rows on, for a quarter of the columns at most.
_LARGE = 128
# Columns whose variances differ by this factor are of unlike scale.
_UNLIKE = 10


def fix_signs(vectors: Float[Array, "d k"]) -> Float[Array, "d k"]:
    """Columns with the sign that makes positive their first entry of size at least (1 - 1e-3) of the largest."""
    size, rows = jnp.abs(vectors), jnp.arange(len(vectors))[:, None]
    first = jnp.where(size >= (1 - 1e-3) * size.max(axis=0), rows, len(vectors)).min(axis=0)
    return vectors * jnp.where(jnp.where(rows == first, vectors, 0).sum(axis=0) < 0, -1, 1)


@jax.custom_jvp
def symmetric_eigh(a: Float[Array, "d d"]) -> tuple[Float[Array, " d"], Float[Array, "d d"]]:
    """Eigenvalues of a symmetric matrix of any signs, largest first, and its eigenvectors as columns."""
    values, vectors = _eigh(a)
    return values, fix_signs(vectors)


@symmetric_eigh.defjvp
def _symmetric_eigh_jvp(primals, tangents):
    (a,), (da,) = primals, tangents
    values, vectors = symmetric_eigh(a)
    turned, inner = product((da + da.T) / 2, vectors), product(vectors.T, product(a, vectors))
    error = jnp.full_like(values, _rounding(len(a), a.dtype) * jnp.abs(values).max())
    return (values, vectors), _derivatives(_Spectrum(values, vectors, inner, error), turned, len(a))


class Leading(NamedTuple):
    """The k largest eigenvalues, largest first, their eigenvectors as columns, and the sum of the other eigenvalues."""

    values: Float[Array, " k"]
    vectors: Float[Array, "d k"]
    rest: Float[Array, ""]


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def leading_eigh(a: Float[Array, "d d"], k: int) -> Leading:
    """The leading eigenvectors of a positive semidefinite matrix.

    Negative eigenvalues, which are rounding, are returned as 0. A NaN or an infinity makes everything NaN. Few vectors
    of a large matrix are found by subspace iteration, which costs products alone; where that does not settle, and for
    all else, the whole matrix is decomposed.
    """
    return _signed(_leading(all_or_nan(a), k))


@leading_eigh.defjvp
def _leading_eigh_jvp(k, primals, tangents):
    (a,), (da,) = primals, tangents
    values, vectors, _ = leading_eigh(a, len(a))
    error = jnp.full_like(values, _rounding(len(a), a.dtype) * values[0])
    return _differentiated(a, da, values, vectors, error, k)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def leading_covariance(a: Float[Array, "d d"], k: int) -> Leading:
    """As :func:`leading_eigh` of a covariance, with the digits of small variances where columns are of unlike scale.

    The rounding in an entry of a covariance is in proportion to the deviations of its two columns. So scaled to
    correlations it has all digits that there are, and its singular values tell rounding from variance, which is
    returned as 0 where it is rounding.
    """
    return _signed(_of_covariance(all_or_nan(a), k))


@leading_covariance.defjvp
def _leading_covariance_jvp(k, primals, tangents):
    """As that of :func:`leading_eigh`, where the rounding in a variance is in proportion to those of its columns."""
    (a,), (da,) = primals, tangents
    values, vectors, _ = leading_covariance(a, len(a))
    error = _rounding(len(a), a.dtype) * _shares(a, vectors) * (values * reciprocal(_shares(a, vectors))).max()
    return _differentiated(a, da, values, vectors, error, k)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def leading_svd(x: Float[Array, "n d"], k: int) -> Leading:
    """As :func:`leading_eigh` of ``x.T @ x``, by the singular values of x.

    Small eigenvalues keep the digits that forming the product would lose; those that are rounding are returned as 0.
    """
    return _signed(_by_svd(all_or_nan(x), k))


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def leading_gram(x: Float[Array, "n d"], k: int) -> Leading:
    """As :func:`leading_svd` by the eigenvectors u of ``x @ x.T``, which is small where x has few rows: v = x.T @ u.

    Where columns are of unlike scale and this loses small ones it is done as there.
    """
    return _signed(_by_gram(all_or_nan(x), k))


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def leading_randomized(x: Float[Array, "n d"], k: int, start: Float[Array, "d b"]) -> Leading:
    """As :func:`leading_svd` by products with x alone, exact to rounding only if subspace iteration settles."""
    return _signed(_randomized(all_or_nan(x), k, start))


def _leading_svd_jvp(k, primals, tangents):
    x, dx = primals[0], tangents[0]
    values, vectors, _ = leading_svd(x, min(x.shape))
    left = product(x, vectors)
    turned = product(dx.T, left) + product(x.T, product(dx, vectors))
    error = _rounding(x.shape[1], x.dtype) * jnp.sqrt(values * values[0])
    spectrum = _Spectrum(values, vectors, product(left.T, left), error)
    return _first(spectrum, k), _tangents(spectrum, turned, k)


for _decomposition in (leading_svd, leading_gram, leading_randomized):
    _decomposition.defjvp(_leading_svd_jvp)


def _signed(leading: Leading) -> Leading:
    return leading._replace(vectors=fix_signs(leading.vectors))


def _leading(a: Array, k: int) -> Leading:
    few = len(a) >= _LARGE and 4 * (k + SPARE) <= len(a)
    return _few(a, k) if few else _whole(a, k)


def _whole(a: Array, k: int) -> Leading:
    values, vectors = _eigh(a)
    return _cut(jnp.maximum(values, 0), vectors, k)


@partial(jax.jit, static_argnums=1)
def _of_covariance(a: Array, k: int) -> Leading:
    if len(a) <= 4:
        values, vectors = _few_columns(a)
        return _cut(values, vectors, k)
    plain = told_apart(_leading(a, k))
    lost = _lost(plain, jnp.diagonal(a))
    return jax.lax.cond(any_lane(lost), lambda: _cut(*_graded_eigh(a), k), lambda: plain)


@partial(jax.jit, static_argnums=1)
def _by_gram(x: Array, k: int) -> Leading:
    values, left, rest = told_apart(_leading(product(x, x.T), k))
    rest = jnp.zeros_like(rest) if k == min(x.shape) else rest
    plain = Leading(values, jnp.linalg.qr(product(x.T, left))[0], rest)
    lost = _lost(plain, jnp.sum(x**2, axis=0))
    return jax.lax.cond(any_lane(lost), lambda: _by_svd(x, k), lambda: plain)


def _by_svd(x: Array, k: int) -> Leading:
    _, s, vt = jnp.linalg.svd(x, full_matrices=False)
    return _cut(jnp.where(s <= 4 * jnp.finfo(x.dtype).eps * s[0], 0, s) ** 2, vt.T, k)


def _cut(values: Array, vectors: Array, k: int) -> Leading:
    return Leading(values[:k], vectors[:, :k], values[k:].sum())


def _eigh(a: Array) -> tuple[Array, Array]:
    if len(a) <= 4:
        return _small.eigh(a)
    values, vectors = jnp.linalg.eigh(a)
    return values[::-1], vectors[:, ::-1]


@partial(jax.jit, static_argnums=1)
def _few(a: Array, k: int) -> Leading:
    start = jax.random.normal(jax.random.key(0), (len(a), k + SPARE), a.dtype)
    found = _subspace.iterate(partial(product, a), start, k)
    rest = jnp.maximum(jnp.trace(a) - found.values.sum(), 0)
    iterated = Leading(found.values, found.vectors, rest)
    return jax.lax.cond(found.settled, lambda: iterated, lambda: _whole(a, k))


@partial(jax.jit, static_argnums=1)
def _randomized(x: Array, k: int, start: Array) -> Leading:
    found = _subspace.iterate(lambda block: product(x.T, product(x, block)), start, k)
    left = x - product(product(x, found.vectors), found.vectors.T)
    return Leading(found.values, found.vectors, jnp.sum(left**2))


def told_apart(leading: Leading) -> Leading:
    """Eigenvalues that are rounding of a product as 0."""
    smallest = 8 * jnp.finfo(leading.values.dtype).eps * leading.values[0]
    return leading._replace(values=jnp.where(leading.values <= smallest, 0, leading.values))


def _lost(leading: Leading, variances: Array) -> Array:
    """Whether columns are of so unlike a scale that a product has lost digits of small eigenvalues."""
    unlike = variances.max() > _UNLIKE * jnp.where(variances > 0, variances, jnp.inf).min()
    small = jnp.finfo(variances.dtype).eps ** (1 / 3)
    few_digits = leading.values[-1] < small * leading.values[0]
    if len(leading.values) < min(len(variances), len(leading.vectors)):
        few_digits |= leading.rest < small * variances.sum()
    return unlike & few_digits


class _Spectrum(NamedTuple):
    r"""Eigenvalues of A, vectors V as columns, $V^T A V$, and how far the eigenvalues may be from exact ones."""

    values: Float[Array, " m"]
    vectors: Float[Array, "d m"]
    inner: Float[Array, "m m"]
    error: Float[Array, " m"]


def _differentiated(
    a: Array, da: Array, values: Array, vectors: Array, error: Array, k: int
) -> tuple[Leading, Leading]:
    """The first k of all eigenpairs of a symmetric matrix, and their tangents."""
    spectrum = _Spectrum(values, vectors, product(vectors.T, product(a, vectors)), error)
    return _first(spectrum, k), _tangents(spectrum, product((da + da.T) / 2, vectors), k)


def _first(spectrum: _Spectrum, k: int) -> Leading:
    return Leading(spectrum.values[:k], spectrum.vectors[:, :k], spectrum.values[k:].sum())


def _tangents(spectrum: _Spectrum, turned: Array, k: int) -> Leading:
    dvalues, dvectors = _derivatives(spectrum, turned, k)
    return Leading(dvalues[:k], dvectors, dvalues[k:].sum())


def _derivatives(spectrum: _Spectrum, turned: Array, k: int) -> tuple[Array, Array]:
    r"""Tangents of all eigenvalues and of the first k eigenvectors of a matrix $A$.

    ``turned`` is $\dot A V$. With $M = V^T \dot A V$: $\dot\lambda_i = M_{ii}$ and
    $\dot v_j = \sum_{i \ne j} v_i M_{ij} / (\lambda_j - \lambda_i)$ over the i with another eigenvalue, plus the part
    of $\dot A v_j / \lambda_j$ outside the span of $V$, whose eigenvalue is 0 (none if V is square).

    In a second derivative also the entries of $V^T A V$ between equal eigenvalues move: with $X R - L X = M$ for the
    two diagonals L and R of eigenvalues, $X + \dot X$ solves it for $L + \dot L$, $R + \dot R$ that are not diagonal.
    """
    values, vectors, whole, error = spectrum
    inner = product(vectors.T, turned)
    resolution = jnp.maximum(error[:, None], error)
    ones = jnp.ones_like(values)
    # By a product, for they must be antisymmetric to the last bit: a loop into which the values are fused rounds them
    # in different ways.
    gaps = product(jnp.stack([-values, ones], axis=1), jnp.stack([ones, values]))
    equal = jnp.abs(gaps) <= resolution
    mixed = jnp.where(equal & ~jnp.eye(len(values), dtype=bool), _vanishing(whole), 0)
    weights = _reciprocal(gaps[:, :k], resolution[:, :k])
    inside = inner[:, :k] * weights
    inside += (product(mixed, inside) - product(inside, mixed[:k, :k])) * weights
    dvectors = product(vectors, inside)
    if vectors.shape[0] > vectors.shape[1]:
        weights = _reciprocal(values[:k], error[:k])
        outside = (turned[:, :k] - product(vectors, inner[:, :k])) * weights
        dvectors += outside - product(outside, mixed[:k, :k]) * weights
    return jnp.diagonal(inner), dvectors


@jax.custom_jvp
def _vanishing(x: Array) -> Array:
    """Zeros that have the derivative of x, which is computed only where there is a second one."""
    return jnp.zeros_like(x)


@_vanishing.defjvp
def _vanishing_jvp(primals, tangents):
    return _vanishing(*primals), tangents[0]


def _reciprocal(difference: Array, resolution: Array) -> Array:
    """1 / difference, and 0 where it is too small to tell from rounding."""
    apart = jnp.abs(difference) > resolution
    return jnp.where(apart, 1 / jnp.where(apart, difference, 1), 0)


def _rounding(dims: int, dtype: Any) -> float:
    return 8 * dims * float(jnp.finfo(dtype).eps)


def _shares(a: Array, vectors: Array) -> Array:
    """What every eigenvector would have of variance if the columns were not correlated."""
    return product(jnp.diagonal(a), vectors**2)


def _graded_eigh(a: Array) -> tuple[Array, Array]:
    r"""Eigenvalues of a covariance of columns in any scale, 0 where they are rounding of correlations, and vectors.

    The correlations $Q \Lambda Q^T$ give a square root $\Lambda^{1/2} Q^T D$ of the covariance. With its columns in
    falling order QR iteration finds the small singular values as exactly as the large ones.
    """
    deviation = root(jnp.maximum(jnp.diagonal(a), 0))
    scaled = reciprocal(deviation)
    values, vectors = jnp.linalg.eigh(a * scaled * scaled[:, None])
    correlated = values > 8 * jnp.finfo(a.dtype).eps * values[-1]
    order = jnp.argsort(-deviation)
    factor = jnp.sqrt(jnp.where(correlated, values, values * 0))[:, None] * (vectors.T * deviation)[:, order]
    s, vt = jax.lax.platform_dependent(factor, tpu=_svd, default=_svd_by_qr)
    s = jnp.where(jnp.arange(len(a)) < correlated.sum(), s, s * 0)  # as many as are not rounding; NaN stays
    return s**2, jnp.zeros_like(a).at[order].set(vt.T)


@jax.custom_batching.custom_vmap
def _few_columns(a: Array) -> tuple[Array, Array]:
    """As above for four columns at most, of which many are done at once by Jacobi's rotations."""
    return _graded_eigh(a)


@_few_columns.def_vmap
def _many_few_columns(_: int, batched: list[bool], a: Array) -> tuple[tuple[Array, Array], tuple[bool, bool]]:
    return jax.vmap(_graded_eigh_by_jacobi)(a), (True, True)


def _graded_eigh_by_jacobi(a: Array) -> tuple[Array, Array]:
    """The same by rotations, which find small eigenvalues as exactly as large ones."""
    values, vectors = _small.eigh(a)
    correlated = values * reciprocal(_shares(a, vectors))
    rounding = correlated <= 8 * jnp.finfo(a.dtype).eps * correlated.max()
    return jnp.where(rounding, 0, values), vectors


def _svd(x: Array) -> tuple[Array, Array]:
    _, s, vt = jnp.linalg.svd(x, full_matrices=False)
    return s, vt


def _svd_by_qr(x: Array) -> tuple[Array, Array]:
    _, s, vt = jax.lax.linalg.svd(x, full_matrices=False, algorithm=jax.lax.linalg.SvdAlgorithm.QR)
    return s, vt
