r"""Mixtures of data with missing cells: exact EM, and what the missing cells were.

Of row i only the cells $O_i$ are seen. Which ones they are may depend on what is seen, not on what is missing ("missing
at random"). Then the likelihood is that of the seen cells, $\sum_k \pi_k N(x_O \mid \mu_{k,O}, \Sigma_{k,OO})$, and the
E-step needs of the others, M, their mean $\mu_M + \Sigma_{MO} \Sigma_{OO}^{-1} (x_O - \mu_O)$ and their covariance
$\Sigma_{MM} - \Sigma_{MO} \Sigma_{OO}^{-1} \Sigma_{OM}$ in every component.

A matrix whose size differs from row to row is no array. Here $\Sigma_{OO}$ is filled up to ``(d, d)`` with the
identity, which changes neither its inverse on O nor its determinant.
"""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Num

from jaxmath import reduce
from jaxmath._array import as_key, as_matrix, as_weights, in_range, narrow, wide
from jaxmath._missing import column_means
from jaxmath.gmm.chunk import Statistics, posterior
from jaxmath.gmm.climb import Fit, as_settings, best_fit
from jaxmath.gmm.mixture import DENSE, GMM, variances, with_rows
from jaxmath.gmm.prior import Prior
from jaxmath.gmm.steps import Data

# Floats of temporaries in a chunk.
_CPU, _ACCELERATOR = 2**18, 2**26


def fit_missing(
    key: Array,
    x: Num[ArrayLike, "n d"],
    num_components: int,
    *,
    covariance_type: str = "full",
    weights: Num[ArrayLike, " n"] | None = None,
    init: str | GMM | Num[ArrayLike, "n k"] = "kmeans++",
    n_init: int = 1,
    max_steps: int = 100,
    tol: ArrayLike = 1e-3,
    reg_covar: ArrayLike = 1e-6,
    prior: Prior | None = None,
    chunk_size: int | None = None,
) -> Fit:
    """Fits a mixture to data in which NaN marks a missing cell, by the exact EM for cells missing at random.

    Without missing cells the result is that of :func:`fit`. A start that is placed among the rows sees every missing
    cell at the mean of its column.

    Args:
      key: a ``jax.random.key``, for the start.
      x: data, shape ``(n, d)``, NaN where a cell is missing.
      num_components: k, static, in 1..n.
      covariance_type: as for :func:`fit`, and so all that follows.
      weights: how often each row counts, shape ``(n,)``; None counts each once.
      init: the first mixture, responsibilities, or how to place centers.
      n_init: starts, static.
      max_steps: static.
      tol: the change of the mean log-likelihood at which EM rests.
      reg_covar: added to every variance in every step.
      prior: of the parameters, for the most probable mixture.
      chunk_size: rows in a chunk; each takes some ``k * d * d`` numbers.

    Returns:
      The fit, in the type of the data; its log-likelihood is that of the seen cells.

    Raises:
      As :func:`fit` does.

    Note:
      A row with no cell seen changes nothing but the count. An infinity in a row that counts and a column never seen
      make the log-likelihood NaN, with ``converged`` false. The derivative is that of the stationary point, as for
      :func:`fit`, and 0 with respect to missing cells.

    Example:
      >>> x = jnp.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.1], [3.0, jnp.nan]])
      >>> print(impute(fit_missing(jax.random.key(0), x, 1, tol=1e-6).params, x)[3].round(1))
      [3.  6.1]

    Reference: Ghahramani and Jordan (1994); Little and Rubin (2019), section 11.2.
    """
    name = "gmm.fit_missing"
    key, x = as_key(name, key), as_matrix(name, x)
    rows = wide(x)
    settings = as_settings(name, len(x), num_components, covariance_type, init, n_init, max_steps, chunk_size)
    weights = None if weights is None else as_weights(name, weights, len(x)).astype(rows.dtype)
    shift, filled, seen, counts = _filled(rows, weights)
    data = Data((filled, seen), counts, in_range(name, "reg_covar", reg_covar, "[0, inf)"), prior)
    tol = in_range(name, "tol", tol, "[0, inf]")
    with jax.debug_nans(False):  # of a history that ends before max_steps
        return narrow(best_fit(name, seen_cells, key, shift, data, filled, init, tol, settings), x.dtype)


