"""The log-density of the normal distribution, by a Cholesky factor or by standard deviations; all arguments batch."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

_LOG_2_PI = math.log(2 * math.pi)


def log_density(x: Float[Array, "*#b d"], loc: Float[Array, "*#b d"], scale_tril: Float[Array, "*#b d d"]) -> Array:
    r"""$\log N(x \mid \mu, L L^T) = -\frac12 \| L^{-1} (x - \mu) \|^2 - \sum_j \log L_{jj} - \frac d2 \log 2 \pi$."""
    z = whiten(scale_tril, x - loc)
    return -(jnp.sum(z**2, axis=-1) + x.shape[-1] * _LOG_2_PI) / 2 - half_log_determinant(scale_tril)


def log_density_diagonal(x: Float[Array, "*#b d"], loc: Float[Array, "*#b d"], scale: Float[Array, "*#b d"]) -> Array:
    """The same for independent columns with these standard deviations."""
    return jnp.sum(log_density_1d(x, loc, scale), axis=-1)


def log_density_1d(x: Float[Array, "*#b"], loc: Float[Array, "*#b"], scale: Float[Array, "*#b"]) -> Float[Array, "*b"]:
    """The same in one dimension, with the standard deviation."""
    return -(((x - loc) / scale) ** 2 + _LOG_2_PI) / 2 - jnp.log(scale)


def whiten(scale_tril: Float[Array, "*#b d d"], x: Float[Array, "*#b d"]) -> Float[Array, "*b d"]:
    """L^-1 x: independent columns of variance 1 from those of covariance L L^T.

    Vectors that share a factor are solved for together.
    """
    batch = scale_tril.shape[:-2]
    if not batch:
        columns = x.reshape(-1, x.shape[-1]).T
        return jax.scipy.linalg.solve_triangular(scale_tril, columns, lower=True).T.reshape(x.shape)
    shape = jnp.broadcast_shapes(batch, x.shape[:-1])
    scale_tril = jnp.broadcast_to(scale_tril, (*shape, *scale_tril.shape[-2:]))
    x = jnp.broadcast_to(x, (*shape, x.shape[-1]))
    return jax.lax.linalg.triangular_solve(scale_tril, x[..., None], left_side=True, lower=True)[..., 0]


def half_log_determinant(scale_tril: Float[Array, "*b d d"]) -> Float[Array, "*b"]:
    r"""$\frac12 \log \det L L^T$."""
    return jnp.sum(jnp.log(jnp.diagonal(scale_tril, axis1=-2, axis2=-1)), axis=-1)
