"""Lloyd's algorithm: the statistics of one step, and the step."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float, Int

from jaxmath import reduce
from jaxmath._array import narrow, product

CHUNK = 2000  # distances of a chunk to all centers should stay in cache


class KMeans(NamedTuple):
    r"""Clusters and how they were found.

    Attributes:
      centers: $c_1, \dots, c_k$, the means of the clusters.
      inertia: $\sum_i w_i \min_j \|x_i - c_j\|^2$ of these centers.
      history: the inertia before each step; NaN after ``num_steps``.
      num_steps: steps made.
      converged: whether the centers came to rest; never true with a NaN.
      num_repairs: how often a cluster that had lost all its rows was given a new center.
    """

    centers: Float[Array, "k d"]
    inertia: Float[Array, ""]
    history: Float[Array, " max_steps"]
    num_steps: Int[Array, ""]
    converged: Bool[Array, ""]
    num_repairs: Int[Array, ""]


class Sums(NamedTuple):
    r"""Of the rows nearest each center their weight and sum; and $\sum_i w_i (\|x_i - c\|^2 - \|x_i\|^2)$ over all."""

    counts: Array
    totals: Array
    excess: Array


class Farthest(NamedTuple):
    """The row farthest from its own center, and its squared distance."""

    distance: Array
    row: Array


@reduce.merge.register
def _(a: Farthest, b: Farthest) -> Farthest:
    return jax.tree.map(partial(jnp.where, a.distance >= b.distance), a, b)


@partial(jax.jit, static_argnums=(4, 5))
def lloyd(x: Array, weights: Array | None, centers: Array, limit: Array, max_steps: int, chunk: int) -> KMeans:
    """Steps until the squared length of one is within the limit."""

    def over(statistics: Callable[..., Any], centers: Array) -> Any:
        return reduce.over(Partial(statistics, centers), x, weights=weights, chunk_size=chunk)

    def advance(state):
        centers, sums, history, num_steps, _, repairs = state
        history = history.at[num_steps].set(sums.excess + spread)
        moved = means(centers, sums)
        empty = (sums.counts == 0).any()
        repaired, count = jax.lax.cond(
            empty, lambda: repair(moved, sums, over(farthest, centers)), lambda: (moved, jnp.zeros((), int))
        )
        length = jnp.sum((repaired - centers) ** 2)
        return repaired, over(tally, repaired), history, num_steps + 1, length, repairs + count

    def unfinished(state):
        return (state[4] > limit) & (state[3] < max_steps)

    spread = over(inertia, jnp.zeros_like(centers[:1]))
    nothing = jnp.full(max_steps, jnp.nan, x.dtype), jnp.zeros((), int), jnp.full_like(limit, jnp.inf)
    state = (centers, over(tally, centers), *nothing, jnp.zeros((), int))
    centers, _, history, num_steps, length, repairs = jax.lax.while_loop(unfinished, advance, state)
    left = jnp.where(jnp.isfinite(limit), over(inertia, centers), jnp.nan)
    return KMeans(centers, left, history, num_steps, (length <= limit) & jnp.isfinite(left), repairs)


def means(centers: Array, sums: Sums) -> Array:
    """The means of the clusters; a center without rows stays."""
    empty = (sums.counts == 0)[:, None]
    return jnp.where(empty, centers, sums.totals / jnp.where(empty, 1, sums.counts[:, None]))


def repair(centers: Array, sums: Sums, far: Farthest) -> tuple[Array, Array]:
    """The first center without rows moved to the farthest row, unless all rows lie on centers."""
    first = jnp.arange(len(centers)) == jnp.argmax(sums.counts == 0)
    useful = far.distance > 0
    return jnp.where((first & useful)[:, None], far.row, centers), useful.astype(int)


def tally(centers: Array, x: Array, weights: Array) -> Sums:
    least, labels = nearest(centers, x)
    chosen = jnp.where(labels == jnp.arange(len(centers))[:, None], weights, 0)
    return Sums(chosen.sum(axis=1), product(chosen, x), weights @ least)


def inertia(centers: Array, x: Array, weights: Array) -> Array:
    """The sum of squared distances, from the differences themselves: nothing cancels."""
    _, labels = nearest(centers, x)
    return weights @ jnp.sum((x - centers[labels]) ** 2, axis=1)


def farthest(centers: Array, x: Array, weights: Array) -> Farthest:
    _, labels = nearest(centers, x)
    distances = jnp.where(weights > 0, jnp.sum((x - centers[labels]) ** 2, axis=1), 0)
    far = jnp.argmax(distances)
    return Farthest(distances[far], x[far])


def nearest(centers: Array, x: Array) -> tuple[Array, Array]:
    r"""$\|c\|^2 - 2 c^T x$ of the center nearest to each row, and which it is. Centers run along the first axis, so
    that a step over rows is one over neighbours in memory."""
    parts = jnp.sum(centers**2, axis=1)[:, None] - 2 * product(centers, x.T)
    least, k = parts.min(axis=0), len(centers)
    labels = jnp.where(parts <= least, jnp.arange(k)[:, None], k).min(axis=0)
    return least, jnp.minimum(labels, k - 1)


def narrowed(result: KMeans, dtype: Any) -> KMeans:
    floats = narrow((result.centers, result.inertia, result.history), dtype)
    return result._replace(centers=floats[0], inertia=floats[1], history=floats[2])
