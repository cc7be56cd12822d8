"""The loop of every fit that goes step by step."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree

from jaxmath._core.implicit import fixed_point, no_tangent


class Step(NamedTuple):
    """What a step returns.

    Attributes:
      params: the parameters after it.
      objective: that of the parameters before it.
    """

    params: PyTree
    objective: Float[Array, ""]


class Run(NamedTuple):
    """Where an iteration has led.

    Attributes:
      params: the last parameters.
      objective: theirs.
      history: the objective before each step, of length ``max_steps``; NaN after ``num_steps``.
      num_steps: steps made.
      converged: whether the last step changed the objective by less than ``tol``, or than four roundings of it; never
        true where it is not finite.
    """

    params: PyTree
    objective: Float[Array, ""]
    history: Float[Array, " max_steps"]
    num_steps: Int[Array, ""]
    converged: Bool[Array, ""]


class _State(NamedTuple):
    params: PyTree
    history: Array
    num_steps: Array
    converged: Array
    finished: Array


def iterate(
    step: Callable[[Any, Any], Step], start: PyTree, data: PyTree, *, tol: Float[Array, ""], max_steps: int
) -> Run:
    """Steps from a start until the objective changes by less than ``tol``.

    The derivative is that of the fixed point near which it ended, with respect to the data alone; see
    :func:`jaxmath._core.implicit.fixed_point`.

    Args:
      step: a function of parameters and data; hashable, and always the same one, or programs are compiled anew.
      start: parameters.
      data: all that a step depends on besides.
      tol: raised to four roundings of the objective, unless it is 0: then all steps are made.
      max_steps: static.
    """
    return _iterate(step, max_steps, jax.lax.stop_gradient(start), data, tol)


def best_of(
    step: Callable[[Any, Any], Step], starts: PyTree, data: PyTree, *, tol: Float[Array, ""], max_steps: int
) -> Run:
    """The run of the largest objective among those from several starts, which lie along a leading axis.

    They run one after the other in one program. A run whose objective is NaN is taken only if all are.
    """
    runs = jax.lax.map(lambda start: iterate(step, start, data, tol=tol, max_steps=max_steps), starts)
    best = jnp.argmax(jnp.where(jnp.isnan(runs.objective), -jnp.inf, runs.objective))
    return jax.tree.map(lambda leaf: leaf[best], runs)


def rounding(objective: Float[Array, ""]) -> Float[Array, ""]:
    """The size of a change of an objective that may be nothing but rounding."""
    return 4 * jnp.finfo(objective.dtype).eps * jnp.abs(objective)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _iterate(step: Callable[[Any, Any], Step], max_steps: int, start: PyTree, data: PyTree, tol: Array) -> Run:
    def go_on(state: _State) -> _State:
        new, objective = step(state.params, data)
        before = jnp.where(state.num_steps == 0, -jnp.inf, state.history[state.num_steps - 1])
        least = jnp.where(tol > 0, jnp.maximum(tol, rounding(objective)), tol)
        converged = (jnp.abs(objective - before) < least) & jnp.isfinite(objective)
        finished = converged | (state.num_steps == max_steps) | ~jnp.isfinite(objective)
        params = jax.tree.map(partial(jnp.where, finished), state.params, new)
        history = state.history.at[state.num_steps].set(objective)
        return _State(params, history, jnp.where(finished, state.num_steps, state.num_steps + 1), converged, finished)

    dtype = jax.eval_shape(step, start, data).objective.dtype
    begin = _State(
        start,
        jnp.zeros(max_steps + 1, dtype),
        jnp.zeros((), int),
        jnp.zeros((), bool),
        jnp.zeros((), bool),
    )
    end = jax.lax.while_loop(lambda state: ~state.finished, go_on, begin)
    objective = end.history[end.num_steps]
    history = jnp.where(jnp.arange(max_steps) < end.num_steps, end.history[:-1], jnp.nan)
    return Run(end.params, objective, history, end.num_steps, end.converged)


@_iterate.defjvp
def _iterate_jvp(step: Any, max_steps: int, primals: tuple, tangents: tuple) -> tuple[Run, Run]:
    start, data, tol = primals
    run = _iterate(step, max_steps, start, data, tol)

    def at_rest(data: PyTree) -> tuple[PyTree, Array]:
        params = fixed_point(_params_after(step), run.params, data).params
        return params, step(params, data).objective

    _, (params, objective) = jax.jvp(at_rest, (data,), (tangents[1],))
    return run, jax.tree.map(no_tangent, run)._replace(params=params, objective=objective)


@cache
def _params_after(step: Callable[[Any, Any], Step]) -> Callable[[Any, Any], Any]:
    return lambda params, data: step(params, data).params
