"""Mixtures of much data: exact EM over batches from anywhere, and EM by steps of one small batch."""

import math
from collections.abc import Callable, Iterable
from functools import partial

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jax.typing import ArrayLike
from jaxtyping import Array, Num

from jaxmath import reduce
from jaxmath._array import as_key, as_matrix, as_size, in_range, narrow, padded, wide
from jaxmath._passes import Passes
from jaxmath.gmm.chunk import Model, Statistics, expect, model_of, most_rows, settle
from jaxmath.gmm.climb import Fit, Settings, as_settings
from jaxmath.gmm.mixture import GMM
from jaxmath.gmm.prior import Prior, as_prior, log_prior, moved_prior
from jaxmath.gmm.start import as_start, start
from jaxmath.gmm.steps import maximize, moved, weighted_rows, whole_rows
from jaxmath.kmeans.seeding import batch_of, random_rows


def fit_batches(
    key: Array,
    make_batches: Callable[[], Iterable[Num[ArrayLike, "_ d"]]],
    num_components: int,
    *,
    covariance_type: str = "full",
    weights: Callable[[], Iterable[Num[ArrayLike, " _"]]] | None = None,
    init: str | GMM = "kmeans++",
    max_steps: int = 100,
    tol: ArrayLike = 1e-3,
    reg_covar: ArrayLike = 1e-6,
    prior: Prior | None = None,
) -> Fit:
    """Fits a mixture to data larger than memory: exact steps of EM, one pass over the batches each.

    Args:
      key: a ``jax.random.key``, for the start.
      make_batches: a callable that returns a fresh iterator of arrays ``(m, d)``, the same rows every time.
      num_components: k, static, at most the rows of the first piece, in which the start is placed: the first batch, or
        4,096 rows if that is more.
      covariance_type: as for :func:`fit`.
      weights: a callable that returns a fresh iterator of arrays ``(m,)``, one a batch; None counts each row once.
      init: the first mixture, or how to place centers, as for :func:`fit`.
      max_steps: passes at most, but for the last, which finds the log-likelihood of the result.
      tol: as for :func:`fit`.
      reg_covar: as for :func:`fit`.
      prior: as for :func:`fit`.

    Returns:
      The fit, equal to :func:`fit` of all rows from the same start up to rounding.

    Raises:
      TypeError: if ``make_batches`` or ``weights`` is not callable: an iterator can be read only once.
      ValueError: if there is no row, a batch is not ``(m, d)``, there are not as many weights, or a pass has other
        rows than the one before; and what :func:`fit` raises.
    """
    name = "gmm.fit_batches"
    key = as_key(name, key)
    passes = Passes(name, make_batches, weights)
    first, counted = passes.first()
    first = as_matrix(name, first)
    if not isinstance(init, str | GMM):
        raise TypeError(f"{name}: expected init to be a word or a gmm.GMM, got {type(init).__name__}")
    rows, counted = weighted_rows(name, wide(first), counted)
    place = "rows of the first piece"
    settings = as_settings(name, len(rows), num_components, covariance_type, init, 1, max_steps, None, place)
    shift = reduce.typical_row(rows, counted)
    prior = moved_prior(as_prior(name, prior, settings.k, rows.shape[1], rows.dtype), -shift)
    reg_covar = in_range(name, "reg_covar", reg_covar, "[0, inf)").astype(rows.dtype)
    tol = in_range(name, "tol", tol, "[0, inf]")
    params, repairs = _start(name, key, init, settings, shift, rows, counted, reg_covar, prior)
    result = _climb(params, shift, passes, tol, reg_covar, prior, max_steps)
    result = result._replace(params=moved(result.params, shift), num_repairs=result.num_repairs + repairs)
    with jax.debug_nans(False):  # of a history that ends before max_steps
        return narrow(result, first.dtype)


def _climb(params: GMM, shift, passes: Passes, tol, reg_covar, prior, max_steps) -> Fit:
    """The steps of :func:`jaxmath.gmm.climb.climb`, on the host."""
    history, change, num_repairs = [], math.inf, 0
    while True:
        sums = _pass(params, shift, passes)
        mean, objective = _objective(params, sums, prior)
        objective = float(objective)
        if change < tol or len(history) == max_steps or not math.isfinite(objective):
            break
        change = abs(objective - history[-1]) if history else math.inf
        history.append(objective)
        params, repairs = maximize(params, sums, reg_covar, prior)
        num_repairs += repairs
    before = padded(history, max_steps, mean.dtype)
    converged = jnp.array(change < tol and math.isfinite(objective))
    return Fit(params, mean, before, jnp.array(len(history)), converged, jnp.array(num_repairs))


