r"""The Gaussian that principal components describe: probabilistic PCA.

A row is $x = \bar x + W z + \varepsilon$ with $z \sim N(0, I_k)$ and noise $\varepsilon \sim N(0, \sigma^2 I_d)$. The
most likely $W$ has the columns $\sqrt{\lambda_j - \sigma^2}\, v_j$, the most likely $\sigma^2$ is the mean of the
variances left out. So the rows have the covariance $V^T (\Lambda - \sigma^2 I) V + \sigma^2 I$: $\lambda_j$ along the
components and $\sigma^2$ across them.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath._array import as_key, as_size, product, root
from jaxmath.pca.estimate import PCA, MissingPCA
from jaxmath.pca.projection import as_rows, typed


def log_prob(p: PCA | MissingPCA, x: Num[ArrayLike, "m d"]) -> Float[Array, " m"]:
    r"""Log-density of rows under the Gaussian of a fit.

    With coordinates $z = V (x - \bar x)$ and what they miss, $r = x - \bar x - V^T z$,
    $$\log p(x) = -\tfrac12 \Big( d \log 2\pi + \sum_j \log \lambda_j + (d - k) \log \sigma^2 + \sum_j z_j^2 /
    \lambda_j + \|r\|^2 / \sigma^2 \Big).$$

    Args:
      p: a fit with k components; with k = d there is no noise, and the density is that of the whole covariance.
      x: data, shape ``(m, d)``.

    Returns:
      Log-densities in nats, shape ``(m,)``. A NaN in a row makes that row NaN. All are NaN if a variance along a
      component is 0, or the noise is, with k < d: then there is no density.

    Raises:
      TypeError: for complex or non-numeric data, and for an object that is no PCA.
      ValueError: if x does not have d columns.

    Example:
      >>> from jaxmath import pca
      >>> x = jnp.array([[0.0, 1.0], [0.0, -1.0], [2.0, 0.0], [-2.0, 0.0]])
      >>> print(f"{pca.log_prob(pca.fit(x, 1), x)[0]:.4f}")
      -2.8756

    Reference: Tipping and Bishop (1999), equation 4.
    """
    p, x, dtype = as_rows("pca.log_prob", p, x)
    return _log_prob(p, x).astype(dtype)


@jax.jit
def _log_prob(p: PCA, x: Array) -> Array:
    k, d = p.components.shape
    variances, noise = (jnp.where(v > 0, v, jnp.nan) for v in (p.explained_variance, p.noise_variance))
    centred = x - p.mean
    z = product(centred, p.components.T)
    along = jnp.sum(jnp.log(variances) + z**2 / variances, axis=1)
    missed = centred - product(z, p.components)
    across = (d - k) * jnp.log(noise) + jnp.sum(missed**2, axis=1) / noise if k < d else 0
    return -(d * math.log(2 * math.pi) + along + across) / 2


def sample(key: Array, p: PCA | MissingPCA, num_samples: int) -> Float[Array, "num_samples d"]:
    r"""Rows drawn from the Gaussian of a fit: $\bar x + \sum_j \sqrt{\lambda_j - \sigma^2}\, z_j v_j + \varepsilon$.

    Args:
      key: a ``jax.random.key``.
      p: a fit.
      num_samples: how many rows, static.

    Returns:
      Rows, shape ``(num_samples, d)``, NaN if the fit is.

    Raises:
      TypeError: for a traced or fractional ``num_samples``, for an object that is no random key or no PCA.
      ValueError: if ``num_samples`` is below 1.

    Reference: Tipping and Bishop (1999).
    """
    key, num_samples = as_key("pca.sample", key), as_size("pca.sample", "num_samples", num_samples)
    p, dtype = typed("pca.sample", p)
    return _sample(key, p, num_samples).astype(dtype)


@partial(jax.jit, static_argnames="num_samples")
def _sample(key: Array, p: PCA, num_samples: int) -> Array:
    k, d = p.components.shape
    key_z, key_noise = jax.random.split(key)
    z = jax.random.normal(key_z, (num_samples, k), p.mean.dtype)
    noise = jax.random.normal(key_noise, (num_samples, d), p.mean.dtype)
    signal = z * root(jnp.maximum(p.explained_variance - p.noise_variance, 0))
    return p.mean + product(signal, p.components) + noise * root(p.noise_variance)
