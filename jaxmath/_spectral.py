r"""The leading eigenvectors of a positive semidefinite matrix, with one sign rule and correct gradients.

Plain automatic differentiation of an eigendecomposition divides by $\lambda_j - \lambda_i$ for every pair, which is
NaN, or finite and wrong, as soon as two eigenvalues coincide. But a rotation among equal eigenvalues changes nothing
that has a derivative there: the projector, the reconstruction, sums over the whole group. So the rules below leave
those pairs out, and are exact for every such quantity wherever there is a gap at the cut, $\lambda_k > \lambda_{k+1}$.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmath import _small, _subspace
from jaxmath._array import all_or_nan, product

# Columns that subspace iteration carries beside those that are wanted, so that it settles sooner.
SPARE = 10
# It pays from so many rows on, for a quarter of the columns at most.
_LARGE = 128


def fix_signs(vectors: Float[Array, "d k"]) -> Float[Array, "d k"]:
    """Columns with the sign that makes positive their first entry of size at least (1 - 1e-3) of the largest."""
    size = jnp.abs(vectors)
    first = jnp.argmax(size >= (1 - 1e-3) * size.max(axis=0), axis=0)
    return vectors * jnp.where(jnp.take_along_axis(vectors, first[None], axis=0) < 0, -1, 1)


@jax.custom_jvp
def symmetric_eigh(a: Float[Array, "d d"]) -> tuple[Float[Array, " d"], Float[Array, "d d"]]:
    """Eigenvalues of a symmetric matrix of any signs, largest first, and its eigenvectors as columns."""
    if len(a) <= 4:
        values, vectors = _small.eigh(a)
        return values, fix_signs(vectors)
    values, vectors = jnp.linalg.eigh(a)
    return values[::-1], fix_signs(vectors[:, ::-1])


@symmetric_eigh.defjvp
def _symmetric_eigh_jvp(primals, tangents):
    (a,), (da,) = primals, tangents
    values, vectors = symmetric_eigh(a)
    turned = product((da + da.T) / 2, vectors)
    return (values, vectors), _derivatives(values, vectors, turned, len(a))


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
    a = all_or_nan(a)
    if len(a) < _LARGE or 4 * (k + SPARE) > len(a):
        return _whole(a, k)
    return _few(a, k)


@leading_eigh.defjvp
def _leading_eigh_jvp(k, primals, tangents):
    (a,), (da,) = primals, tangents
    whole = leading_eigh(a, len(a))
    return _differentiated(whole, product((da + da.T) / 2, whole.vectors), k)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def leading_svd(x: Float[Array, "n d"], k: int) -> Leading:
    """As :func:`leading_eigh` of ``x.T @ x``, by the singular values of x.

    Small eigenvalues keep the digits that forming the product would lose; those that are rounding are returned as 0.
    """
    _, s, vectors = jnp.linalg.svd(all_or_nan(x), full_matrices=False)
    values = jnp.where(s <= 4 * jnp.finfo(x.dtype).eps * s[0], 0, s) ** 2
    return Leading(values[:k], fix_signs(vectors[:k].T), values[k:].sum())


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def leading_gram(x: Float[Array, "n d"], k: int) -> Leading:
    """As :func:`leading_svd` by the eigenvectors u of ``x @ x.T``, which is small where x has few rows: v = x.T @ u."""
    values, left, rest = leading_eigh(product(x, x.T), k)
    rest = jnp.zeros_like(rest) if k == min(x.shape) else rest
    return Leading(values, fix_signs(jnp.linalg.qr(product(x.T, left))[0]), rest)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def leading_randomized(x: Float[Array, "n d"], k: int, start: Float[Array, "d b"]) -> Leading:
    """As :func:`leading_svd` by products with x alone, exact to rounding only if subspace iteration settles."""
    return _randomized(all_or_nan(x), k, start)


def _leading_svd_jvp(k, primals, tangents):
    x, dx = primals[0], tangents[0]
    whole = leading_svd(x, min(x.shape))
    turned = product(dx.T, product(x, whole.vectors)) + product(x.T, product(dx, whole.vectors))
    return _differentiated(whole, turned, k)


for _decomposition in (leading_svd, leading_gram, leading_randomized):
    _decomposition.defjvp(_leading_svd_jvp)


def _whole(a: Array, k: int) -> Leading:
    values, vectors = symmetric_eigh(a)
    values = jnp.maximum(values, 0)
    return Leading(values[:k], vectors[:, :k], values[k:].sum())


@partial(jax.jit, static_argnums=1)
def _few(a: Array, k: int) -> Leading:
    start = jax.random.normal(jax.random.key(0), (len(a), k + SPARE), a.dtype)
    found = _subspace.iterate(partial(product, a), start, k)
    return jax.lax.cond(found.settled, lambda: _iterated(found, jnp.trace(a)), lambda: _whole(a, k))


@partial(jax.jit, static_argnums=1)
def _randomized(x: Array, k: int, start: Array) -> Leading:
    found = _subspace.iterate(lambda block: product(x.T, product(x, block)), start, k)
    return _iterated(found, jnp.sum(x**2))


def _iterated(found: _subspace.Iterated, trace: Array) -> Leading:
    return Leading(found.values, fix_signs(found.vectors), jnp.maximum(trace - found.values.sum(), 0))


def _differentiated(whole: Leading, turned: Array, k: int) -> tuple[Leading, Leading]:
    """The first k of all eigenpairs and their tangents; ``turned`` is the matrix's tangent times the vectors."""
    values, vectors, _ = whole
    dvalues, dvectors = _derivatives(values, vectors, turned, k)
    primal = Leading(values[:k], vectors[:, :k], values[k:].sum())
    return primal, Leading(dvalues[:k], dvectors, dvalues[k:].sum())


def _derivatives(values: Array, vectors: Array, turned: Array, k: int) -> tuple[Array, Array]:
    r"""Tangents of all eigenvalues and of the first k eigenvectors of a matrix $A$.

    ``turned`` is $\dot A V$. With $M = V^T \dot A V$: $\dot\lambda_i = M_{ii}$ and
    $\dot v_j = \sum_{i \ne j} v_i M_{ij} / (\lambda_j - \lambda_i)$ over the i with another eigenvalue, plus the part
    of $\dot A v_j / \lambda_j$ outside the span of $V$, whose eigenvalue is 0 (none if V is square).
    """
    inner = product(vectors.T, turned)
    kept = values[:k]
    resolution = 8 * len(vectors) * jnp.finfo(values.dtype).eps * jnp.abs(values).max()
    weights = _reciprocal(kept[None, :] - values[:, None], resolution)
    outside = turned[:, :k] - product(vectors, inner[:, :k])
    dvectors = product(vectors, inner[:, :k] * weights)
    if vectors.shape[0] > vectors.shape[1]:
        dvectors += outside * _reciprocal(kept, resolution)
    return jnp.diagonal(inner), dvectors


def _reciprocal(difference: Array, resolution: Array) -> Array:
    """1 / difference, and 0 where it is too small to tell from rounding."""
    apart = jnp.abs(difference) > resolution
    return jnp.where(apart, 1 / jnp.where(apart, difference, 1), 0)
