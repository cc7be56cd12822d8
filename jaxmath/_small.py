"""Elimination and symmetric eigenvalues of a few rows, written out entry by entry.

Under ``vmap`` every entry is then one long vector, where a loop of LAPACK calls would see the matrices one by one.
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

_SWEEPS = 6  # Jacobi's convergence is quadratic: after five, four rows are exact to the last digits of float64


@jax.jit
def eliminate(a: Inexact[Array, "d d"], b: Inexact[Array, "d k"]) -> tuple[Inexact[Array, "d k"], Inexact[Array, ""]]:
    """The solution of a x = b by Gauss-Jordan elimination with row exchanges, NaN if a pivot is 0; and det a."""
    rows = [[*left, *right] for left, right in zip(a, b, strict=True)]
    determinant, singular = jnp.ones((), a.dtype), jnp.zeros((), bool)
    for i in range(len(rows)):
        for j in range(i + 1, len(rows)):
            swap = jnp.abs(rows[j][i]) > jnp.abs(rows[i][i])
            rows[i], rows[j] = _exchange(swap, rows[i], rows[j])
            determinant = jnp.where(swap, -determinant, determinant)
        pivot = rows[i][i]
        determinant, singular = determinant * pivot, singular | (pivot == 0)
        unit = [entry / jnp.where(pivot == 0, 1, pivot) for entry in rows[i]]
        rows = [
            unit if j == i else [x - row[i] * y for x, y in zip(row, unit, strict=True)] for j, row in enumerate(rows)
        ]
    solution = jnp.array([row[len(a) :] for row in rows], a.dtype).reshape(b.shape)
    return jnp.where(singular, jnp.nan, solution), determinant


def norm(a: Inexact[Array, "n d"]) -> Float[Array, ""]:
    """The 1-norm, the largest sum of sizes in a column."""
    return functools.reduce(jnp.maximum, functools.reduce(jnp.add, jnp.abs(a)))


@jax.jit
def eigh(a: Float[Array, "d d"]) -> tuple[Float[Array, " d"], Float[Array, "d d"]]:
    """Eigenvalues of a symmetric matrix, largest first, and eigenvectors as columns, by Jacobi's rotations."""
    d = len(a)
    size = jnp.abs(a).max()
    scale = jnp.where(size == 0, 1, size)
    scaled = a / scale
    entries = {(i, j): scaled[i, j] for i in range(d) for j in range(i, d)}
    vectors = [list(row) for row in jnp.eye(d, dtype=a.dtype)]
    entries, vectors = jax.lax.fori_loop(0, _SWEEPS, _sweep, (entries, vectors))
    pairs = [[entries[i, i], *vectors[i]] for i in range(d)]
    for i in range(d):
        for j in range(i + 1, d):
            pairs[i], pairs[j] = _exchange(pairs[i][0] < pairs[j][0], pairs[i], pairs[j])
    table = jnp.array(pairs)
    return table[:, 0] * scale, table[:, 1:].T


def _sweep(_: Array, state: tuple[dict, list]) -> tuple[dict, list]:
    r"""One rotation for every pair p < q: by the angle with $\tan 2\theta = 2 a_{pq} / (a_{qq} - a_{pp})$."""
    entries, vectors = dict(state[0]), list(state[1])
    for p, q in [key for key in entries if key[0] < key[1]]:
        coupling, gap = entries[p, q], entries[q, q] - entries[p, p]
        length = jnp.abs(gap) + jnp.sqrt(gap * gap + 4 * coupling * coupling)
        tangent = jnp.where(gap < 0, -2, 2) * coupling / jnp.where(length == 0, 1, length)
        cos = 1 / jnp.sqrt(1 + tangent * tangent)
        sin = tangent * cos
        entries[p, p], entries[q, q] = entries[p, p] - tangent * coupling, entries[q, q] + tangent * coupling
        entries[p, q] = jnp.zeros_like(coupling)
        for r in range(len(vectors)):
            if r not in (p, q):
                first, second = (min(r, p), max(r, p)), (min(r, q), max(r, q))
                x, y = entries[first], entries[second]
                entries[first], entries[second] = cos * x - sin * y, sin * x + cos * y
        both = list(zip(vectors[p], vectors[q], strict=True))
        vectors[p], vectors[q] = [cos * x - sin * y for x, y in both], [sin * x + cos * y for x, y in both]
    return entries, vectors


def _exchange(swap: Array, a: list[Array], b: list[Array]) -> tuple[list[Array], list[Array]]:
    both = list(zip(a, b, strict=True))
    return [jnp.where(swap, y, x) for x, y in both], [jnp.where(swap, x, y) for x, y in both]
