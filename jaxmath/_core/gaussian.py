"""The log-density of the normal distribution, by a Cholesky factor or by standard deviations; all arguments batch."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

_LOG_2_PI = math.log(2 * math.pi)


def log_density(x: Float[Array, "*#b d"], loc: Float[Array, "*#b d"], scale_tril: Float[Array, "*#b d d"]) -> Array:
    r"""$\log N(x \mid \mu, L L^T) = -\frac12 \| L^{-1} (x - \mu) \|^2 - \sum_j \log L_{jj} - \frac d2 \log 2 \pi$."""
    z, d = whiten(scale_tril, x - loc), x.shape[-1]
    squares = jnp.matmul(z**2, jnp.ones(d, z.dtype), precision=jax.lax.Precision.HIGHEST)  # on CPU faster than a sum
    return -(squares + d * _LOG_2_PI) / 2 - half_log_determinant(scale_tril)


def log_density_diagonal(x: Float[Array, "*#b d"], loc: Float[Array, "*#b d"], scale: Float[Array, "*#b d"]) -> Array:
    """The same for independent columns with these standard deviations."""
    return jnp.sum(log_density_1d(x, loc, scale), axis=-1)


def log_density_1d(x: Float[Array, "*#b"], loc: Float[Array, "*#b"], scale: Float[Array, "*#b"]) -> Float[Array, "*b"]:
    """The same in one dimension, with the standard deviation."""
    return -(((x - loc) / scale) ** 2 + _LOG_2_PI) / 2 - jnp.log(scale)


def whiten(scale_tril: Float[Array, "*#b d d"], x: Float[Array, "*#b d"]) -> Float[Array, "*b d"]:
    """L^-1 x: independent columns of variance 1 from those of covariance L L^T.

    Vectors that share a factor are solved for together: the axes of the batch that it lacks come last.
    """
    d, factors = x.shape[-1], scale_tril.shape[:-2]
    batch = jnp.broadcast_shapes(factors, x.shape[:-1])
    factors = (*(1,) * (len(batch) - len(factors)), *factors)
    shared = [axis for axis, size in enumerate(factors) if size == 1]
    last = range(len(batch) - len(shared), len(batch))
    rows = jnp.moveaxis(jnp.broadcast_to(x, (*batch, d)), shared, last)
    own, together = rows.shape[: len(batch) - len(shared)], rows.shape[len(batch) - len(shared) : -1]
    right, left = rows.reshape(*own, math.prod(together), d), scale_tril.reshape(*own, d, d)
    solved = jax.lax.linalg.triangular_solve(left, right, left_side=False, lower=True, transpose_a=True)
    return jnp.moveaxis(solved.reshape(rows.shape), last, shared)


def half_log_determinant(scale_tril: Float[Array, "*b d d"]) -> Float[Array, "*b"]:
    r"""$\frac12 \log \det L L^T$."""
    return jnp.sum(jnp.log(jnp.diagonal(scale_tril, axis1=-2, axis2=-1)), axis=-1)
