r"""The leading eigenvectors of a positive semidefinite matrix, with one sign rule and correct gradients.

Plain automatic differentiation of an eigendecomposition divides by $\lambda_j - \lambda_i$ for every pair, which is
NaN, or finite and wrong, as soon as two eigenvalues coincide. But a rotation among equal eigenvalues changes nothing
that has a derivative there: the projector, the reconstruction, sums over the whole group. So the rules below leave
those pairs out, and are exact for every such quantity wherever there is a gap at the cut, $\lambda_k > \lambda_{k+1}$.
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmath import _small
from jaxmath._array import all_or_nan, product


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


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def leading_eigh(a: Float[Array, "d d"], k: int) -> tuple[Float[Array, " d"], Float[Array, "d k"]]:
    """All eigenvalues of a positive semidefinite matrix, largest first, and the eigenvectors of the first k as columns.

    Negative eigenvalues, which are rounding, are returned as 0. A NaN or an infinity makes everything NaN.
    """
    values, vectors = symmetric_eigh(all_or_nan(a))
    return jnp.maximum(values, 0), vectors[:, :k]


@leading_eigh.defjvp
def _leading_eigh_jvp(k, primals, tangents):
    (a,), (da,) = primals, tangents
    values, vectors = leading_eigh(a, a.shape[0])
    turned = product((da + da.T) / 2, vectors)
    return (values, vectors[:, :k]), _derivatives(values, vectors, turned, k)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def leading_svd(x: Float[Array, "n d"], k: int) -> tuple[Float[Array, " m"], Float[Array, "d k"]]:
    """As :func:`leading_eigh` of ``x.T @ x``, by the singular values of x: the m = min(n, d) first eigenvalues.

    Small eigenvalues keep the digits that forming the product would lose; those that are rounding are returned as 0.
    """
    _, s, vectors = jnp.linalg.svd(all_or_nan(x), full_matrices=False)
    lost = s <= 4 * jnp.finfo(x.dtype).eps * s[0]
    return jnp.where(lost, 0, s) ** 2, fix_signs(vectors[:k].T)


@leading_svd.defjvp
def _leading_svd_jvp(k, primals, tangents):
    (x,), (dx,) = primals, tangents
    values, vectors = leading_svd(x, min(x.shape))
    turned = product(dx.T, product(x, vectors)) + product(x.T, product(dx, vectors))
    return (values, vectors[:, :k]), _derivatives(values, vectors, turned, k)


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
