"""What a mixture says about rows: densities, responsibilities, classes, criteria; and rows drawn from it."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Num

from jaxmath._array import as_key, as_size, product
from jaxmath._stream import in_chunks
from jaxmath.gmm.chunk import chunk_rows, joint_log_prob, posterior
from jaxmath.gmm.mixture import GMM, checked, matrices, num_parameters, typed, with_rows


def log_prob(params: GMM, x: Num[ArrayLike, "m d"]) -> Float[Array, " m"]:
    r"""Log-density of rows: $\log \sum_k \pi_k N(x \mid \mu_k, \Sigma_k)$.

    Args:
      params: the mixture.
      x: data, shape ``(m, d)``.

    Returns:
      Log-densities in nats, shape ``(m,)``; minus infinity so far away that its square is infinite. A NaN or an
      infinity in a row makes that row NaN. All are NaN if a covariance is not positive definite: then there is no
      density.

    Raises:
      TypeError: for complex or non-numeric data, or ``params`` that are no mixture.
      ValueError: if the shapes of the mixture do not belong together, or x does not have d columns.

    Example:
      >>> params = GMM(jnp.array([0.5, 0.5]), jnp.array([[-1.0], [1.0]]), jnp.ones((2, 1)), "diag")
      >>> print(log_prob(params, jnp.zeros((1, 1))).round(4))
      [-1.4189]

    Reference: section 6.8.2.
    """
    return _by_chunks("gmm.log_prob", params, x, _log_density)


def responsibilities(params: GMM, x: Num[ArrayLike, "m d"]) -> Float[Array, "m k"]:
    r"""The probability that a row comes from each component: $\pi_k N(x \mid \mu_k, \Sigma_k) / p(x)$.

    Args:
      params: the mixture.
      x: data, shape ``(m, d)``.

    Returns:
      Probabilities, shape ``(m, k)``; every row sums to 1. A row whose density is NaN or, so far away, 0, is NaN.

    Raises:
      As :func:`log_prob` does.

    Example:
      >>> params = GMM(jnp.array([0.5, 0.5]), jnp.array([[-1.0], [1.0]]), jnp.ones((2, 1)), "diag")
      >>> print(responsibilities(params, jnp.zeros((1, 1))))
      [[0.5 0.5]]

    Reference: section 6.8.2; Bishop (2006), equation 9.13.
    """
    return _by_chunks("gmm.responsibilities", params, x, _shares)


def predict(params: GMM, x: Num[ArrayLike, "m d"]) -> Int[Array, " m"]:
    """The most probable component of every row.

    Args:
      params: the mixture.
      x: data, shape ``(m, d)``.

    Returns:
      Numbers of components, 0..k - 1, shape ``(m,)``; of equally probable ones the first, and -1 for a row whose
      density is NaN or, so far away, 0.

    Raises:
      As :func:`log_prob` does.

    Example:
      >>> params = GMM(jnp.array([0.5, 0.5]), jnp.array([[-1.0], [1.0]]), jnp.ones((2, 1)), "diag")
      >>> print(predict(params, jnp.array([[-3.0], [0.5]])))
      [0 1]
    """
    return _by_chunks("gmm.predict", params, x, _most_probable)


def sample(key: Array, params: GMM, num_samples: int) -> tuple[Float[Array, "m d"], Int[Array, " m"]]:
    r"""Rows drawn from the mixture, and the components that they come from.

    Args:
      key: a ``jax.random.key``.
      params: the mixture.
      num_samples: how many rows, static.

    Returns:
      Rows $\mu_k + L_k z$ with $\Sigma_k = L_k L_k^T$, shape ``(num_samples, d)``, and the k of each,
      ``(num_samples,)``.

    Raises:
      TypeError: for ``params`` that are no mixture, or a traced or fractional ``num_samples``.
      ValueError: if the shapes of the mixture do not belong together, or ``num_samples`` is below 1.

    Reference: Bishop (2006), section 9.2.
    """
    key, num_samples = as_key("gmm.sample", key), as_size("gmm.sample", "num_samples", num_samples)
    params, dtype = typed("gmm.sample", params)
    return _sample(key, params, num_samples, dtype)


@partial(jax.jit, static_argnums=(2, 3))
def _sample(key: Array, params: GMM, num_samples: int, dtype: jnp.dtype) -> tuple[Array, Array]:
    key_label, key_noise = jax.random.split(key)
    labels = jax.random.categorical(key_label, jnp.log(params.weights), shape=(num_samples,))
    z = jax.random.normal(key_noise, (num_samples, params.means.shape[1]), params.means.dtype)
    factors = jnp.linalg.cholesky(matrices(params))
    choose = jax.nn.one_hot(labels, len(params.weights), dtype=z.dtype)

    def add(rows: Array, component: tuple[Array, Array]) -> tuple[Array, None]:
        factor, chosen = component
        return rows + product(z, factor.T) * chosen[:, None], None

    rows, _ = jax.lax.scan(add, params.means[labels], (factors, choose.T))
    return rows.astype(dtype), labels


def bic(params: GMM, x: Num[ArrayLike, "m d"]) -> Float[Array, ""]:
    r"""The Bayesian information criterion $p \log m - 2 \sum_i \log p(x_i)$ with p free parameters; lower is better.

    Args:
      params: the mixture.
      x: data, shape ``(m, d)``.

    Returns:
      The criterion. NaN where :func:`log_prob` is NaN.

    Raises:
      As :func:`log_prob` does.

    Reference: Schwarz (1978).
    """
    total, count = _likelihood("gmm.bic", params, x)
    return num_parameters(checked("gmm.bic", params)) * jnp.log(count).astype(total.dtype) - 2 * total


def aic(params: GMM, x: Num[ArrayLike, "m d"]) -> Float[Array, ""]:
    r"""Akaike's information criterion $2 p - 2 \sum_i \log p(x_i)$ with p free parameters; lower is better.

    Args:
      params: the mixture.
      x: data, shape ``(m, d)``.

    Returns:
      The criterion. NaN where :func:`log_prob` is NaN.

    Raises:
      As :func:`log_prob` does.

    Reference: Akaike (1974).
    """
    total, _ = _likelihood("gmm.aic", params, x)
    return 2 * num_parameters(checked("gmm.aic", params)) - 2 * total


def _by_chunks(
    name: str, params: GMM, x: ArrayLike, function: Callable[[Float[Array, "k m"]], Float[Array, "*k m"]]
) -> Array:
    """A function of every row's joint log-densities, as many rows at a time as the fit takes."""
    params, x, dtype = with_rows(name, params, x)
    result = _mapped(function, params, x, chunk_rows(len(x), params))
    return result.astype(dtype) if jnp.issubdtype(result.dtype, jnp.floating) else result


@partial(jax.jit, static_argnums=(0, 3))
def _mapped(function: Callable[[Array], Array], params: GMM, x: Array, chunk: int) -> Array:
    pieces = in_chunks(x, chunk)

    @jax.checkpoint
    def of_piece(piece):
        poison = jnp.where(jnp.isfinite(piece).all(axis=1), 0, jnp.nan)
        return function(joint_log_prob(params, piece.T) + poison).T

    result = jax.lax.map(of_piece, pieces)
    return result.reshape(-1, *result.shape[2:])[: len(x)]


def _log_density(joint: Array) -> Array:
    return jnp.where(joint.max(axis=0) == -jnp.inf, -jnp.inf, posterior(joint)[1])


def _shares(joint: Array) -> Array:
    return posterior(joint)[0]


def _most_probable(joint: Array) -> Array:
    return jnp.where(jnp.isfinite(joint.max(axis=0)), jnp.argmax(joint, axis=0), -1)


def _likelihood(name: str, params: GMM, x: ArrayLike) -> tuple[Array, int]:
    log_density = _by_chunks(name, params, x, _log_density)
    return log_density.sum(), len(log_density)
