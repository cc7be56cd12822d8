"""Empirical Bayes: the prior learnt from many groups of data."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int

from jaxmath._array import as_size, in_range, product
from jaxmath._core.implicit import FixedPoint, fixed_point, no_tangent
from jaxmath._core.iterate import Run, Step, iterate, rounding
from jaxmath.bayes.inference import evidence
from jaxmath.bayes.model import Model
from jaxmath.bayes.sequential import as_groups, statistics_of_groups, unshifted
from jaxmath.distributions.constraints import from_unconstrained, to_unconstrained
from jaxmath.optimize.minimum import newton_direction


class EmpiricalBayes(NamedTuple):
    """A prior fitted to groups of data.

    Attributes:
      params: the prior.
      log_evidence: the sum of the log-evidences of the groups under it.
      history: that sum before each step, NaN after ``num_steps``.
      num_steps: steps made.
      converged: whether the last step changed the mean log-evidence of a group by less than ``tol``.
    """

    params: Any
    log_evidence: Float[Array, ""]
    history: Float[Array, " max_steps"]
    num_steps: Int[Array, ""]
    converged: Bool[Array, ""]


def empirical_bayes(
    model: Model, prior: Any, groups: Any, *, weights: Any = None, max_steps: int = 100, tol: ArrayLike = 1e-6
) -> EmpiricalBayes:
    r"""The prior of maximum evidence, $\arg \max_\eta \sum_g \log p(x_g \mid \eta)$: type-II maximum likelihood.

    Each group has its own parameter, all drawn from one prior. After one pass over the data only the sufficient
    statistics of each group are used. Newton's method on the unconstrained parameters of the prior, $u \leftarrow u + t
    |H|^{-1} g$ with $t = 1 / (1 + \sqrt{g^T |H|^{-1} g / G})$ for G groups, halved until the evidence does not fall.

    Args:
      model: a conjugate model.
      prior: the start, a distribution of one of the types that the model takes, without batch axes.
      groups: g groups of n rows, shape (g, n), or (g, n, d) for vectors. Groups of fewer rows have weights 0.
      weights: how often each row counts, shape (g, n); None counts each once. Groups of successes and failures are
        ``[[1, 0]] * g`` with their numbers as weights, for BernoulliBeta.
      max_steps: steps at most, static.
      tol: of the mean log-evidence of a group; raised to four roundings of it, unless it is 0.

    Returns:
      The fitted prior and the facts. Its derivative with respect to the data is that of the maximum.

    Raises:
      TypeError: for what is no model, a prior of another type, or data that is not real.
      ValueError: for data or weights of another shape, or a prior with batch axes.

    Note:
      Where the groups vary less than chance would have them, the evidence has no maximum: the prior becomes ever
      narrower, until the change of the evidence is below ``tol`` or the prior is NaN. A NaN among the data, or an
      observation out of the support, makes the prior NaN.

    Example:
      >>> from jaxmath import bayes
      >>> from jaxmath.distributions import Normal
      >>> fitted = empirical_bayes(bayes.NormalMean(1.0), Normal(0.0, 1.0), jnp.array([[-3.0], [1.0], [5.0]]))
      >>> print(f"{fitted.params.loc:.3f} {fitted.params.scale ** 2:.3f}")
      1.000 9.667

    Reference: Bishop (2006), section 3.5; Efron (2010), chapter 1.
    """
    name = "bayes.empirical_bayes"
    model, rows, weights = as_groups("empirical_bayes", "groups", model, prior, groups, weights)
    return _fit(
        model, prior, rows, weights, in_range(name, "tol", tol, "[0, inf]"), as_size(name, "max_steps", max_steps)
    )


@partial(jax.jit, static_argnames="max_steps", inline=True)
def _fit(model: Any, prior: Any, rows: Any, weights: Any, tol: Array, max_steps: int) -> EmpiricalBayes:
    found, shift = statistics_of_groups(model, rows, weights)
    statistics = jax.vmap(lambda each: unshifted(model, each, shift))(found)
    prior = prior._cast(jnp.promote_types(prior._dtype(*jax.tree.leaves((model, statistics))), jnp.float32))
    prior = jax.lax.stop_gradient(prior)
    start, _ = ravel_pytree(to_unconstrained(prior))
    run, _ = _maximum(max_steps, start, (model, prior, statistics), tol.astype(start.dtype))
    num_groups = statistics.log_base.shape[0]
    params = _prior_of(prior, jnp.where(jnp.isfinite(run.objective), run.params, jnp.nan))
    return EmpiricalBayes(params, num_groups * run.objective, num_groups * run.history, run.num_steps, run.converged)


Data = tuple[Any, Any, Any]  # model, start, statistics of the groups


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _maximum(max_steps: int, start: Array, data: Data, tol: Array) -> tuple[Run, FixedPoint]:
    r"""Newton's method, and the fixed point of further steps, at which derivatives are taken.

    There the gradient g is 0, so $\dot u = -H^{-1} \partial_z g\, \dot z$ for data z.
    """
    run = iterate(_newton_step, start, data, tol=tol, max_steps=max_steps)
    return run, fixed_point(_params_after, run.params, data)


@_maximum.defjvp
def _maximum_jvp(max_steps: int, primals: tuple, tangents: tuple) -> tuple[Any, Any]:
    start, data, tol = primals
    run, point = _maximum(max_steps, start, data, tol)
    u = jnp.where(point.converged, point.params, jnp.nan)
    gradient = jax.jacfwd(_mean_evidence)
    _, (change, objective) = jax.jvp(lambda z: (gradient(u, z), _mean_evidence(u, z)), (data,), (tangents[1],))
    tangent = -jnp.linalg.solve(jax.jacfwd(gradient)(u, data), change)
    of_run = jax.tree.map(no_tangent, run)._replace(params=tangent, objective=objective)
    return (run, point), (of_run, FixedPoint(tangent, no_tangent(point.converged)))


def _prior_of(like: Any, u: Array) -> Any:
    """The prior of unconstrained parameters in one vector."""
    return from_unconstrained(like, ravel_pytree(to_unconstrained(like))[1](u))


def _evidences(u: Array, data: Data) -> Array:
    """The log-evidence of each group."""
    model, like, statistics = data
    prior = _prior_of(like, u)
    return jax.vmap(lambda each: evidence(model, prior, each))(statistics)


def _mean_evidence(u: Array, data: Data) -> Array:
    return _evidences(u, data).mean()


def _params_after(u: Array, data: Data) -> Array:
    return _newton_step(u, data).params


def _newton_step(u: Array, data: Data) -> Step:
    """A step on the mean log-evidence of a group; a gradient within its rounding is none."""

    def gradient(u: Array) -> tuple[Array, tuple[Array, Array, Array]]:
        slopes, values = jax.jacfwd(lambda u: (_evidences(u, data),) * 2, has_aux=True)(u)
        mean = slopes.mean(axis=0)
        return mean, (values.mean(), mean, jnp.abs(slopes).mean(axis=0))

    hessian, (objective, slope, size) = jax.jacfwd(gradient, has_aux=True)(u)
    slope = jnp.where(jnp.abs(slope) > 8 * jnp.finfo(u.dtype).eps * size, slope, 0)
    direction = newton_direction(hessian, slope)
    first = 1 / (1 + jnp.sqrt(jnp.abs(product(slope, direction))))

    def falls(length: Array) -> Array:
        value = _mean_evidence(u + length * direction, data)
        return ~(value >= objective - rounding(objective)) & (length > 1e-6 * first)

    length = jax.lax.while_loop(falls, lambda length: length / 2, first)
    return Step(u + length * direction, objective)
