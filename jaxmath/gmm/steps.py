"""The E-step and the M-step."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Num

from jaxmath import reduce
from jaxmath._array import as_float, as_size, as_weights, in_range
from jaxmath.gmm.chunk import Statistics, chunk_rows, expect, model_of, settle
from jaxmath.gmm.mixture import DENSE, GMM, checked, variances, with_rows
from jaxmath.gmm.prior import Prior, as_prior, with_prior

# Where rounding ends in the covariances of a fit, in eps of a variance and of the data's mean variance.
_ROUNDING = 8


def e_step(
    params: GMM,
    x: Num[ArrayLike, "n d"],
    *,
    weights: Num[ArrayLike, " n"] | None = None,
    chunk_size: int | None = None,
) -> Statistics:
    r"""The sums over responsibilities $r_{ik} = \pi_k N(x_i \mid \mu_k, \Sigma_k) / p(x_i)$ that an M-step needs.

    One pass over chunks of rows: the responsibilities themselves, ``(n, k)``, never exist as a whole.

    Args:
      params: the mixture.
      x: data, shape ``(n, d)``.
      weights: how often each row counts, shape ``(n,)``; None counts each once.
      chunk_size: rows in a chunk, as in :func:`jaxmath.reduce.over`; None for as many as stay in cache.

    Returns:
      The sums, in float32 or wider. Those of other rows under the same mixture are added by
      :func:`jaxmath.reduce.merge`.

    Raises:
      TypeError: for complex or non-numeric data, or ``params`` that are no mixture.
      ValueError: if the shapes of the mixture do not belong together, or data or weights do not fit it.

    Note:
      A NaN or an infinity in a row that counts, a negative weight, or a covariance that is not positive definite
      leaves no finite log-likelihood. Components whose distance is 1e5 deviations or more (float32) are told apart less
      exactly than by :func:`log_prob`, for rows are multiplied before means are subtracted.

    Example:
      >>> params = GMM(jnp.array([0.5, 0.5]), jnp.array([[0.0], [10.0]]), jnp.ones((2, 1)), "diag")
      >>> print(e_step(params, jnp.array([[0.0], [10.0], [11.0]])).counts)
      [1. 2.]

    Reference: section 6.8.2; Bishop (2006), equation 9.23.
    """
    return _expected("gmm.e_step", params, x, weights, chunk_size)[1]


def m_step(params: GMM, statistics: Statistics, *, reg_covar: ArrayLike = 1e-6, prior: Prior | None = None) -> GMM:
    r"""The most likely mixture for given responsibilities; the most probable one under a prior.

    With $\delta_k = \frac{1}{n_k} \sum_i w_i r_{ik} (x_i - \mu_k)$ the new mean is $\mu_k + \delta_k$, the new
    weight $n_k / n$ and the new covariance $\frac{1}{n_k} \sum_i w_i r_{ik} (x_i - \mu_k)(x_i - \mu_k)^T - \delta_k
    \delta_k^T$ plus ``reg_covar`` on its diagonal; averaged over axes for spherical types, over components for tied.

    Args:
      params: the mixture of the E-step.
      statistics: what :func:`e_step` returned for it.
      reg_covar: added to every variance. The floor that a fit has beside it is not applied.
      prior: of the weights, means and covariances.

    Returns:
      The new mixture. A component that no row belongs to, with a weight below 10 eps, is put beside the heaviest one,
      which gives it half of its weight; not where a prior says where it lies.

    Raises:
      TypeError: if ``params`` are no mixture, ``statistics`` none of :func:`e_step`, or ``prior`` no :class:`Prior`.
      ValueError: if the shapes do not belong together.

    Reference: section 6.8.2; Bishop (2006), equations 9.24-9.26; Murphy (2012), section 11.4.2.8.
    """
    params = checked("gmm.m_step", params)
    k, d = params.means.shape
    prior = as_prior("gmm.m_step", prior, k, d, params.means.dtype)
    reg_covar = in_range("gmm.m_step", "reg_covar", reg_covar, "[0, inf)")
    return maximize(params, _as_statistics("gmm.m_step", statistics, params), reg_covar, prior, False)[0]


def em_step(
    params: GMM,
    x: Num[ArrayLike, "n d"],
    *,
    weights: Num[ArrayLike, " n"] | None = None,
    reg_covar: ArrayLike = 1e-6,
    chunk_size: int | None = None,
) -> tuple[GMM, Float[Array, ""]]:
    """One step of EM: :func:`e_step`, then :func:`m_step`.

    Args:
      params: the mixture.
      x: data, shape ``(n, d)``.
      weights: how often each row counts, shape ``(n,)``; None counts each once.
      reg_covar: added to every variance.
      chunk_size: rows in a chunk, as for :func:`e_step`.

    Returns:
      The new mixture, and the mean log-density of a row under the old one. The likelihood of the new one is not lower,
      but for rounding and ``reg_covar``.

    Raises:
      As :func:`e_step` does.

    Reference: Dempster, Laird and Rubin (1977).
    """
    params, sums = _expected("gmm.em_step", params, x, weights, chunk_size)
    reg_covar = in_range("gmm.em_step", "reg_covar", reg_covar, "[0, inf)")
    return maximize(params, sums, reg_covar, floored=False)[0], sums.log_likelihood / sums.rows


def _expected(
    name: str, params: GMM, x: ArrayLike, weights: ArrayLike | None, chunk_size: int | None
) -> tuple[GMM, Statistics]:
    """The mixture, in the type that it is computed in, and the sums of its E-step."""
    params, x, _ = with_rows(name, params, x)
    row_weights = None if weights is None else as_weights(name, weights, len(x)).astype(x.dtype)
    shift = reduce.typical_row(x, row_weights)
    chunk_size = None if chunk_size is None else as_size(name, "chunk_size", chunk_size)
    return params, whole_rows(moved(params, -shift), shift, x, row_weights, chunk_size)


class Data(NamedTuple):
    """All that a stationary point depends on."""

    x: Any
    weights: Array | None
    reg_covar: ArrayLike
    prior: Any = None


def weighted_rows(name: str, x: Array, weights: ArrayLike | None) -> tuple[Array, Array | None]:
    """Rows and weights; what is not finite in a row that does not count is no matter."""
    if weights is None:
        return x, None
    weights = as_weights(name, weights, len(x)).astype(x.dtype)
    return _counted(x, weights), weights


@jax.jit
def _counted(x: Array, weights: Array) -> Array:
    return jnp.where((weights[:, None] != 0) | jnp.isfinite(x), x, 0)


@partial(jax.jit, static_argnums=4)
def whole_rows(
    params: GMM, shift: Array, x: Array, weights: Array | None, chunk_size: int | None = None, assigned: Any = None
) -> Statistics:
    """The E-step over rows in which nothing is missing; the means, and those of the sums, are relative to the shift.

    Where ``assigned`` is set every row belongs wholly to the component in which it is most likely.
    """
    model = model_of(params)
    chunk_size = chunk_rows(len(x), params) if chunk_size is None else chunk_size
    of_chunk = Partial(expect, model, shift, assigned=assigned)
    sums = reduce.over(of_chunk, x, weights=weights, chunk_size=chunk_size)
    return settle(model, params.means, sums)


@partial(jax.jit, static_argnames="floored")
def maximize(
    params: GMM, sums: Statistics, reg_covar: ArrayLike, prior: Prior | None = None, floored: bool = True
) -> tuple[GMM, Int[Array, ""]]:
    """The M-step, with the floor of a fit under its variances or without, and how many empty components it moved."""
    kind, dtype = params.covariance_type, params.means.dtype
    floor = jnp.finfo(dtype).eps * mean_variance(params, sums) if floored else None
    sums, weights, extra = with_prior(params, sums, prior)
    empty = sums.counts < 10 * jnp.finfo(dtype).eps * sums.rows
    counts = jnp.where(empty, 1, sums.counts)
    delta = sums.first / counts[:, None]
    dense = kind in DENSE
    squares = delta[:, :, None] * delta[:, None, :] if dense else delta**2
    scatter = sums.second - sums.counts.reshape(-1, *(1,) * (squares.ndim - 1)) * squares
    if kind.startswith("tied"):
        covariances = scatter.sum(axis=0) / (sums.counts.sum() + extra)
    else:
        covariances = scatter / (counts + extra).reshape(-1, *(1,) * (scatter.ndim - 1))
    if kind.endswith("spherical"):
        covariances = covariances.mean(axis=-1)
    covariances = _regularized(covariances, jnp.asarray(reg_covar, dtype), floor, dense)
    new = GMM(weights, params.means + delta, covariances, kind)
    return _repaired(new, empty), empty.sum()


def _as_statistics(name: str, statistics: Any, params: GMM) -> Statistics:
    if not isinstance(statistics, Statistics):
        raise TypeError(f"{name}: expected the statistics of gmm.e_step, got {type(statistics).__name__}")
    k, d = params.means.shape
    shapes = (k,), (k, d), (k, d, d) if params.covariance_type in DENSE else (k, d), (), ()
    fields = [as_float(name, field).astype(params.means.dtype) for field in statistics]
    if (got := tuple(field.shape for field in fields)) != shapes:
        raise ValueError(f"{name}: expected statistics of shapes {shapes}, as the mixture has, got {got}")
    return Statistics(*fields)


def mean_variance(params: GMM, sums: Statistics) -> Float[Array, ""]:
    """The variance of a column of the data, on average over the columns."""
    counts = sums.counts[:, None]
    away = params.means - (counts * params.means + sums.first).sum(axis=0) / sums.rows
    second = jnp.diagonal(sums.second, axis1=1, axis2=2) if sums.second.ndim == 3 else sums.second
    return jnp.sum(second + (2 * sums.first + counts * away) * away) / (sums.rows * second.shape[1])


def _regularized(covariances: Array, reg_covar: Array, floor: Array | None, dense: bool) -> Array:
    """Covariances with ``reg_covar`` on the diagonal, and no variance below the floor if there is one.

    Where columns are so alike that rounding leaves a matrix singular, or with a negative eigenvalue, a few eps of each
    variance and as many of the data's, but no more than there is of a variance, make it positive definite in the type
    that is computed in.
    """
    if not dense:
        covariances = jnp.maximum(covariances, 0) + reg_covar
        return covariances if floor is None else jnp.maximum(covariances, floor)
    spread = jnp.diagonal(covariances, axis1=-2, axis2=-1)
    if floor is None:
        return covariances + reg_covar * jnp.eye(spread.shape[-1], dtype=spread.dtype)
    rounding = _ROUNDING * (jnp.finfo(spread.dtype).eps * spread + jnp.minimum(jnp.abs(spread), floor))
    added = jnp.maximum(reg_covar, floor - spread) + rounding
    return covariances + added[..., None] * jnp.eye(spread.shape[-1], dtype=spread.dtype)


@jax.jit
def moved(params: GMM, by: Array) -> GMM:
    """The mixture in coordinates that are shifted by a vector."""
    return GMM(params.weights, params.means + by, params.covariances, params.covariance_type)


def _repaired(params: GMM, empty: Array) -> GMM:
    """Empty components as copies of the heaviest ones, which share their weight, moved along the widest axis."""
    k = len(empty)
    first = jnp.arange(k)[None] < jnp.arange(k)[:, None]
    left = jnp.where(empty, -1, params.weights)
    rank = ((left > left[:, None]) | ((left == left[:, None]) & first)).sum(axis=1)
    num_left, place = jnp.maximum(k - empty.sum(), 1), (empty & first).sum(axis=1)
    heavy = jnp.argmax(rank == (place % num_left)[:, None], axis=1)
    donor = jnp.where(empty, heavy, jnp.arange(k))
    spread = variances(params)[donor]
    widest = jax.nn.one_hot(jnp.argmax(spread, axis=1), spread.shape[1], dtype=spread.dtype)
    away = (1 + place // num_left)[:, None] * widest * jnp.sqrt(jnp.where(empty[:, None], spread, 1))
    weights = params.weights[donor] / (donor == donor[:, None]).sum(axis=1)
    means = params.means[donor] + jnp.where(empty[:, None], away, 0)
    own = params.covariances.ndim > 0 and not params.covariance_type.startswith("tied")
    return GMM(weights, means, params.covariances[donor] if own else params.covariances, params.covariance_type)
