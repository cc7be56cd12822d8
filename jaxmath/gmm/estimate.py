"""The fit of a mixture by expectation maximisation."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int, Num

from jaxmath import reduce
from jaxmath._array import as_matrix, as_size, as_weights, narrow, one_of, wide
from jaxmath.gmm.chunk import expect
from jaxmath.gmm.implicit import with_implicit_derivative
from jaxmath.gmm.mixture import COVARIANCE_TYPES, GMM
from jaxmath.gmm.start import as_start, start
from jaxmath.gmm.steps import maximize, moved, sums_over


class Fit(NamedTuple):
    """A mixture and how it was reached.

    Attributes:
      params: the mixture.
      log_likelihood: mean log-density of a row under it, in nats.
      history: the same before each step; NaN after ``num_steps``.
      num_steps: steps made.
      converged: whether the last step changed the log-likelihood by less than ``tol``; never true with a NaN.
      num_repairs: how many empty components were moved.
    """

    params: GMM
    log_likelihood: Float[Array, ""]
    history: Float[Array, " max_steps"]
    num_steps: Int[Array, ""]
    converged: Bool[Array, ""]
    num_repairs: Int[Array, ""]


def fit(
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
    chunk_size: int | None = None,
) -> Fit:
    r"""Fits a mixture of Gaussians by expectation maximisation.

    It leads to a stationary point of the mean log-likelihood $\frac1n \sum_i \log \sum_k \pi_k N(x_i \mid \mu_k,
    \Sigma_k)$.

    Every step finds the responsibilities $r_{ik} \propto \pi_k N(x_i \mid \mu_k, \Sigma_k)$ and from them the weights,
    means and covariances that are most likely, which never lowers the likelihood (but for ``reg_covar`` and rounding).
    The steps end when the mean log-likelihood before one differs by less than ``tol`` from that before the last. This
    is scikit-learn's rule: from the same start, the same number of steps gives the same mixture.

    Args:
      key: a ``jax.random.key``, for the start.
      x: data, shape ``(n, d)``.
      num_components: k, static, in 1..n.
      covariance_type: static, one of those of :class:`GMM`.
      weights: how often each row counts, shape ``(n,)``; weight 2 is the row twice. None counts each once.
      init: the first mixture; or responsibilities, shape ``(n, k)``; or how to place centers whose nearest rows make
        the components: ``"kmeans++"``, rows far from each other; ``"kmeans"``, a whole fit of :mod:`jaxmath.kmeans`;
        ``"random"``, any rows.
      n_init: starts, static; the fit of the largest log-likelihood is returned. They run one after the other in one
        program, so that memory is that of one.
      max_steps: static.
      tol: see above.
      reg_covar: added to every variance in every step; absolute, as scikit-learn's.
      chunk_size: rows in a chunk, as in :func:`jaxmath.reduce.over`; None for as many as stay in cache.

    Returns:
      The fit, in the type of the data; float16 and bfloat16 are computed in float32.

    Raises:
      TypeError: for complex or non-numeric data, or a traced ``num_components``, ``n_init`` or ``max_steps``.
      ValueError: if the data is not ``(n, d)`` or empty, a number is out of range, a word is unknown, ``init`` does
        not fit the request, or the weights are not ``(n,)``.

    Note:
      A NaN or an infinity in a row that counts, a negative weight, and a covariance that is not positive definite to
      working precision (``reg_covar`` too small) make the log-likelihood NaN and end the fit with ``converged`` false.
      A component whose weight falls below 10 eps is put beside the heaviest one. The derivative with respect to data,
      weights and ``reg_covar`` is that of the stationary point, which the fit is brought to first; the start, ``tol``
      and ``history`` have none. It is NaN where the stationary point is not found. Many fits at once:
      ``jax.lax.map(lambda a: gmm.fit(*a, 3), (keys, xs))``, or ``jax.vmap`` where each is too small for the device.

    Example:
      >>> x = jnp.array([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]])
      >>> print([f"{mean:.3f}" for mean in jnp.sort(fit(jax.random.key(0), x, 2).params.means[:, 0])])
      ['1.000', '11.000']

    Reference: section 6.8.2; Dempster, Laird and Rubin (1977); Bishop (2006), section 9.2.2.
    """
    name = "gmm.fit"
    x = as_matrix(name, x)
    k = as_size(name, "num_components", num_components, len(x), "n")
    kind = one_of(name, "covariance_type", covariance_type, COVARIANCE_TYPES)
    n_init, max_steps = as_size(name, "n_init", n_init), as_size(name, "max_steps", max_steps)
    chunk_size = None if chunk_size is None else as_size(name, "chunk_size", chunk_size)
    begin = as_start(name, init, k, len(x), x.shape[1], kind)
    rows = wide(x)
    if weights is not None:
        weights = as_weights(name, weights, len(x)).astype(rows.dtype)
        rows = jnp.where(weights[:, None] != 0, rows, 0)
    tol, reg_covar = jnp.asarray(tol, rows.dtype), jnp.asarray(reg_covar, rows.dtype)
    settings = (k, kind, begin if isinstance(begin, str) else None, n_init, max_steps, chunk_size)
    result = _fit(key, rows, weights, None if isinstance(begin, str) else begin, tol, reg_covar, settings)
    return narrow_floats(result, x.dtype)


def narrow_floats(result: Fit, dtype: jnp.dtype) -> Fit:
    """The floating fields in the type that the data had."""
    params, log_likelihood, history = narrow((result.params, result.log_likelihood, result.history), dtype)
    return result._replace(params=params, log_likelihood=log_likelihood, history=history)


@partial(jax.jit, static_argnames="settings")
def _fit(key, x, weights, given, tol, reg_covar, settings) -> Fit:
    k, kind, method, n_init, max_steps, chunk_size = settings
    shift = reduce.typical_row(x, weights)

    def one(key: Array) -> Fit:
        init = method if given is None else given
        begin, repairs = start(key, init, k, kind, shift, x, weights, reg_covar, chunk_size)
        result = climb(jax.lax.stop_gradient(begin), shift, x, weights, tol, reg_covar, max_steps, chunk_size)
        return result._replace(num_repairs=result.num_repairs + repairs)

    if n_init == 1:
        best = one(key)
    else:
        fits = jax.lax.map(one, jax.random.split(key, n_init))
        highest = jnp.argmax(jnp.where(jnp.isnan(fits.log_likelihood), -jnp.inf, fits.log_likelihood))
        best = jax.tree.map(lambda a: a[highest], fits)
    return best._replace(params=moved(best.params, shift))


@with_implicit_derivative
def climb(
    begin: GMM,
    shift: Array,
    x: Array,
    weights: Array | None,
    tol: Array,
    reg_covar: Array,
    max_steps: int,
    chunk_size: int | None,
) -> Fit:
    """EM from a start until the mean log-likelihood rests; all means are relative to the shift."""

    def step(state):
        params, history, num_steps, change, num_repairs, _ = state
        sums = sums_over(expect, params, shift, x, weights, chunk_size)
        mean = sums.log_likelihood / sums.rows
        finished = (change < tol) | (num_steps == max_steps) | ~jnp.isfinite(mean)
        next_change = jnp.abs(mean - history[num_steps - 1])  # at first against the last place, which is NaN
        new, repairs = maximize(params, sums, reg_covar)
        moving = new, next_change, num_steps + 1, num_repairs + repairs
        resting = params, change, num_steps, num_repairs
        history = history.at[num_steps].set(mean)
        params, change, num_steps, num_repairs = jax.tree.map(partial(jnp.where, finished), resting, moving)
        return params, history, num_steps, change, num_repairs, finished

    zero, nan = jnp.zeros((), int), jnp.full((), jnp.nan, x.dtype)
    state = begin, jnp.full(max_steps + 1, nan), zero, nan, zero, jnp.zeros((), bool)
    params, history, num_steps, change, num_repairs, _ = jax.lax.while_loop(lambda state: ~state[-1], step, state)
    log_likelihood = history[num_steps]
    before = jnp.where(jnp.arange(max_steps) < num_steps, history[:-1], jnp.nan)
    converged = (change < tol) & jnp.isfinite(log_likelihood)
    return Fit(params, log_likelihood, before, num_steps, converged, num_repairs)
