"""Lloyd's algorithm: the statistics of one step, and the step."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float, Int

from jaxmath import reduce
from jaxmath._array import product, wide
from jaxmath._stream import even_chunk

# Rows of a chunk, about: on a CPU its distances to all centers should stay in cache.
_CPU_CHUNK, _ACCELERATOR_CHUNK = 2000, 65536
# What the product form of a squared distance may lose, as a part of the smallest one between two centers.
_LOSS = 1e-3
# Numbers of all differences between rows and centers, for which no faster form is worth a longer program.
_FEW = 2**14


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


class Places(NamedTuple):
    """Centers, and whether they lie so close together that distances have to be formed from differences.

    None where there is so little data that they always are.
    """

    centers: Array
    close: Array | None


class Sums(NamedTuple):
    """Of the rows nearest each center their weight and sum; and the inertia of all."""

    counts: Array
    totals: Array
    inertia: Array


class Farthest(NamedTuple):
    """The row farthest from its own center, and its squared distance."""

    distance: Array
    row: Array


class Spread(NamedTuple):
    """The weight of rows, the mean of each column, and the sum of squares about it."""

    count: Array
    mean: Array
    squares: Array


@reduce.merge.register
def _(a: Farthest, b: Farthest) -> Farthest:
    return jax.tree.map(partial(jnp.where, a.distance >= b.distance), a, b)


@reduce.merge.register
def _(a: Spread, b: Spread) -> Spread:
    count, gap = a.count + b.count, b.mean - a.mean
    share = b.count / jnp.where(count == 0, 1, count)
    return Spread(count, a.mean + share * gap, a.squares + b.squares + a.count * share * gap**2)


def chunk_rows(num_rows: int) -> int:
    """Rows in a chunk of those that lie on one device."""
    target = _CPU_CHUNK if jax.default_backend() == "cpu" else _ACCELERATOR_CHUNK
    return even_chunk(-(-num_rows // jax.device_count()), target)


def lloyd(x: Array, weights: Array | None, centers: Array, limit: Array, max_steps: int, chunk_size: int) -> KMeans:
    """Steps until the squared length of one is within the limit."""

    few = x.size * len(centers) <= _FEW

    def over(statistics: Callable[..., Any], centers: Array) -> Any:
        places = Places(centers, None) if few else located(centers)
        return reduce.over(Partial(statistics, places), x, weights=weights, chunk_size=chunk_size)

    def step(state):
        centers, _, history, num_steps, length, repairs, _ = state
        sums = over(tally, centers)
        finished = ~(length > limit) | (num_steps == max_steps)
        moved = means(centers, sums)
        empty = (sums.counts == 0).any() & ~finished
        repaired, count = jax.lax.cond(
            empty, lambda: repair(moved, sums, over(farthest, centers)), lambda: (moved, jnp.zeros((), int))
        )
        moving = repaired, num_steps + 1, jnp.sum((repaired - centers) ** 2), repairs + count
        resting = centers, num_steps, length, repairs
        centers, next_step, length, repairs = jax.tree.map(partial(jnp.where, finished), resting, moving)
        return centers, sums.inertia, history.at[num_steps].set(sums.inertia), next_step, length, repairs, finished

    zero, none = jnp.zeros((), int), jnp.zeros((), x.dtype)
    state = centers, none, jnp.zeros(max_steps + 1, x.dtype), zero, jnp.full_like(limit, jnp.inf), zero
    state = *state, jnp.zeros((), bool)
    centers, inertia, history, num_steps, length, repairs, _ = jax.lax.while_loop(lambda s: ~s[-1], step, state)
    before = jnp.where(jnp.arange(max_steps) < num_steps, history[:-1], jnp.nan)
    left = jnp.where(jnp.isnan(limit), jnp.nan, inertia)
    return KMeans(centers, left, before, num_steps, (length <= limit) & jnp.isfinite(left), repairs)


def means(centers: Array, sums: Sums) -> Array:
    """The means of the clusters; a center without rows stays."""
    empty = (sums.counts == 0)[:, None]
    return jnp.where(empty, centers, sums.totals / jnp.where(empty, 1, sums.counts[:, None]))


@jax.jit
def repair(centers: Array, sums: Sums, far: Farthest) -> tuple[Array, Array]:
    """The first center without rows moved to the farthest row, unless all rows lie on centers."""
    first = jnp.arange(len(centers)) == jnp.argmax(sums.counts == 0)
    useful = far.distance > 0
    return jnp.where((first & useful)[:, None], far.row, centers), useful.astype(int)


def tally(places: Places, x: Array, weights: Array) -> Sums:
    """The statistics of one step: the rows of a chunk by their nearest centers."""
    labels = nearest(places, x)
    chosen = jnp.where(labels == jnp.arange(len(places.centers))[:, None], weights, 0)
    squares = weights @ (x - places.centers[labels]) ** 2  # by column, which is faster than by row
    return Sums(chosen.sum(axis=1), product(chosen, x), squares.sum())


def farthest(places: Places, x: Array, weights: Array) -> Farthest:
    """Of the rows of a chunk that count, the one farthest from its center."""
    differences = _by_differences(places.centers, x)
    distances = jnp.where(weights > 0, differences.min(axis=0), 0)
    far = jnp.argmax(distances)
    return Farthest(distances[far], x[far])


def spread(x: Array, weights: Array) -> Spread:
    """How far the rows of a chunk spread about their mean, column by column."""
    x, count = wide(x), weights.sum()
    mean = weights @ x / jnp.where(count == 0, 1, count)
    return Spread(count, mean, weights @ (x - mean) ** 2)


def mean_variance(columns: Spread) -> Array:
    """The variance of a column, on average: the scale that the tolerance of a fit is relative to."""
    return jnp.mean(columns.squares) / columns.count


@jax.jit
def located(centers: Array) -> Places:
    r"""Distances as $\|c\|^2 - 2 c^T x$ are off by some $\epsilon \|c\|^2$, which must be little next to the gaps."""
    gaps = _by_differences(centers, centers)
    smallest = jnp.min(jnp.where(jnp.eye(len(centers), dtype=bool), jnp.inf, gaps))
    error = jnp.finfo(centers.dtype).eps * jnp.max(jnp.sum(centers**2, axis=1))
    return Places(centers, error > _LOSS * smallest)


def nearest(places: Places, x: Array) -> Array:
    """Which center is nearest to each row, the first of equally near ones; k where a distance is NaN."""

    if places.close is None:
        return _first_least(jnp.sum((x - places.centers[:, None]) ** 2, axis=2))

    def by(distances: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
        return lambda centers, x: _first_least(distances(centers, x))

    return jax.lax.cond(places.close, by(_by_differences), by(_by_product), places.centers, x)


def _by_product(centers: Array, x: Array) -> Array:
    """Squared distances less those of the rows from 0. Centers run along the first axis, so that a step over rows is
    one over neighbours in memory."""
    return jnp.sum(centers**2, axis=1)[:, None] - 2 * product(centers, x.T)


def _by_differences(centers: Array, x: Array) -> Array:
    return jax.lax.map(lambda center: jnp.sum((x - center) ** 2, axis=1), centers)


def _first_least(distances: Array) -> Array:
    numbers = jnp.arange(len(distances))[:, None]
    return jnp.where(distances <= distances.min(axis=0), numbers, len(distances)).min(axis=0)
