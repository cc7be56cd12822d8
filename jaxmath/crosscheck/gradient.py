"""Derivatives of a case against central differences, in float64."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath._compiling import quick_to_compile
from jaxmath.crosscheck.measure import draw, precision
from jaxmath.crosscheck.registry import Case

GRADIENT_TOLERANCE = 1e-6
# Relative steps that are tried in turn: a wrong derivative agrees with none, a right one may need the smaller ones.
_STEPS = (1e-4, 1e-5, 1e-6)
# A derivative is compared relative to its own size, but no smaller than this part of a function of size 1.
_FLOOR = 1e-2


def check_gradient(case: Case, seed: int = 0, num_directions: int = 2) -> tuple[float, str]:
    """Compares reverse and forward mode with central differences along random directions.

    The outputs are summed with random weights, each leaf scaled to size 1, and the directions have the size of their
    input, so the derivative is of order 1 for a function of no special scale.

    Args:
      case: what to differentiate, with respect to all floating inputs at once.
      seed: of the inputs, weights and directions.
      num_directions: how many directions are tried.

    Returns:
      The worst relative error and, if a derivative is not finite or the error is above 1e-6, a sentence about it.
    """
    with precision("float64"):
        arrays, _ = draw(case, "float64", seed)
        function, floats = on_floats(case.function, arrays)
        if not floats:
            return 0.0, "no floating input: say so in not_differentiable"
        evaluate, _ = on_floats(jax.jit(case.function), arrays)
        weights = scalar_weights(evaluate(floats), seed)
        directions = [random_direction(floats, seed + 1 + i) for i in range(num_directions)]
        compiled = jax.jit(derivatives, static_argnums=0, compiler_options=quick_to_compile())
        gradient, slopes = compiled(function, floats, weights, directions)
        if message := _not_finite(gradient, slopes):
            return float("inf"), message
        worst, message = 0.0, ""
        for direction, slope in zip(directions, slopes, strict=True):
            backward = sum(float(np.vdot(g, v)) for g, v in zip(gradient, direction, strict=True))
            error, difference = _against_differences(evaluate, floats, weights, direction, (backward, float(slope)))
            if not error <= max(worst, GRADIENT_TOLERANCE):
                message = f"reverse {backward:.9g}, forward {float(slope):.9g}, central difference {difference:.9g}"
            worst = max(worst, error)
    return worst, message


def on_floats(
    function: Callable[..., Any], arrays: tuple[jax.Array, ...]
) -> tuple[Callable[[list[jax.Array]], list[jax.Array]], list[jax.Array]]:
    """The function of its floating inputs alone, with its inexact leaves as outputs; and those inputs."""
    where = [i for i, a in enumerate(arrays) if jnp.issubdtype(a.dtype, jnp.floating)]

    def of_floats(floats: list[jax.Array]) -> list[jax.Array]:
        inputs = list(arrays)
        for i, a in zip(where, floats, strict=True):
            inputs[i] = a
        leaves = [jnp.asarray(leaf) for leaf in jax.tree.leaves(function(*inputs))]
        parts = [[leaf.real, leaf.imag] if jnp.iscomplexobj(leaf) else [leaf] for leaf in leaves]
        return [leaf for part in parts for leaf in part if jnp.issubdtype(leaf.dtype, jnp.floating)]

    return of_floats, [arrays[i] for i in where]


def scalar_weights(outputs: list[jax.Array], seed: int) -> list[jax.Array]:
    """Random weights that turn outputs into one number, every leaf scaled to size 1."""
    rng = np.random.default_rng([seed, 1])
    sizes = [float(np.max(np.abs(leaf), initial=0.0)) for leaf in outputs]
    return [
        jnp.asarray(rng.normal(size=leaf.shape) / (size if 0 < size < np.inf else 1.0))
        for leaf, size in zip(outputs, sizes, strict=True)
    ]


def random_direction(floats: list[jax.Array], seed: int) -> list[jax.Array]:
    """A direction in the space of the inputs, every array with the size of its input."""
    rng = np.random.default_rng([seed, 2])
    sizes = [float(np.max(np.abs(a), initial=0.0)) or 1.0 for a in floats]
    return [jnp.asarray(rng.normal(size=a.shape) * size) for a, size in zip(floats, sizes, strict=True)]


def derivatives(
    function: Callable[[list[jax.Array]], list[jax.Array]], floats: list, weights: list, directions: list
) -> tuple[list[jax.Array], jax.Array]:
    """The gradient of the weighted sum by reverse mode and its slopes along the directions by forward mode."""

    def total(x: list[jax.Array]) -> jax.Array:
        return sum((jnp.vdot(w, leaf) for w, leaf in zip(weights, function(x), strict=True)), jnp.zeros(()))

    together = jax.tree.map(lambda *leaves: jnp.stack(leaves), *directions)
    slopes = jax.vmap(lambda direction: jax.jvp(total, (floats,), (direction,))[1])(together)
    return jax.grad(total)(floats), slopes


def _against_differences(
    evaluate: Callable, floats: list, weights: list, direction: list, slopes: tuple[float, float]
) -> tuple[float, float]:
    best = (float("inf"), float("nan"))
    for step in _STEPS:
        coarse, fine = (_difference(evaluate, floats, weights, direction, h) for h in (step, step / 2))
        difference = (4 * fine - coarse) / 3
        size = max(abs(difference), *map(abs, slopes), _FLOOR)
        error = max(abs(slope - difference) for slope in slopes) / size
        best = (error, difference) if error < best[0] else best
        if error <= GRADIENT_TOLERANCE:
            break
    return best


def _difference(evaluate: Callable, floats: list, weights: list, direction: list, step: float) -> float:
    """A central difference, summed leaf by leaf as differences, so that large leaves do not hide small ones."""
    ahead, behind = (
        evaluate([a + sign * step * v for a, v in zip(floats, direction, strict=True)]) for sign in (1, -1)
    )
    return sum(
        float(np.vdot(w, np.asarray(a) - np.asarray(b))) for w, a, b in zip(weights, ahead, behind, strict=True)
    ) / (2 * step)


def _not_finite(gradient: list[jax.Array], slopes: jax.Array) -> str:
    for index, leaf in enumerate(gradient):
        if bad := int(jnp.sum(~jnp.isfinite(leaf))):
            return f"reverse mode: {bad} of {leaf.size} numbers are not finite, with respect to floating input {index}"
    return "" if np.isfinite(slopes).all() else "forward mode is not finite"
