"""Minima, with their own derivative."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int, PyTree

from jaxmath._array import as_size, in_range, product, wide
from jaxmath._core.implicit import checked_solution
from jaxmath.optimize.descent import State, as_params, check_loss, descent, norm

# Halvings of a Newton step at most, and the part of the predicted fall that a step must bring.
_HALVINGS, _ENOUGH = 30, 1e-4


class Optimum(NamedTuple):
    """A minimum.

    Attributes:
      params: the point; where the loss was lost, the last one at which it was finite.
      loss: the loss there.
      gradient_norm: the norm of the gradient there; it has no derivative.
      num_steps: steps taken.
      converged: whether ``gradient_norm`` is at most ``tol``.
      failed_step: the step that led to a loss that is not finite, 0 if the start has one, -1 if none did.
    """

    params: PyTree
    loss: Float[Array, ""]
    gradient_norm: Float[Array, ""]
    num_steps: Int[Array, ""]
    converged: Bool[Array, ""]
    failed_step: Int[Array, ""]


def optimum(loss: Callable[..., Any], params: PyTree, *, optimizer: Any, num_steps: int, tol: ArrayLike) -> Optimum:
    r"""A minimum of a loss, with the derivative of the minimum and not that of the steps which led there.

    The descent of :func:`minimize`, ended as soon as the norm of the gradient is at most ``tol``. Let the loss depend
    on something more, $L(\theta, z)$, over which it closes. At the minimum $\nabla_\theta L(\theta, z) = 0$ for every
    z, so $\theta$ moves with z by

    $$\dot \theta = -\left( \nabla^2_\theta L \right)^{-1} \partial_z \nabla_\theta L \; \dot z .$$

    The system is solved by conjugate gradients, which need products with the Hessian only. So this derivative costs no
    memory for the steps, and is right also after an L-BFGS or a Newton step, which themselves have none.

    Args:
      loss: takes the parameters, returns one real number; it may close over what the minimum depends on.
      params: the start, any pytree of real numbers. The minimum does not depend on it, as far as derivatives go.
      optimizer: a rule of this module or of optax, such as ``optax.lbfgs()``.
      num_steps: at most, static.
      tol: for the norm of the gradient over all leaves.

    Returns:
      The minimum and the facts.

    Raises:
      As :func:`minimize` does.

    Note:
      The derivative is as exact as the point, which is a stationary one and need not be a minimum. It is NaN where the
      descent did not converge, or where conjugate gradients did not solve the system, as where the Hessian is singular.
      float16 and bfloat16 parameters are computed in float32, in which the loss sees them.

    Example:
      >>> from jaxmath import optimize
      >>> rule = optimize.gradient_descent(0.5)
      >>> def lowest(z):
      ...     found = optimum(lambda w: (w - z**2) ** 2, 0.0, optimizer=rule, num_steps=9, tol=1e-6)
      ...     return found.params
      >>> print(lowest(3.0), jax.grad(lowest)(3.0))
      9.0 6.0

    Reference: Krantz and Parks (2002) for the implicit function theorem; Blondel et al. (2022).
    """
    return _optimum("optimize.optimum", loss, params, optimizer, num_steps, tol)[0]


def newton(loss: Callable[..., Any], params: PyTree, *, num_steps: int, tol: ArrayLike) -> Optimum:
    r"""Newton's method, for few parameters: $\theta \leftarrow \theta - t\, |H|^{-1} \nabla L$ with the Hessian H.

    H is written out, with all parameters in one row, and scaled to a diagonal of ones. Its eigenvalues are then taken
    without their signs: the step leads downhill also where the loss is not convex, and near a minimum it is Newton's,
    in whatever units the parameters are. It is halved (t = 1, 1/2, 1/4, ...) until the loss falls by at least
    $10^{-4}$ of what the slope promises.

    Args:
      loss: takes the parameters, returns one real number; it may close over what the minimum depends on.
      params: the start, any pytree of real numbers.
      num_steps: at most, static.
      tol: for the norm of the gradient over all leaves.

    Returns:
      The minimum and the facts; its derivative is that of :func:`optimum`.

    Raises:
      As :func:`minimize` does.

    Note:
      A singular Hessian does no harm to the steps: along a direction without curvature (an eigenvalue of at most
      d eps of the largest, once scaled) the step is that of gradient descent with the inverse of the largest as its
      rate. Of a
      valley of minima one point is found, with the shortest of all derivatives that keep it at the bottom.

    Example:
      >>> found = newton(lambda w: jnp.exp(w) - 2 * w, 0.0, num_steps=20, tol=1e-5)
      >>> print(f"{found.params:.4f} {found.converged}")
      0.6931 True

    Reference: Nocedal and Wright (2006), chapter 3.
    """
    return _optimum("optimize.newton", loss, params, _newton_rule(lambda length: ()), num_steps, tol)[0]


def newton_with_next(
    name: str, loss: Callable[..., Any], params: Array, num_steps: int, tol: ArrayLike
) -> tuple[Optimum, Array]:
    """As :func:`newton`, and the length of the step that would follow from the minimum."""
    return _optimum(name, loss, params, _newton_rule(_Next), num_steps, tol)


def lbfgs(loss: Callable[..., Any], params: PyTree, *, num_steps: int, tol: ArrayLike) -> Optimum:
    """L-BFGS: Newton's method with a Hessian guessed from the last ten steps, for many parameters.

    ``optax.lbfgs()``, with its search along the line, by :func:`optimum`. For the path of its steps give it to
    :func:`minimize`.

    Args:
      loss: takes the parameters, returns one real number; it may close over what the minimum depends on.
      params: the start, any pytree of real numbers.
      num_steps: at most, static.
      tol: for the norm of the gradient over all leaves.

    Returns:
      The minimum and the facts; its derivative is that of :func:`optimum`.

    Raises:
      As :func:`minimize` does.

    Example:
      >>> found = lbfgs(lambda w: jnp.sum((w - jnp.arange(3.0)) ** 4), jnp.ones(3), num_steps=50, tol=1e-5)
      >>> print(found.converged)
      True

    Reference: Liu and Nocedal (1989).
    """
    import optax

    return _optimum("optimize.lbfgs", loss, params, optax.lbfgs(), num_steps, tol)[0]


class _Next(NamedTuple):
    """What is remembered of a step that was looked at: its length before it is halved."""

    length: Array


def _optimum(
    name: str, loss: Callable[..., Any], params: PyTree, optimizer: Any, num_steps: int, tol: ArrayLike
) -> tuple[Optimum, Array]:
    """The minimum, and what the optimiser remembers of the step from there if that is its length, otherwise NaN."""
    num_steps = as_size(name, "num_steps", num_steps)
    tol, given = in_range(name, "tol", tol, "[0, inf]"), as_params(name, params)
    params = jax.tree.map(wide, given)
    check_loss(name, loss, params)

    def solve(_: Any, params: PyTree) -> tuple[PyTree, Array]:
        walk = descent(name, loss, params, optimizer, tol)
        looks_ahead = isinstance(walk.begin.memory, _Next)

        def unfinished(carry: tuple[State, Array]) -> Array:
            state, at_end = carry
            return ~at_end & (
                (state.count < num_steps) | ~walk.goes_on(state) if looks_ahead else state.count < num_steps
            )

        def step(carry: tuple[State, Array]) -> tuple[State, Array]:
            new = walk.step(carry[0])
            return new, ~walk.goes_on(carry[0] if looks_ahead else new)

        end, _ = jax.lax.while_loop(unfinished, step, (walk.begin, ~(looks_ahead | walk.goes_on(walk.begin))))
        length = end.memory.length if isinstance(end.memory, _Next) else jnp.nan
        facts = (*walk.facts(end), end.loss, norm(end.gradient), length)
        dtype = jnp.promote_types(end.loss.dtype, jnp.float32)
        return end.params, jnp.stack([jnp.asarray(fact, dtype) for fact in facts])  # custom_root takes floats only

    point, facts = jax.lax.custom_root(jax.grad(loss), params, solve, _conjugate_gradients, has_aux=True)
    steps, converged, failed_step = facts[0].astype(int), facts[1] > 0, facts[2].astype(int)
    point = jax.tree.map(lambda leaf: derivative_if(leaf, converged), point)
    narrowed = jax.tree.map(lambda leaf, like: leaf.astype(like.dtype), point, given)
    value, slope = _known(loss(point), facts[3]), facts[4].astype(norm(params).dtype)
    return Optimum(narrowed, value, slope, steps, converged, failed_step), facts[5]


@jax.custom_jvp
def _known(x: Array, value: Array) -> Array:
    """A number whose value is known, so that what computes it is needed for its derivative only."""
    return value.astype(x.dtype)


@_known.defjvp
def _known_jvp(primals, tangents):
    return _known(*primals), tangents[0]


@jax.custom_jvp
def derivative_if(x: Array, known: Array) -> Array:
    """x itself, with derivative NaN where that is not known."""
    return x


@derivative_if.defjvp
def _derivative_if_jvp(primals, tangents):
    x, known = primals
    return x, tangents[0] * jnp.where(known, 1, jnp.nan).astype(x.dtype)


def _conjugate_gradients(apply: Callable[[Any], Any], right: Any) -> Any:
    """The solution of a symmetric positive system, in the widest of its types; NaN where it is not found."""
    dtype = jnp.result_type(*jax.tree.leaves(right))
    tolerance = math.sqrt(max(jnp.finfo(leaf.dtype).eps for leaf in jax.tree.leaves(right)))

    def widened(tree: Any) -> Any:
        return jax.tree.map(lambda leaf: leaf.astype(dtype), tree)

    def narrowed(tree: Any) -> Any:
        return jax.tree.map(lambda leaf, like: leaf.astype(like.dtype), tree, right)

    def solve(apply: Callable[[Any], Any], right: Any) -> Any:
        by_conjugate_gradients = lambda right: jax.scipy.sparse.linalg.cg(apply, right, tol=tolerance / 1000)[0]  # noqa: E731
        return checked_solution(by_conjugate_gradients, apply, right, tolerance)

    multiply = lambda tree: widened(apply(narrowed(tree)))  # noqa: E731
    return narrowed(jax.lax.custom_linear_solve(multiply, widened(right), solve, symmetric=True))


def _newton_rule(remember: Callable[[Array], Any]) -> Any:
    """Newton's method as an optimiser that remembers something of the length of its last step before halving."""
    import optax

    def update(updates: Any, state: Any, params: Any = None, **known: Any) -> tuple[Any, Any]:
        change, length = _newton_step(updates, params, known["value"], known["value_fn"])
        return change, remember(length)

    return optax.GradientTransformationExtraArgs(lambda params: remember(jnp.full_like(norm(params), jnp.inf)), update)