def fit_minibatch(
    key: Array,
    x: Num[ArrayLike, "n d"],
    num_components: int,
    *,
    covariance_type: str = "full",
    weights: Num[ArrayLike, " n"] | None = None,
    init: str | GMM | Num[ArrayLike, "n k"] = "kmeans++",
    batch_size: int = 1024,
    num_steps: int = 100,
    decay: ArrayLike = 0.7,
    reg_covar: ArrayLike = 1e-6,
) -> Fit:
    r"""Fits a mixture by stepwise EM: each step looks at a small random batch.

    What an M-step needs is a mean over rows; step t moves its running value towards that of the batch,
    $s \leftarrow (1 - \eta_t) s + \eta_t \hat s(\theta)$ with $\eta_t = (t + 2)^{-\text{decay}}$, and an M-step
    follows. It is near the fit of all rows after a fixed number of steps, however many rows there are.

    Args:
      key: a ``jax.random.key``, for the start and the batches.
      x: data, shape ``(n, d)``.
      num_components: k, static, in 1..n.
      covariance_type: as for :func:`fit`.
      weights: as for :func:`fit`; batches are drawn by weight.
      init: as for :func:`fit`; the start is placed in one random batch, but for given responsibilities.
      batch_size: rows a step, static; drawn with replacement.
      num_steps: static.
      decay: in (0.5, 1]: with a smaller one old batches are forgotten faster.
      reg_covar: as for :func:`fit`.

    Returns:
      The fit: ``history`` has the mean log-density of each batch before its step, ``log_likelihood`` is that of all
      rows, NaN for data with a NaN or an infinity; ``converged`` is never true.

    Raises:
      As :func:`fit` does.

    Reference: Cappé and Moulines (2009); Liang and Klein (2009).
    """
    name = "gmm.fit_minibatch"
    key, x = as_key(name, key), as_matrix(name, x)
    rows, counted = weighted_rows(name, wide(x), weights)
    settings = as_settings(name, len(x), num_components, covariance_type, init, 1, num_steps, None)
    batch_size = as_size(name, "batch_size", batch_size)
    reg_covar = in_range(name, "reg_covar", reg_covar, "[0, inf)").astype(rows.dtype)
    decay = in_range(name, "decay", decay, "(0.5, 1]").astype(rows.dtype)
    shift = reduce.typical_row(rows, counted)
    key_start, key_sample, key_batches = jax.random.split(key, 3)
    some, some_counted = rows, counted
    if settings.method is not None and len(x) > batch_size:
        size = min(max(batch_size, settings.k), len(x))
        some, some_counted = random_rows(key_sample, rows, size, counted), None
    params, repairs = _start(name, key_start, init, settings, shift, some, some_counted, reg_covar, None)
    params, history, more = _stepwise(
        key_batches, params, shift, rows, counted, reg_covar, decay, batch_size, num_steps
    )
    sums = whole_rows(params, shift, rows, counted)
    left = sums.log_likelihood / sums.rows
    result = Fit(moved(params, shift), left, history, jnp.array(num_steps), jnp.zeros((), bool), repairs + more)
    return narrow(result, x.dtype)


def _start(
    name: str,
    key: Array,
    init: str | GMM | ArrayLike,
    settings: Settings,
    shift: Array,
    x: Array,
    weights: Array | None,
    reg_covar: Array,
    prior: Prior | None,
) -> tuple[GMM, Array]:
    begin = as_start(name, init, settings.k, len(x), x.shape[1], settings.kind)
    return start(key, begin, settings.k, settings.kind, shift, x, weights, reg_covar, prior, None)


@jax.jit
def _objective(params: GMM, sums: Statistics, prior: Prior | None) -> tuple[Array, Array]:
    """The mean log-likelihood, and the same with the log-density of the prior."""
    mean = sums.log_likelihood / sums.rows
    return mean, mean + log_prior(params, prior) / sums.rows


def _pass(params: GMM, shift: Array, passes: Passes) -> Statistics:
    model = model_of(params)
    sums = passes.over(Partial(_widened, model, shift), most_rows(params))
    return settle(model, params.means, sums)


def _widened(model: Model, shift: Array, x: Array, weights: Array) -> Statistics:
    return expect(model, shift, wide(x), weights)


@partial(jax.jit, static_argnums=(7, 8))
def _stepwise(
    key: Array,
    begin: GMM,
    shift: Array,
    x: Array,
    weights: Array | None,
    reg_covar: Array,
    decay: Array,
    batch_size: int,
    num_steps: int,
) -> tuple[GMM, Array, Array]:
    """The mixture after the last step, the mean log-density of every batch, and how many components were repaired."""

    def batch_means(params: GMM, key: Array) -> Statistics:
        batch = batch_of(key, x, weights, batch_size)
        return jax.tree.map(lambda a: a / batch_size, whole_rows(params, shift, batch, None))

    def step(state, inputs):
        params, running = state
        key, t = inputs
        sums, rate = batch_means(params, key), (t + 2.0) ** -decay
        running = jax.tree.map(lambda a, b: (1 - rate) * a + rate * b, running, sums)
        new, repairs = maximize(params, running, reg_covar)
        return (new, about(running, new.means - params.means)), (sums.log_likelihood, repairs)

    keys, times = jax.random.split(key, num_steps + 1), jnp.arange(num_steps, dtype=x.dtype)
    state = begin, batch_means(begin, keys[0])
    (params, _), (history, repairs) = jax.lax.scan(step, state, (keys[1:], times))
    return params, history, repairs.sum()


def about(sums: Statistics, by: Array) -> Statistics:
    """The same sums about means that have moved."""
    counts, first = sums.counts[:, None], sums.first - sums.counts[:, None] * by
    if sums.second.ndim == 3:
        cross = by[:, :, None] * sums.first[:, None, :]
        second = sums.second - cross - jnp.swapaxes(cross, 1, 2) + counts[:, :, None] * by[:, :, None] * by[:, None, :]
    else:
        second = sums.second - 2 * by * sums.first + counts * by**2
    return sums._replace(first=first, second=second)
