"""The leading singular vectors of a matrix that is known only by its products with vectors."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxmath._array import all_or_nan, product

_SPARE = 20  # vectors beside 2 k: more of them mean fewer restarts, and longer steps
_ROUNDS = 40
Product = Callable[[Array], Array]


class Singular(NamedTuple):
    """Singular values, largest first, right singular vectors as columns, and whether they are exact to rounding."""

    values: Float[Array, " k"]
    vectors: Float[Array, "d k"]
    settled: Bool[Array, ""]


class _Basis(NamedTuple):
    """Orthonormal rows $U, V$ with $A V^T = U^T B$ and $A^T U^T = V^T B^T + r e^T$, where e is the last unit vector."""

    left: Float[Array, "m n"]
    right: Float[Array, "m d"]
    inner: Float[Array, "m m"]
    rest: Float[Array, " d"]


class _Progress(NamedTuple):
    basis: _Basis
    settled: Bool[Array, ""]
    confirmed: Bool[Array, ""]
    num_rounds: Int[Array, ""]


def leading_singular(
    multiply: Product, multiply_transposed: Product, shape: tuple[int, int], k: int, key: Array, dtype: Any
) -> Singular:
    r"""The leading k singular values and right singular vectors of A by Lanczos steps with thick restarts.

    Every step makes one product with A and one with its transpose,

    $$\alpha_j u_j = A v_j - \sum_{i < j} B_{ij} u_i, \qquad r = A^T u_j - \sum_{i \le j} B_{ji} v_i, \qquad
    v_{j+1} = r / \|r\|,$$

    so that $B = U A V^T$ of m = 2 k + 20 steps is small. With $B = P S Q^T$ the best approximations within reach are S
    and $Q^T V$, and $A^T U^T p_i = s_i V^T q_i + r P_{mi}$ tells how good they are. Until $\|r\| |P_{mi}|$ is rounding
    for the first k, the (k + m) / 2 best are kept and steps made again up to m. Nothing is squared, so that small
    singular values keep their digits.

    A vector meets equal singular values but once. So what has settled is put to the test: another round starts from
    the k vectors and a random one, and must find nothing larger. A random vector also begins, and stands in where
    r = 0.

    Args:
      multiply: takes a vector, shape ``(d,)``, to A times it.
      multiply_transposed: takes a vector, shape ``(n,)``, to the transpose of A times it.
      shape: of A, ``(n, d)``.
      k: how many, in 1..min(n, d).
      key: for the random vectors.
      dtype: of all vectors.

    Returns:
      What was reached after 40 rounds at most, and whether it stood the test; NaN if the products are. Not
      differentiable as it stands.

    Reference: Baglama and Reichel (2005), "Augmented implicitly restarted Lanczos bidiagonalization methods".
    """
    n, d = shape
    m = min(2 * k + _SPARE, d)
    tolerance = 4 * jnp.finfo(dtype).eps

    def one_round(progress: _Progress) -> _Progress:
        first, settled = progress.num_rounds == 0, progress.settled
        filled = jnp.where(first, 0, jnp.where(settled, k, (k + m) // 2))
        basis = _cut(progress.basis, filled, settled)
        steps = jax.random.split(jax.random.fold_in(key, progress.num_rounds), m)
        basis = jax.lax.fori_loop(filled, m, lambda j, b: _step(multiply, multiply_transposed, b, j, steps[j]), basis)
        turned, misfits = _turned(basis)
        values, before = (jnp.diagonal(b.inner)[:k] for b in (turned, progress.basis))
        confirmed = settled & ((values - before).max() <= 4 * tolerance * values[0])
        basis = jax.tree.map(partial(jnp.where, confirmed), progress.basis, turned)
        return _Progress(basis, misfits[:k].max() <= tolerance * values[0], confirmed, progress.num_rounds + 1)

    def unfinished(progress: _Progress) -> Array:
        open_ = ~progress.confirmed & (progress.num_rounds < _ROUNDS)
        return open_ & jnp.isfinite(progress.basis.inner[0, 0])

    empty = _Basis(*(jnp.zeros(size, dtype) for size in ((m, n), (m, d), (m, m), (d,))))
    no = jnp.zeros((), bool)
    last = jax.lax.while_loop(unfinished, one_round, _Progress(empty, no, no, jnp.zeros((), int)))
    return Singular(jnp.diagonal(last.basis.inner)[:k], last.basis.right[:k].T, last.confirmed)


def _step(multiply: Product, multiply_transposed: Product, basis: _Basis, j: Array, key: Array) -> _Basis:
    """One more row of each side; rows of zeros make no difference to what stands apart from them."""
    left, right, inner, rest = basis
    small = 4 * jnp.finfo(rest.dtype).eps * inner.max()
    stand_in = lambda: _apart(jax.random.normal(key, rest.shape, rest.dtype), right)[0]  # noqa: E731
    v = _unit(jax.lax.cond(jnp.linalg.norm(rest) > small, lambda: rest, stand_in))
    u, shares = _apart(multiply(v), left)
    alpha = jnp.linalg.norm(u)
    u = jnp.where(alpha > small, _unit(u), 0)
    right, left = right.at[j].set(v), left.at[j].set(u)
    inner = inner.at[:, j].set(shares.at[j].set(jnp.where(alpha > small, alpha, 0)))
    return _Basis(left, right, inner, _apart(multiply_transposed(u), right)[0])


def _cut(basis: _Basis, filled: Array, settled: Array) -> _Basis:
    """The first rows alone, and no rest where the next row is to be a random one."""
    keep = jnp.arange(len(basis.inner)) < filled
    left, right, inner = (jnp.where(keep[:, None], rows, 0) for rows in basis[:3])
    return _Basis(left, right, inner, jnp.where(settled, 0, basis.rest))


def _turned(basis: _Basis) -> tuple[_Basis, Array]:
    """The basis in which B is diagonal, and the misfit of every row of its left side."""
    p, s, qt = jnp.linalg.svd(all_or_nan(basis.inner))
    turned = _Basis(product(p.T, basis.left), product(qt, basis.right), jnp.diag(s), basis.rest)
    return turned, jnp.linalg.norm(basis.rest) * jnp.abs(p[-1])


def _apart(x: Array, rows: Array) -> tuple[Array, Array]:
    """A vector without its part along orthonormal rows, and its shares along them; twice, as once leaves rounding."""
    first = product(rows, x)
    x = x - product(first, rows)
    second = product(rows, x)
    return x - product(second, rows), first + second


def _unit(x: Array) -> Array:
    length = jnp.linalg.norm(x)
    return x / jnp.where(length == 0, 1, length)
