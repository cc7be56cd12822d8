"""The derivative of a fit: that of the stationary point it leads to."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from jaxmath._core.implicit import fixed_point, no_tangent
from jaxmath.gmm.mixture import GMM
from jaxmath.gmm.steps import Data, Statistics, maximize


def with_implicit_derivative(run: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a run of EM the derivative of the stationary point near which it ended.

    That of :func:`jaxmath._core.implicit.fixed_point` of a step of EM, with respect to the data.
    """
    ruled = jax.custom_jvp(run, nondiff_argnums=(0, 5, 6))

    @ruled.defjvp
    def rule(expected, max_steps, chunk_size, primals, tangents):
        begin, shift, data, tol = primals
        fit = ruled(expected, begin, shift, data, tol, max_steps, chunk_size)
        step = _Step(expected, chunk_size)

        def at_rest(data: Data) -> tuple[GMM, jax.Array]:
            params = fixed_point(step, fit.params, (shift, data)).params
            return params, step.log_likelihood(params, (shift, data))

        _, (params, log_likelihood) = jax.jvp(at_rest, (data,), (tangents[2],))
        zeros = jax.tree.map(no_tangent, fit)
        return fit, zeros._replace(params=params, log_likelihood=log_likelihood)

    return ruled


class _Step(NamedTuple):
    """A step of EM, by a way to compute the statistics of the E-step."""

    expected: Callable[..., Statistics]
    chunk_size: int | None

    def __call__(self, params: GMM, shifted: tuple[jax.Array, Data]) -> GMM:
        data = shifted[1]
        return maximize(params, self._e_step(params, shifted), data.reg_covar, data.prior)[0]

    def log_likelihood(self, params: GMM, shifted: tuple[jax.Array, Data]) -> jax.Array:
        """The mean log-likelihood of the data, with that of the prior."""
        statistics = self._e_step(params, shifted)
        return statistics.log_likelihood / statistics.rows

    def _e_step(self, params: GMM, shifted: tuple[jax.Array, Data]) -> Statistics:
        shift, data = shifted
        return self.expected(params, shift, data.x, data.weights, self.chunk_size)