def _newton_step(updates: Any, params: Any, value: Array, value_fn: Callable[[Any], Array]) -> tuple[Any, Array]:
    point, unravel = ravel_pytree(params)

    def loss(point: Array) -> Array:
        return value_fn(unravel(point))

    g = ravel_pytree(updates)[0]
    direction = -newton_direction(jax.hessian(loss)(point), g)
    slope, rounding = product(g, direction), 4 * jnp.finfo(point.dtype).eps * jnp.abs(value)

    def too_long(t: Array) -> Array:
        falls = loss(point + t * direction) <= value + _ENOUGH * t * slope + rounding
        return ~falls & (t > 0.5**_HALVINGS)

    t = jax.lax.while_loop(too_long, lambda t: t / 2, jnp.ones((), point.dtype))
    return unravel(t * direction), norm(direction)


def newton_direction(hessian: Array, gradient: Array) -> Array:
    """The gradient through the inverse of the Hessian with curvatures without their signs, in parameters of one scale.

    Scaled to a diagonal of ones, so that a curvature that is small only for the scale of its parameter is not taken for
    none; where the diagonal is 0 or small beside its row, as far from a minimum, the row decides.
    """
    size = jnp.abs(hessian)
    scale = jnp.maximum(jnp.diagonal(size), jnp.finfo(size.dtype).eps ** 0.5 * size.max(axis=1))
    largest = scale.max()
    scale = jax.lax.rsqrt(jnp.where(scale > 0, scale, jnp.where(largest > 0, largest, 1)))
    values, vectors = jnp.linalg.eigh(hessian * scale * scale[:, None])
    return scale * product(vectors, product(vectors.T, scale * gradient) / _curvature(values))


def _curvature(values: Array) -> Array:
    """Eigenvalues without their signs; the largest, or 1 if it is smaller, where one is 0 to rounding."""
    size = jnp.abs(values)
    largest = size.max()
    curved = size > len(size) * jnp.finfo(size.dtype).eps * largest
    return jnp.where(curved, size, jnp.maximum(largest, 1))
