"""The derivative of a fit: that of the stationary point it leads to."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from jaxmath._core.implicit import checked_solution
from jaxmath.gmm.mixture import GMM
from jaxmath.gmm.steps import Data, maximize

# Steps of EM at most to the stationary point, and rounds of the linear solver.
_MAX_STEPS, _ROUNDS = 10_000, 20


def with_implicit_derivative(climb: Callable[..., Any]) -> Callable[..., Any]:
    r"""Gives a climb by EM the derivative of the stationary point.

    There $\theta = T(\theta, z)$, one step of EM under the data z, so $(I - \partial_\theta T)\, \dot\theta =
    \partial_z T\, \dot z$. The climb may have stopped early; so the rule first goes on until a step changes the
    parameters by less than the root of eps. The system is solved by GMRES from products with $\partial_\theta T$, which
    are derivatives of a step along a direction. The answer is checked: where the steps or the solver did not settle it
    is NaN. The rule is made of pieces that have derivatives, so it has one itself.
    """
    ruled = jax.custom_jvp(climb, nondiff_argnums=(0, 5, 6))

    @ruled.defjvp
    def rule(expected, max_steps, chunk_size, primals, tangents):
        begin, shift, data, tol = primals
        fit = ruled(expected, begin, shift, data, tol, max_steps, chunk_size)
        step = partial(_step, expected, chunk_size, shift)

        def at_rest(data: Data) -> tuple[GMM, jax.Array]:
            point, _ = _stationary(expected, chunk_size, fit.params, shift, data)
            return point, step(point, data)[1]

        _, (turn, slope) = jax.jvp(at_rest, (data,), (tangents[2],))
        zeros = jax.tree.map(_no_tangent, fit)
        return fit, zeros._replace(params=turn, log_likelihood=slope)

    return ruled


def _step(
    expected: Callable[..., Any], chunk_size: int | None, shift: jax.Array, params: GMM, data: Data
) -> tuple[GMM, jax.Array]:
    """One step of EM, and the mean log-likelihood before it."""
    statistics = expected(params, shift, data.x, data.weights, chunk_size)
    new, _ = maximize(params, statistics, data.reg_covar, data.prior)
    return new, statistics.log_likelihood / statistics.rows


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _stationary(
    expected: Callable[..., Any], chunk_size: int | None, begin: GMM, shift: jax.Array, data: Data
) -> tuple[GMM, jax.Array]:
    """Where the steps lead from a start near it, and whether they come to rest.

    A function of the data alone; its derivative is NaN where they do not come to rest.
    """

    def unfinished(state):
        _, change, num_steps = state
        return (change > jnp.sqrt(jnp.finfo(change.dtype).eps)) & (num_steps < _MAX_STEPS)

    def go_on(state):
        params, _, num_steps = state
        new, _ = _step(expected, chunk_size, shift, params, data)
        return new, _distance(new, params), num_steps + 1

    dtype = begin.means.dtype
    state = (begin, jnp.full((), jnp.inf, dtype), jnp.zeros((), int))
    params, change, _ = jax.lax.while_loop(unfinished, go_on, state)
    return params, change <= jnp.sqrt(jnp.finfo(dtype).eps)


@_stationary.defjvp
def _stationary_jvp(expected, chunk_size, primals, tangents):
    begin, shift, data = primals
    point, settled = _stationary(expected, chunk_size, begin, shift, data)
    step = partial(_step, expected, chunk_size, shift)
    _, right = jax.jvp(lambda data: step(point, data)[0], (data,), (tangents[2],))
    turn = _solve(lambda params: step(params, data)[0], point, right, settled)
    return (point, settled), (turn, _no_tangent(settled))


def _solve(step: Callable[[GMM], GMM], point: GMM, right: GMM, settled: jax.Array) -> GMM:
    """The tangent that a step turns into itself less the right side; NaN where it is not found.

    The system is of one vector: a right side in parts cannot be transposed where some do not depend on the data.
    """
    tolerance = math.sqrt(jnp.finfo(point.means.dtype).eps) / 100
    vector, as_mixture = ravel_pytree(right)

    def apply(tangent: jax.Array) -> jax.Array:
        return tangent - ravel_pytree(jax.jvp(step, (point,), (as_mixture(tangent),))[1])[0]

    def solve(apply: Callable[[jax.Array], jax.Array], right: jax.Array) -> jax.Array:
        def by_gmres(right: jax.Array) -> jax.Array:
            return jax.scipy.sparse.linalg.gmres(apply, right, tol=tolerance / 10, atol=0.0, maxiter=_ROUNDS)[0]

        return jnp.where(settled, checked_solution(by_gmres, apply, right, tolerance), jnp.nan)

    return as_mixture(jax.lax.custom_linear_solve(apply, vector, solve, transpose_solve=solve))


def _distance(a: GMM, b: GMM) -> jax.Array:
    """The largest change of a field, relative to the size of the field."""
    changes = [
        jnp.max(jnp.abs(u - v)) / jnp.maximum(jnp.max(jnp.abs(v)), jnp.finfo(v.dtype).tiny)
        for u, v in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    ]
    return jnp.max(jnp.stack(changes))


def _no_tangent(a: jax.Array) -> Any:
    floating = jnp.issubdtype(a.dtype, jnp.floating)
    return jnp.zeros_like(a) if floating else jnp.zeros(a.shape, jax.dtypes.float0)
