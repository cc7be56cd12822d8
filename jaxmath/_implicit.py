"""Linear systems of implicit derivatives, whose solution is checked."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

Tree = TypeVar("Tree")
_MAX_CORRECTIONS = 3


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
