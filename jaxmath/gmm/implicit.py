"""The derivative of a fit: that of the stationary point it leads to."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

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
    is NaN.
    """
    ruled = jax.custom_jvp(climb, nondiff_argnums=(0, 5, 6))

    @ruled.defjvp
    def rule(expected, max_steps, chunk_size, primals, tangents):
        begin, shift, data, tol = primals
        moving = tangents[2]
        fit = ruled(expected, begin, shift, data, tol, max_steps, chunk_size)

        def step(params: GMM, data: Data) -> tuple[GMM, jax.Array]:
            statistics = expected(params, shift, data.x, data.weights, chunk_size)
            new, _ = maximize(params, statistics, data.reg_covar, data.prior)
            return new, statistics.log_likelihood / statistics.rows

        point, settled = _stationary(lambda params: step(params, data)[0], fit.params)
        (_, _), (right, _) = jax.jvp(lambda data: step(point, data), (data,), (moving,))
        turn = _solve(lambda params: step(params, data)[0], point, right, settled)
        _, slope = jax.jvp(lambda params, data: step(params, data)[1], (point, data), (turn, moving))
        zeros = jax.tree.map(_no_tangent, fit)
        return fit, zeros._replace(params=turn, log_likelihood=slope)

    return ruled


def _stationary(step: Callable[[GMM], GMM], params: GMM) -> tuple[GMM, jax.Array]:
    """Where the steps lead, and whether they come to rest."""

    def unfinished(state):
        _, change, num_steps = state
        return (change > jnp.sqrt(jnp.finfo(change.dtype).eps)) & (num_steps < _MAX_STEPS)

    def go_on(state):
        params, _, num_steps = state
        new = step(params)
        return new, _distance(new, params), num_steps + 1

    dtype = params.means.dtype
    state = (params, jnp.full((), jnp.inf, dtype), jnp.zeros((), int))
    params, change, _ = jax.lax.while_loop(unfinished, go_on, jax.lax.stop_gradient(state))
    return params, change <= jnp.sqrt(jnp.finfo(dtype).eps)


def _solve(step: Callable[[GMM], GMM], point: GMM, right: GMM, settled: jax.Array) -> GMM:
    """The tangent that a step turns into itself less the right side; NaN where it is not found.

    The system is of one vector: a right side in parts cannot be transposed where some do not depend on the data.
    """
    tolerance = math.sqrt(jnp.finfo(point.means.dtype).eps) / 100
    vector, as_mixture = ravel_pytree(right)

    def apply(tangent: jax.Array) -> jax.Array:
        return tangent - ravel_pytree(jax.jvp(step, (point,), (as_mixture(tangent),))[1])[0]

    def solve(apply: Callable[[jax.Array], jax.Array], right: jax.Array) -> jax.Array:
        found, _ = jax.scipy.sparse.linalg.gmres(apply, right, tol=tolerance / 10, atol=0.0, maxiter=_ROUNDS)
        good = settled & (jnp.linalg.norm(apply(found) - right) <= tolerance * jnp.linalg.norm(right))
        return jnp.where(good, found, jnp.nan)

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