@jax.jit
def _filled(rows: Array, weights: Array | None) -> tuple[Array, Array, Array, Array]:
    """The means of the seen cells, the rows with those in place of missing cells, which are seen, and the weights."""
    counts = jnp.ones(len(rows), rows.dtype) if weights is None else weights
    shift = jax.lax.stop_gradient(column_means(rows, counts))
    counts = jnp.where(jnp.isfinite(shift).all(), counts, jnp.nan)  # no fit if a column is never seen
    seen = ~jnp.isnan(rows)
    filled = jnp.where((counts[:, None] != 0) | jnp.isfinite(rows), jnp.where(seen, rows, shift), shift)
    return shift, filled, seen, counts


def impute(params: GMM, x: Num[ArrayLike, "m d"]) -> Float[Array, "m d"]:
    r"""Data with every missing cell replaced by its expectation, given the cells of its row that are seen.

    Args:
      params: the mixture.
      x: data, shape ``(m, d)``, NaN where a cell is missing.

    Returns:
      The data, shape ``(m, d)``: seen cells as they are, missing ones as
      $\sum_k p(k \mid x_O) \operatorname{E}[x_M \mid x_O, k]$; a row with nothing seen is the mean of the mixture. An
      infinity makes the missing cells of its row NaN.

    Raises:
      TypeError: for complex or non-numeric data, or ``params`` that are no mixture.
      ValueError: if the shapes of the mixture do not belong together, or x does not have d columns.

    Example:
      >>> params = GMM(jnp.ones(1), jnp.zeros((1, 2)), jnp.array([[[1.0, 0.8], [0.8, 1.0]]]), "full")
      >>> print(impute(params, jnp.array([[2.0, jnp.nan]])))
      [[2.  1.6]]

    Reference: Ghahramani and Jordan (1994).
    """
    params, x, dtype = with_rows("gmm.impute", params, x)
    return _impute(params, x).astype(dtype)


@partial(jax.jit, static_argnums=4)
def seen_cells(params: GMM, shift: Array, x: tuple[Array, Array], weights: Array, chunk_size: int | None) -> Statistics:
    """The E-step over rows, and which of their cells are seen; the means of the mixture are relative to the shift."""
    chunk_size = chunk_rows(params) if chunk_size is None else chunk_size
    return reduce.over(Partial(_expect, params, shift), x, weights=weights, chunk_size=chunk_size)


