"""Bounds."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, PyTree

from jaxmath._array import as_float


def projected(optimizer: Any, low: PyTree[ArrayLike], high: PyTree[ArrayLike]) -> Any:
    r"""An optimiser that does not leave a box: $\theta \leftarrow \min(\max(\theta + u, l), h)$, number by number.

    For bounds alone. For other constraints, and for methods that make more of bounds, see the library optimistix.

    Args:
      optimizer: whose step u is taken, a rule of this module or of optax.
      low: l, one number or array for all parameters, or a pytree like them; ``-jnp.inf`` where there is no bound.
      high: h, likewise.

    Returns:
      The rule, a ``GradientTransformation`` of optax. After its first step no number lies outside of the box.

    Raises:
      TypeError: if the optimiser is none, or a bound is not real.
      ValueError: when it is used, if there are several bounds and they are no pytree like the parameters.

    Note:
      At a bound the gradient need not vanish, so ``tol`` of :func:`minimize` may never be met. Where l > h the result
      is h. The optimiser's own memory knows nothing of the box.

    Example:
      >>> from jaxmath import optimize
      >>> rule = projected(optimize.gradient_descent(0.1), 0.0, 2.0)
      >>> print(optimize.minimize(lambda w: (w - 3) ** 2, 0.0, optimizer=rule, num_steps=20).params)
      2.0

    Reference: Bertsekas (1976).
    """
    import optax

    from jaxmath.optimize.descent import as_optimizer

    name = "optimize.projected"
    optimizer = as_optimizer(name, optimizer)
    low, high = (jax.tree.map(lambda bound: as_float(name, bound), bounds) for bounds in (low, high))

    def update(updates: Any, state: Any, params: Any = None, **known: Any) -> tuple[Any, Any]:
        updates, state = optimizer.update(updates, state, params, **known)
        return jax.tree.map(_inside, params, updates, _like(params, low), _like(params, high)), state

    return optax.GradientTransformationExtraArgs(optimizer.init, update)


def _like(params: Any, bounds: Any) -> Any:
    """A bound for each leaf."""
    if jax.tree.structure(bounds) != jax.tree.structure(params):
        if not jax.tree_util.all_leaves([bounds]):
            shapes = f"{jax.tree.structure(bounds)} for {jax.tree.structure(params)}"
            raise ValueError(f"optimize.projected: expected bounds for all parameters or for each, got {shapes}")
        bounds = jax.tree.map(lambda _: bounds, params)
    return jax.tree.map(_fitting, params, bounds)


def _fitting(p: Array, bound: Array) -> Array:
    pairs = zip(bound.shape[::-1], p.shape[::-1], strict=False)
    if bound.ndim > p.ndim or any(size not in (1, wanted) for size, wanted in pairs):
        raise ValueError(f"optimize.projected: expected bounds of shape {p.shape} or one number, got {bound.shape}")
    return bound


def _inside(p: Array, update: Array, low: Array, high: Array) -> Array:
    """The step from p into the box; the sum of both may round to beyond a bound: then the step is one bit shorter."""
    low, high = low.astype(p.dtype), high.astype(p.dtype)
    step = jnp.clip(p + update.astype(p.dtype), low, high) - p
    rounded, there = jax.lax.stop_gradient((step, p + step))
    shorter = jnp.where(there > high, jnp.nextafter(rounded, -jnp.inf), rounded)
    shorter = jnp.where(there < low, jnp.nextafter(rounded, jnp.inf), shorter)
    return step + (shorter - rounded)
