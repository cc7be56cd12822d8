"""The leading eigenvectors of a matrix that is known only by its products."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxmath._array import product, reciprocal

_PRODUCTS = 4  # between two looks for convergence
# How far from orthonormal the last pass of Cholesky QR may find its columns.
_NEAR = 0.1


class Iterated(NamedTuple):
    """Eigenvalues, largest first, eigenvectors as columns, whether they are exact to rounding, and products made."""

    values: Float[Array, " k"]
    vectors: Float[Array, "d k"]
    settled: Bool[Array, ""]
    num_products: Int[Array, ""]


def iterate(multiply: Callable[[Array], Array], start: Float[Array, "d b"], k: int, max_products: int = 24) -> Iterated:
    r"""The leading k eigenpairs of a positive semidefinite $A$ by subspace iteration with Rayleigh-Ritz projection.

    A block of b > k vectors is multiplied by $A$ and made orthonormal, again and again; in the plane that it spans the
    best approximations to eigenvectors are those of $Q^T A Q$. Their error falls by $\lambda_{b+1} / \lambda_k$ a
    product, that of the eigenvalues by its square.

    Args:
      multiply: takes a block, shape ``(d, b)``, to $A$ times it.
      start: the first block, random; it need not be orthonormal.
      k: how many eigenpairs.
      max_products: the iteration ends after so many, or as soon as every residual $\|A v - \lambda v\|$ is rounding.

    Returns:
      What was reached. Eigenvalues below 0, which are rounding, are 0. Not differentiable as it stands.

    Reference: Halko, Martinsson and Tropp (2011), algorithm 4.4.
    """
    tolerance = 2 * jnp.finfo(start.dtype).eps * math.sqrt(len(start))

    def advance(_, basis):
        return orthonormal(multiply(basis))

    def improve(state):
        basis, reached = state
        basis = jax.lax.fori_loop(0, _PRODUCTS, advance, basis)
        image = multiply(basis)
        values, turn = jnp.linalg.eigh(product(basis.T, image))
        values, turn = values[::-1][:k], turn[:, ::-1][:, :k]
        vectors = product(basis, turn)
        residual = jnp.linalg.norm(product(image, turn) - vectors * values, axis=0).max()
        settled = residual <= tolerance * values[0]
        return basis, Iterated(jnp.maximum(values, 0), vectors, settled, reached.num_products + _PRODUCTS + 1)

    def unfinished(state):
        return ~state[1].settled & (state[1].num_products < max_products)

    nothing = jnp.zeros(k, start.dtype), jnp.zeros((len(start), k), start.dtype)
    state = (start, Iterated(*nothing, jnp.zeros((), bool), jnp.zeros((), int)))
    return jax.lax.while_loop(unfinished, improve, state)[1]


def orthonormal(block: Float[Array, "d b"]) -> Float[Array, "d b"]:
    r"""An orthonormal basis of the span of some columns, by products of their size and factors of size b alone.

    $B^T B = L L^T$ makes $B L^{-T}$ orthonormal but for what rounding does to columns that depend on each other. So
    this is done three times, with a small multiple of the identity added at first, which keeps the factor real. Where
    that is not enough, since the columns are dependent to rounding, it is done by reflections.

    (Reflections are LAPACK's, whose threads then wait in a busy loop and slow down the next matrix product.)

    Args:
      block: columns.

    Returns:
      The basis; NaN where the columns hold a NaN.

    Reference: Fukaya, Kannan, Nakatsukasa, Yamamoto and Yanagisawa (2020), shifted Cholesky QR.
    """
    basis = block * reciprocal(jnp.linalg.norm(block, axis=0))
    identity = jnp.eye(block.shape[1], dtype=block.dtype)
    for addend in (16 * jnp.finfo(block.dtype).eps * len(identity), 0, 0):
        factor = jnp.linalg.cholesky(product(basis.T, basis) + addend * identity)
        basis = product(basis, jax.scipy.linalg.solve_triangular(factor, identity, lower=True).T)
    near = jnp.abs(factor - identity).max() < _NEAR
    return jax.lax.cond(near, lambda: basis, lambda: jnp.linalg.qr(block)[0])
