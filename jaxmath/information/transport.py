"""The Wasserstein distance of normal distributions."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmath._array import product, reciprocal, root
from jaxmath.distributions import Distribution, MultivariateNormal, Normal
from jaxmath.information.closed_forms import check_shapes


def wasserstein2(p: Distribution, q: Distribution) -> Float[Array, "..."]:
    r"""The Wasserstein distance $W_2$ of two normal distributions: the root of the least expected squared distance.

    $W_2^2 = (\mu_p - \mu_q)^2 + (\sigma_p - \sigma_q)^2$, and of vectors $\| \mu_p - \mu_q \|^2 + \mathrm{tr} \left( A
    + B - 2 (A^{1/2} B A^{1/2})^{1/2} \right)$ for covariances A and B.

    The trace is computed as $\min_U \| L_A - L_B U \|^2$ over orthogonal U, with factors $A = L_A L_A^T$ and
    $B = L_B L_B^T$: nothing cancels where A and B are close to each other, and derivatives, also second ones, are
    right where eigenvalues coincide.

    Args:
      p: a Normal or MultivariateNormal distribution.
      q: another one of the same family; batches broadcast.

    Returns:
      Distances (not their squares), of the batch shape. The derivative where both are equal, where there is none, is 0.

    Raises:
      TypeError: for other distributions.
      ValueError: if the shapes do not fit.

    Note:
      NaN where a parameter is not valid.

    Example:
      >>> from jaxmath.distributions import Normal
      >>> print(wasserstein2(Normal(0.0, 1.0), Normal(3.0, 5.0)))
      5.0

    Reference: Givens and Shortt (1984).
    """
    name = "information.wasserstein2"
    if type(p) is not type(q) or type(p) not in (Normal, MultivariateNormal):
        got = f"{type(p).__name__} and {type(q).__name__}"
        raise TypeError(f"{name}: expected two of Normal or two of MultivariateNormal, got {got}")
    check_shapes(name, p, q)
    return _wasserstein2(p, q)


@partial(jax.jit, inline=True)
def _wasserstein2(p: Any, q: Any) -> Array:
    dtype, valid = p._dtype(*jax.tree.leaves(q)), p._valid() & q._valid()
    computed = jnp.promote_types(dtype, jnp.float32)
    p, q = p._cast(computed), q._cast(computed)
    if isinstance(p, Normal):
        square = (p.loc - q.loc) ** 2 + (p.scale - q.scale) ** 2
    else:
        holds, one = valid[..., None, None], jnp.eye(p.loc.shape[-1], dtype=computed)
        factors = (jnp.where(holds, d.scale_tril, one) for d in (p, q))
        square = jnp.sum((p.loc - q.loc) ** 2, axis=-1) + _squared_bures(*factors)
    value = jnp.where(valid, root(square), jnp.nan)
    return jnp.broadcast_to(value, np.broadcast_shapes(p.batch_shape, q.batch_shape)).astype(dtype)


def _squared_bures(a: Array, b: Array) -> Array:
    rotation = _polar(product(b.mT, a))
    return jnp.sum((a - product(b, rotation)) ** 2, axis=(-2, -1))


@jax.custom_jvp
def _polar(c: Array) -> Array:
    """The orthogonal U of C = U S with a symmetric, positive semidefinite S."""
    u, _, vt = jnp.linalg.svd(c)
    return product(u, vt)


@_polar.defjvp
def _polar_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    r"""$\dot U = U X$ with $S X + X S = U^T \dot C - \dot C^T U$."""
    (c,), (dc,) = primals, tangents
    u = _polar(c)
    turned = product(u.mT, dc)
    return u, product(u, _lyapunov(product(u.mT, c), turned - turned.mT))


def _lyapunov(s: Array, r: Array) -> Array:
    """The X with S X + X S = R, for a symmetric, positive semidefinite S; its derivatives are solved for likewise."""

    def solve(_: Any, right: Array) -> Array:
        values, vectors = jnp.linalg.eigh(s)
        turned = product(vectors.mT, product(right, vectors))
        quotients = turned * reciprocal(values[..., :, None] + values[..., None, :])
        return product(vectors, product(quotients, vectors.mT))

    return jax.lax.custom_linear_solve(lambda x: product(s, x) + product(x, s), r, solve, symmetric=True)