def chunk_rows(params: GMM) -> int:
    """Rows in a chunk, so that its temporaries, a matrix for every row and component, stay in cache."""
    k, d = params.means.shape
    floats = _CPU if jax.default_backend() == "cpu" else _ACCELERATOR
    return max(floats // (k * d * (d if params.covariance_type in DENSE else 1)), 16)


def _expect(params: GMM, shift: Array, x: tuple[Array, Array], weights: Array) -> Statistics:
    """The sums of one chunk, about the means."""
    rows, seen = x
    joint, residuals, spread = _given_seen(params, rows - shift, seen)
    shares, log_density = posterior(joint.T)
    shares = shares.T * weights[:, None]
    highest = jax.lax.Precision.HIGHEST
    weighted = residuals * shares[:, :, None]
    if params.covariance_type in DENSE:
        second = jnp.einsum("mki,mkj->kij", weighted, residuals, precision=highest)
        spread = jnp.broadcast_to(spread, (*shares.shape, *spread.shape[2:]))
        second += jnp.einsum("mk,mkij->kij", shares, spread, precision=highest)
    else:
        second = (weighted * residuals).sum(axis=0) + jnp.einsum("mk,mki->ki", shares, spread, precision=highest)
    return Statistics(shares.sum(axis=0), weighted.sum(axis=0), second, weights @ log_density, weights.sum())


def _given_seen(params: GMM, x: Float[Array, "m d"], seen: Bool[Array, "m d"]) -> tuple[Array, Array, Array]:
    """Of every row and component what the seen cells say, with the missing cells at their expectation.

    The log of weight times density, ``(m, k)``; the residuals, ``(m, k, d)``; the covariance of the missing cells, 0
    elsewhere, ``(m, k, d, d)`` or ``(m, 1, d, d)`` where the components share theirs, ``(m, k, d)`` if it is diagonal.
    """
    residuals = jnp.where(seen[:, None], jnp.where(seen, x, 0)[:, None] - params.means, 0)
    if params.covariance_type in DENSE:
        d = x.shape[1]
        of_row = jax.vmap(jax.vmap(_conditional, in_axes=(None, 0, 0)), in_axes=(0, None, 0))
        k = 1 if params.covariance_type == "tied" else len(params.weights)
        grouped = jnp.moveaxis(residuals.reshape(len(x), -1, k, d), 1, 2)  # one factor for all that share it
        distances, log_det, grouped, spread = of_row(seen, params.covariances.reshape(k, d, d), grouped)
        residuals = jnp.moveaxis(grouped, 2, 1).reshape(residuals.shape)
        distances = jnp.moveaxis(distances, 2, 1).reshape(len(x), -1)
    else:
        spread = variances(params)
        spread = jnp.where(spread > 0, spread, jnp.nan)
        log_det = jnp.where(seen[:, None], jnp.log(spread), 0).sum(axis=2)
        distances = (residuals**2 / spread).sum(axis=2)
        spread = jnp.where(seen[:, None], 0, spread)
    poison = jnp.where(jnp.isinf(x).any(axis=1), jnp.nan, 0)[:, None]
    cells = seen.sum(axis=1)[:, None] * math.log(2 * math.pi)
    return jnp.log(params.weights) - (cells + log_det + distances) / 2 + poison, residuals, spread


def _conditional(seen: Array, covariance: Array, residuals: Float[Array, "g d"]) -> tuple[Any, ...]:
    """Distances and log-determinant of the seen cells, residuals of all cells, covariance of the missing ones."""
    d = len(seen)
    block = jnp.where(seen[:, None] & seen, covariance, jnp.eye(d, dtype=covariance.dtype))
    factor = jnp.linalg.cholesky(block)
    rows = jnp.where(seen[:, None], covariance, 0)
    solved = jax.scipy.linalg.solve_triangular(factor, jnp.concatenate([residuals.T, rows], axis=1), lower=True)
    whitened, gain = jnp.split(solved, [len(residuals)], axis=1)
    highest = jax.lax.Precision.HIGHEST
    expected = jnp.einsum("ig,ij->gj", whitened, gain, precision=highest)
    left = covariance - jnp.einsum("ij,ik->jk", gain, gain, precision=highest)
    spread = jnp.where(~seen[:, None] & ~seen, left, 0)
    log_det = 2 * jnp.log(jnp.diagonal(factor)).sum()
    return (whitened**2).sum(axis=0), log_det, jnp.where(seen, residuals, expected), spread


@jax.jit
def _impute(params: GMM, x: Array) -> Array:
    def of_row(row: Array) -> Array:
        joint, residuals, _ = _given_seen(params, row[None], ~jnp.isnan(row)[None])
        shares, _ = posterior(joint.T)
        expected = jnp.sum(shares * (residuals[0] + params.means), axis=0)
        return jnp.where(jnp.isnan(row), expected, row)

    return jax.lax.map(of_row, x, batch_size=min(chunk_rows(params), len(x)))
