"""EM from one start or several, until the likelihood rests: what every fit of a mixture shares."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int

from jaxmath._array import as_key, as_size, one_of
from jaxmath.gmm.chunk import Statistics
from jaxmath.gmm.implicit import with_implicit_derivative
from jaxmath.gmm.mixture import COVARIANCE_TYPES, GMM
from jaxmath.gmm.prior import as_prior, log_prior, moved_prior
from jaxmath.gmm.start import Centers, as_start, centers, start
from jaxmath.gmm.steps import Data, maximize, moved, whole_rows
from jaxmath.gmm.table import WORTH, looked_up, num_bytes, where_there_is_room

# An E-step over all rows: of parameters, what was subtracted from their means, rows, weights, rows in a chunk.
Expected = Callable[[GMM, Array, Any, Any, int | None], Statistics]


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


class Settings(NamedTuple):
    """What is static in a fit."""

    k: int
    kind: str
    method: str | None
    n_init: int
    max_steps: int
    chunk_size: int | None


def as_settings(
    name: str, num_rows: int, k: int, kind: str, init: Any, n_init: int, max_steps: int, chunk_size: int | None,
    rows: str = "n",
) -> Settings:  # fmt: skip
    """The static arguments, checked; k is at most the number of rows."""
    return Settings(
        as_size(name, "num_components", k, num_rows, rows),
        one_of(name, "covariance_type", kind, COVARIANCE_TYPES),
        init if isinstance(init, str) else None,
        as_size(name, "n_init", n_init),
        as_size(name, "max_steps", max_steps),
        None if chunk_size is None else as_size(name, "chunk_size", chunk_size),
    )


def best_fit(
    name: str,
    expected: Expected,
    key: Array,
    shift: Array,
    data: Data,
    filled: Array,
    init: Any,
    tol: ArrayLike,
    settings: Settings,
) -> Fit:
    """The fit of the largest objective among ``n_init`` starts, which are placed among the filled rows."""
    key, (n, d), dtype = as_key(name, key), filled.shape, filled.dtype
    begin = as_start(name, init, settings.k, n, d, settings.kind)
    given = None if isinstance(begin, str) else begin
    prior = as_prior(name, data.prior, settings.k, d, dtype)
    data = data._replace(reg_covar=jnp.asarray(data.reg_covar, dtype), prior=prior)
    return _best_fit(expected, key, shift, data, filled, given, jnp.asarray(tol, dtype), settings)


@partial(jax.jit, static_argnames=("expected", "settings"))
def _best_fit(expected, key, shift, data, filled, given, tol, settings) -> Fit:
    k, kind, method, n_init, max_steps, chunk_size = settings
    data = data._replace(prior=moved_prior(data.prior, -shift))
    weights, prior = data.weights, data.prior

    def one(key: Array) -> tuple[Fit, Array]:
        init = method if given is None else given
        if isinstance(init, str) and expected is whole_rows and len(filled) < WORTH:
            begin, repairs = centers(key, init, (k, kind), shift, (filled, weights), chunk_size), jnp.zeros((), int)
        else:
            begin, repairs = start(key, init, k, kind, shift, filled, weights, data.reg_covar, prior, chunk_size)
        fit = climb(expected, jax.lax.stop_gradient(begin), shift, data, tol, max_steps, chunk_size)
        num_rows = len(filled) if weights is None else weights.sum()
        objective = fit.log_likelihood + log_prior(fit.params, prior) / num_rows
        return fit._replace(num_repairs=fit.num_repairs + repairs), objective

    if n_init == 1:
        best, _ = one(key)
    else:
        fits, objectives = jax.lax.map(one, jax.random.split(key, n_init))
        highest = jnp.argmax(jnp.where(jnp.isnan(objectives), -jnp.inf, objectives))
        best = jax.tree.map(lambda a: a[highest], fits)
    return best._replace(params=moved(best.params, shift))


@with_implicit_derivative
def climb(
    expected: Expected,
    begin: GMM | Centers,
    shift: Array,
    data: Data,
    tol: Array,
    max_steps: int,
    chunk_size: int | None,
) -> Fit:
    """EM from a start until the objective rests; all means are relative to the shift."""
    settings = expected, max_steps, chunk_size
    quick, slow = (partial(_climb, settings, table) for table in (True, False))
    if expected is not whole_rows or chunk_size is not None or isinstance(begin, Centers):
        return slow(begin, shift, data, tol)
    size = num_bytes(data.x, begin.covariance_type)
    return where_there_is_room(quick, slow, size)(begin, shift, data, tol)


def _climb(
    settings: tuple[Expected, int, int | None],
    table: bool,
    begin: GMM | Centers,
    shift: Array,
    data: Data,
    tol: Array,
) -> Fit:
    expected, max_steps, chunk_size = settings
    first = begin.params if isinstance(begin, Centers) else begin
    num_before = int(isinstance(begin, Centers))  # steps that are not counted: the assignment to centers

    def by_rows(params: GMM) -> Statistics:
        return expected(params, shift, data.x, data.weights, chunk_size)

    def e_step(params: GMM, num_steps: Array, idle: Array) -> Statistics:
        if num_before:
            return whole_rows(params, shift, data.x, data.weights, chunk_size, num_steps < 0)
        return by_rows(params) if by_table is None else by_table(params, idle)

    by_table = looked_up(by_rows, first.covariance_type, len(first.weights), shift, data) if table else None

    def step(state):
        params, history, num_steps, change, num_repairs, _, idle = state
        sums = e_step(params, num_steps, idle)
        mean = sums.log_likelihood / sums.rows
        objective = mean + log_prior(params, data.prior) / sums.rows
        finished = (change < tol) | (num_steps == max_steps) | (~jnp.isfinite(objective) & (num_steps >= 0))
        next_change = jnp.where(num_steps <= 0, jnp.inf, jnp.abs(objective - history[num_steps - 1]))
        new, repairs = maximize(params, sums, data.reg_covar, data.prior)
        moving = new, next_change, num_steps + 1, num_repairs + repairs
        resting = params, change, num_steps, num_repairs
        history = history.at[num_steps].set(objective)
        params, change, num_steps, num_repairs = jax.tree.map(partial(jnp.where, finished), resting, moving)
        return params, history, num_steps, change, num_repairs, mean, finished

    zero, none = jnp.zeros((), int), jnp.zeros((), tol.dtype)
    state = (
        first,
        jnp.zeros(max_steps + 1, none.dtype),
        zero - num_before,
        none + jnp.inf,
        zero,
        none,
        jnp.zeros((), bool),
    )
    params, history, num_steps, change, num_repairs, mean, _ = jax.lax.while_loop(lambda s: ~s[-1], step, state)
    before = jnp.where(jnp.arange(max_steps) < num_steps, history[:-1], jnp.nan)
    converged = (change < tol) & jnp.isfinite(history[num_steps])
    return Fit(params, mean, before, num_steps, converged, num_repairs)
