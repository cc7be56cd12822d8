"""What estimators of data with missing cells, marked by NaN, share."""

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxmath import reduce
from jaxmath._array import product


def column_means(x: Float[Array, "n d"], weights: Float[Array, " n"]) -> Float[Array, " d"]:
    """The means of the seen cells, NaN for a column never seen.

    A second pass finds what rounding left in means far from 0.
    """
    mean = jnp.zeros(x.shape[1], x.dtype)
    for _ in range(2):
        mean = _moved(mean, *reduce.over(Partial(_column_sums, mean), x, weights=weights))
    return mean


@jax.jit
def _moved(mean: Array, total: Array, count: Array) -> Array:
    return mean + total / count


def _column_sums(shift: Array, x: Array, weights: Array) -> tuple[Array, Array]:
    seen = ~jnp.isnan(x)
    return product(weights, jnp.where(seen, x - shift, 0)), product(weights, seen.astype(x.dtype))
