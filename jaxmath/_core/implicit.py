"""Derivatives of what is found step by step: of a fixed point, and the linear systems of any such derivative."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, PyTree

Tree = TypeVar("Tree")
# One step of an iteration: the parameters after it, from those before it and the data.
Step = Callable[[Any, Any], Any]
# Steps to the fixed point at most, rounds of the linear solver, and how often it is asked again.
_MAX_STEPS, _ROUNDS, _MAX_CORRECTIONS = 10_000, 20, 3


class FixedPoint(NamedTuple):
    """A point that a step leads back to.

    Attributes:
      params: the parameters.
      converged: whether the last step changed them by less than the root of eps, relative to their size.
    """

    params: PyTree
    converged: Bool[Array, ""]


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def fixed_point(step: Step, start: PyTree, data: PyTree) -> FixedPoint:
    r"""Where the steps lead from a start near it, as a function of the data alone.

    There $\theta = T(\theta, z)$, so $(I - \partial_\theta T)\, \dot\theta = \partial_z T\, \dot z$, which GMRES solves
    from products with $\partial_\theta T$, derivatives of a step along a direction. The derivative is NaN where the
    steps do not come to rest or the solution fails its check. It has a derivative itself, in both modes.

    Args:
      step: T, a function of parameters and data that returns parameters; hashable, and always the same one.
      start: parameters.
      data: z, all that the fixed point depends on.
    """

    def unfinished(state: tuple[PyTree, Array, Array]) -> Array:
        _, change, num_steps = state
        return (change > jnp.sqrt(jnp.finfo(change.dtype).eps)) & (num_steps < _MAX_STEPS)

    def go_on(state: tuple[PyTree, Array, Array]) -> tuple[PyTree, Array, Array]:
        params, _, num_steps = state
        new = step(params, data)
        return new, relative_change(new, params), num_steps + 1

    dtype = jnp.result_type(*jax.tree.leaves(start))
    state = start, jnp.full((), jnp.inf, dtype), jnp.zeros((), int)
    params, change, _ = jax.lax.while_loop(unfinished, go_on, state)
    return FixedPoint(params, change <= jnp.sqrt(jnp.finfo(dtype).eps))


@fixed_point.defjvp
def _fixed_point_jvp(step: Step, primals: tuple, tangents: tuple) -> tuple[FixedPoint, FixedPoint]:
    start, data = primals
    found = fixed_point(step, start, data)
    _, right = jax.jvp(lambda data: step(found.params, data), (data,), (tangents[1],))
    tangent = _solve(lambda params: step(params, data), found, right)
    return found, FixedPoint(tangent, no_tangent(found.converged))


def _solve(step: Callable[[PyTree], PyTree], point: FixedPoint, right: PyTree) -> PyTree:
    """The tangent that a step turns into itself less the right side; NaN where it is not found.

    The system is of one vector: a right side in parts cannot be transposed where some do not depend on the data.
    """
    vector, as_params = ravel_pytree(right)
    tolerance = math.sqrt(jnp.finfo(vector.dtype).eps) / 100

    def multiply(tangent: Array) -> Array:
        return tangent - ravel_pytree(jax.jvp(step, (point.params,), (as_params(tangent),))[1])[0]

    def solve(multiply: Callable[[Array], Array], right: Array) -> Array:
        def by_gmres(right: Array) -> Array:
            return jax.scipy.sparse.linalg.gmres(multiply, right, tol=tolerance / 10, atol=0.0, maxiter=_ROUNDS)[0]

        return jnp.where(point.converged, checked_solution(by_gmres, multiply, right, tolerance), jnp.nan)

    return as_params(jax.lax.custom_linear_solve(multiply, vector, solve, transpose_solve=solve))


def relative_change(new: PyTree, old: PyTree) -> Array:
    """The largest change of a leaf, relative to the size of the leaf."""
    changes = [
        jnp.max(jnp.abs(a - b)) / jnp.maximum(jnp.max(jnp.abs(b)), jnp.finfo(b.dtype).tiny)
        for a, b in zip(jax.tree.leaves(new), jax.tree.leaves(old), strict=True)
    ]
    return jnp.max(jnp.stack(changes))


def no_tangent(a: Array) -> Any:
    """The tangent of what does not change with anything."""
    floating = jnp.issubdtype(a.dtype, jnp.floating)
    return jnp.zeros_like(a) if floating else jnp.zeros(a.shape, jax.dtypes.float0)


def checked_solution(
    solve: Callable[[Tree], Tree], multiply: Callable[[Tree], Tree], right: Tree, tolerance: float
) -> Tree:
    """What ``multiply`` turns into the right side, up to the tolerance times its length; NaN where that is not found.

    An iterative solver is asked again for what is left, a few times. The right side of an implicit derivative may be
    all rounding, such as a gradient at a minimum, and a compiler may compute it twice with different rounding, once for
    the solver and once for the check. So both read it from the state of a loop, where it is a number.
    """
    size = jnp.max(jnp.stack([jnp.max(jnp.abs(leaf)) for leaf in jax.tree.leaves(right)]))
    scale = jnp.where(size > 0, size, 1)  # whose squares neither overflow nor vanish
    right = jax.tree.map(lambda leaf: leaf / scale, right)

    def unfinished(state: tuple[Tree, Tree, Tree, Array]) -> Array:
        right, _, residual, num_corrections = state
        return (_length(residual) > tolerance * _length(right)) & (num_corrections < _MAX_CORRECTIONS)

    def correct(state: tuple[Tree, Tree, Tree, Array]) -> tuple[Tree, Tree, Tree, Array]:
        right, found, residual, num_corrections = state
        found = jax.tree.map(jnp.add, found, solve(residual))
        return right, found, jax.tree.map(jnp.subtract, right, multiply(found)), num_corrections + 1

    begin = right, jax.tree.map(jnp.zeros_like, right), right, jnp.zeros((), int)
    right, found, residual, _ = jax.lax.while_loop(unfinished, correct, begin)
    good = _length(residual) <= tolerance * _length(right)
    return jax.tree.map(lambda leaf: jnp.where(good, leaf * scale, jnp.nan), found)


def _length(tree: Any) -> Array:
    return jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(tree)))
