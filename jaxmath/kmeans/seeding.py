"""Where clusters start."""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from jaxmath import reduce
from jaxmath._array import as_key, as_matrix, as_size, as_weights, one_of, wide

METHODS = ("kmeans++", "random")


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
      k rows of x of positive weight, shape ``(k, d)``. With fewer distinct ones than k some stand twice. A NaN in such
      a row may be among them; all is NaN if no row counts, or a weight is negative or NaN.

    Raises:
      TypeError: for complex or non-numeric data, or a traced ``num_clusters``.
      ValueError: if the data is not ``(n, d)`` or empty, k is out of range, or the weights are not ``(n,)``.

    Reference: Arthur and Vassilvitskii (2007), section 2.2, and the greedy variant of their conclusion.
    """
    key, x = as_key("kmeans.plus_plus", key), as_matrix("kmeans.plus_plus", x)
    k = as_size("kmeans.plus_plus", "num_clusters", num_clusters, len(x), "n")
    weights = None if weights is None else as_weights("kmeans.plus_plus", weights, len(x))
    shift = reduce.typical_row(wide(x), weights)
    return (drawn(key, relative(wide(x), shift, weights), weights, k, "kmeans++") + shift).astype(x.dtype)


def as_init(name: str, init: Any, k: int, columns: int) -> str | Array:
    """The name of a method, or the given centers."""
    if isinstance(init, str):
        return one_of(name, "init", init, METHODS)
    centers = as_matrix(name, init)
    if centers.shape != (k, columns):
        raise ValueError(f"{name}: expected init of shape (k, d) = ({k}, {columns}), got {centers.shape}")
    return wide(centers)


def start(key: Array, init: str | Array, shift: Array, x: Array, weights: Array | None, k: int) -> Array:
    """The first centers, among rows that are relative to the shift."""
    return drawn(key, x, weights, k, init) if isinstance(init, str) else (init - shift).astype(x.dtype)


@jax.jit
def relative(x: Array, shift: Array, weights: Array | None) -> Array:
    """Rows less the shift; one that does not count is zeros, whatever it held."""
    return x - shift if weights is None else jnp.where(weights[:, None] != 0, x - shift, 0)


def random_rows(key: Array, x: Array, k: int, weights: Array | None = None) -> Array:
    """k rows drawn by weight, each once; where fewer count, one of them fills the places that are left."""
    weights = jnp.ones(len(x), x.dtype) if weights is None else weights
    order = jnp.where(weights > 0, jnp.log(weights) + jax.random.gumbel(key, weights.shape, weights.dtype), -jnp.inf)
    best, chosen = jax.lax.top_k(order, k)
    return x[jnp.where(best > -jnp.inf, chosen, chosen[0])]


@partial(jax.jit, static_argnums=(3, 4))
def drawn(key: Array, x: Array, weights: Array | None, k: int, init: str) -> Array:
    """Rows as centers; only of rows that count, and NaN if there is none or a weight is NaN."""
    weights = jnp.ones(len(x), x.dtype) if weights is None else weights.astype(x.dtype)
    rows = random_rows(key, x, k, weights) if init == "random" else _far_apart(key, x, weights, k)
    return jnp.where(weights.sum() > 0, rows, jnp.nan)


def _far_apart(key: Array, x: Array, weights: Array, k: int) -> Array:
    trials = 2 + int(math.log(k))
    above_zero = _above_zero(key, (k, trials), x.dtype)

    def add(state, inputs):
        centers, nearest = state
        index, above_zero = inputs
        first = index == 0
        masses = jnp.where(first, 1, nearest) * weights
        candidates = x[_drawn(jnp.where((masses > 0).any(), masses, weights), above_zero)]
        distances = jnp.minimum(jnp.where(first, jnp.inf, nearest), _squared_distances(candidates, x))
        best = jnp.where(first, 0, jnp.argmin(distances @ weights))
        return (centers.at[index].set(candidates[best]), distances[best]), None

    state = jnp.zeros((k, x.shape[1]), x.dtype), jnp.zeros(len(x), x.dtype)
    return jax.lax.scan(add, state, (jnp.arange(k), above_zero))[0][0]


def batch_of(key: Array, x: Array, weights: Array | None, num: int) -> Array:
    """Rows drawn by weight, with replacement."""
    return x[jax.random.choice(key, len(x), (num,)) if weights is None else draw(key, weights, num)]


def draw(key: Array, masses: Array, num: int) -> Array:
    """Rows drawn in proportion to their masses, never one of mass 0: the total rises only at rows that have some."""
    total = jax.lax.cummax(jnp.where(masses > 0, jnp.cumsum(masses), 0))
    return jnp.searchsorted(total, _above_zero(key, (num,), masses.dtype) * total[-1])


def _drawn(masses: Array, above_zero: Array) -> Array:
    """As :func:`draw` for a few uniform numbers, by a look at every row."""
    total = jnp.where(masses > 0, jnp.cumsum(masses), 0)
    return jnp.argmax(total >= (above_zero * total.max())[:, None], axis=1)


def _above_zero(key: Array, shape: tuple[int, ...], dtype: jnp.dtype) -> Array:
    return jax.random.uniform(key, shape, dtype, minval=jnp.finfo(dtype).eps)


def _squared_distances(centers: Array, x: Array) -> Array:
    return jnp.sum((centers[:, None, :] - x[None]) ** 2, axis=2)
