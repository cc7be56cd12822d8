"""Where clusters start."""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath import reduce
from jaxmath._array import as_matrix, as_size, as_weights, wide


def plus_plus(
    key: Array, x: Num[ArrayLike, "n d"], num_clusters: int, *, weights: Num[ArrayLike, " n"] | None = None
) -> Float[Array, "k d"]:
    r"""Rows far from each other, as the start of clusters.

    The first is drawn by weight, every other with a probability in proportion to $w_i$ times its squared distance from
    the nearest one so far; of $2 + \lfloor \log k \rfloor$ such draws the one that leaves the smallest inertia is kept.

    Args:
      key: a ``jax.random.key``.
      x: data, shape ``(n, d)``.
      num_clusters: k, static, in 1..n.
      weights: how often each row counts, shape ``(n,)``; None counts each once.

    Returns:
      k rows of x, shape ``(k, d)``. With fewer distinct rows than k some stand twice. NaN in x may be among them.

    Raises:
      TypeError: for complex or non-numeric data, or a traced ``num_clusters``.
      ValueError: if the data is not ``(n, d)`` or empty, k is out of range, or the weights are not ``(n,)``.

    Reference: Arthur and Vassilvitskii (2007), section 2.2, and the greedy variant of their conclusion.
    """
    x = as_matrix("kmeans.plus_plus", x)
    k = as_size("kmeans.plus_plus", "num_clusters", num_clusters, len(x), "n")
    weights = None if weights is None else as_weights("kmeans.plus_plus", weights, len(x))
    shift = reduce.typical_row(wide(x), weights)
    return (drawn(key, wide(x) - shift, weights, k, "kmeans++") + shift).astype(x.dtype)


def given(name: str, init: Any, k: int, columns: int) -> Array | None:
    """The given centers, or None where they are to be drawn."""
    if isinstance(init, str):
        if init not in ("kmeans++", "random"):
            raise ValueError(f"{name}: init must be 'kmeans++', 'random' or centers of shape (k, d), got {init!r}")
        return None
    centers = as_matrix(name, init)
    if centers.shape != (k, columns):
        raise ValueError(f"{name}: expected init of shape (k, d) = ({k}, {columns}), got {centers.shape}")
    return wide(centers)


@partial(jax.jit, static_argnums=(3, 4))
def drawn(key: Array, x: Array, weights: Array | None, k: int, init: str) -> Array:
    weights = jnp.ones(len(x), x.dtype) if weights is None else weights.astype(x.dtype)
    if init == "random":
        return x[jax.random.choice(key, len(x), (k,), replace=False, p=weights / weights.sum())]
    trials = 2 + int(math.log(k))
    key, key_first = jax.random.split(key)
    first = x[_draw(key_first, weights, 1)[0]]

    def add(state, key_and_index):
        centers, nearest = state
        key, index = key_and_index
        candidates = x[_draw(key, weights * nearest, trials)]
        distances = jnp.minimum(nearest, _squared_distances(candidates, x))
        best = jnp.argmin(distances @ weights)
        return (centers.at[index].set(candidates[best]), distances[best]), None

    centers = jnp.zeros((k, x.shape[1]), x.dtype).at[0].set(first)
    state = centers, _squared_distances(first[None], x)[0]
    return jax.lax.scan(add, state, (jax.random.split(key, k - 1), jnp.arange(1, k)))[0][0]


def _draw(key: Array, masses: Array, num: int) -> Array:
    """Rows drawn in proportion to their masses."""
    total = jnp.cumsum(masses)
    return jnp.minimum(
        jnp.searchsorted(total, jax.random.uniform(key, (num,), masses.dtype) * total[-1]), len(masses) - 1
    )


def _squared_distances(centers: Array, x: Array) -> Array:
    return jnp.sum((centers[:, None, :] - x[None]) ** 2, axis=2)
