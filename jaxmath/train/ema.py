"""Exponential moving averages of the weights of a model."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import ArrayLike
from jaxtyping import Array


class Average(NamedTuple):
    """Averages over the steps, in float32 at least.

    Attributes:
      params: of the trained parameters.
      statistics: of the running statistics.
    """

    params: Any
    statistics: Any


def updated(average: Average | None, params: Any, rest: Any, decay: ArrayLike = 0.0) -> Average:
    """$a + (1 - d) (w - a)$ for all weights w; the weights themselves where there is no average yet, or no fraction."""
    weights = Average(params, nnx.filter_state(rest, nnx.BatchStat))
    if average is None:
        return jax.tree.map(_wide, weights)

    def follow(a: Array, w: Array) -> Array:
        if not jnp.issubdtype(w.dtype, jnp.floating):
            return w
        return a + (1 - jnp.asarray(decay, a.dtype)) * (w.astype(a.dtype) - a)

    return jax.tree.map(follow, average, weights)


def averaged(average: Average, params: Any, rest: Any) -> tuple[Any, Any]:
    """Parameters, and the other state, with the averages in the place of the weights, in the types of these."""
    statistics = nnx.filter_state(rest, nnx.BatchStat)
    params, statistics = jax.tree.map(lambda a, w: a.astype(w.dtype), average, Average(params, statistics))
    return params, nnx.merge_state(rest, statistics)


def _wide(w: Array) -> Array:
    floating = jnp.issubdtype(w.dtype, jnp.floating)
    return w.astype(jnp.promote_types(w.dtype, jnp.float32)) if floating else w
