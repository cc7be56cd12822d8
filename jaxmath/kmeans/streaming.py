"""k-means of data larger than memory."""

from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jax.typing import ArrayLike
from jaxtyping import Array, Num

from jaxmath._array import as_key, as_matrix, as_size, as_weights, in_range, narrow, padded, wide
from jaxmath._passes import Passes
from jaxmath.kmeans.lloyd import KMeans, Spread, Sums, farthest, located, mean_variance, means, repair, spread, tally
from jaxmath.kmeans.seeding import as_init, relative, start


def fit_batches(
    key: Array,
    make_batches: Callable[[], Iterable[Num[ArrayLike, "_ d"]]],
    num_clusters: int,
    *,
    weights: Callable[[], Iterable[Num[ArrayLike, " _"]]] | None = None,
    init: str | Num[ArrayLike, "k d"] = "kmeans++",
    max_steps: int = 300,
    tol: ArrayLike = 1e-4,
) -> KMeans:
    """The fit of data larger than memory: exact Lloyd steps, one pass over the batches each.

    Args:
      key: a ``jax.random.key``, for the start.
      make_batches: a callable that returns a fresh iterator of arrays ``(m, d)``, the same rows every time.
      num_clusters: k, static, at most the rows of the first piece, which the start is drawn from: the first batch, or
        4,096 rows if that is more.
      weights: a callable that returns a fresh iterator of arrays ``(m,)``, one a batch; None counts each row once.
      init: as for :func:`fit`.
      max_steps: passes at most.
      tol: as for :func:`fit`.

    Returns:
      The fit, equal to :func:`fit` of all rows from the same centers up to rounding.

    Raises:
      TypeError: if ``make_batches`` or ``weights`` is not callable: an iterator can be read only once.
      ValueError: if there is no row, a batch is not ``(m, d)``, there are not as many weights, or a pass has other
        rows than the one before; and what :func:`fit` raises.
    """
    name = "kmeans.fit_batches"
    key = as_key(name, key)
    k, max_steps = as_size(name, "num_clusters", num_clusters), as_size(name, "max_steps", max_steps)
    tol = in_range(name, "tol", tol, "[0, inf]")
    passes = Passes(name, make_batches, weights)
    first, counted = passes.first()
    first = as_matrix(name, first)
    rows = wide(first)
    counted = None if counted is None else as_weights(name, counted, len(rows)).astype(rows.dtype)
    k = as_size(name, "num_clusters", k, len(rows), "rows of the first piece")
    begin = as_init(name, init, k, rows.shape[1])
    columns = passes.over(spread)
    shift, limit = columns.mean, _limit(columns, tol.astype(rows.dtype))
    centers = start(key, begin, shift, relative(rows, shift, counted), counted, k)

    def over(statistics: Callable[..., Any], centers: Array) -> Any:
        return passes.over(Partial(_shifted, Partial(statistics, located(centers)), shift))

    sums, history, moving, repairs = over(tally, centers), [], bool(np.inf > limit), 0
    while len(history) < max_steps and moving:
        history.append(sums.inertia)
        new, lost = _moved(centers, sums)
        if lost:
            new, count = repair(new, sums, over(farthest, centers))
            repairs += int(count)
        centers, moving = new, bool(_moving(centers, new, limit))
        sums = over(tally, centers)
    before = padded(history, max_steps, rows.dtype)
    converged = jnp.array(not moving and bool(np.isfinite(sums.inertia) & ~np.isnan(limit)))
    steps, repairs = jnp.array(len(history)), jnp.array(repairs)
    with jax.debug_nans(False):  # of a history that ends before max_steps
        return narrow(KMeans(centers + shift, sums.inertia, before, steps, converged, repairs), first.dtype)


@jax.jit
def _limit(columns: Spread, tol: Array) -> Array:
    return (tol * mean_variance(columns)).astype(tol.dtype)


@jax.jit
def _moved(centers: Array, sums: Sums) -> tuple[Array, Array]:
    """The means of the clusters, and whether one has lost all its rows."""
    return means(centers, sums), (sums.counts == 0).any()


@jax.jit
def _moving(centers: Array, new: Array, limit: Array) -> Array:
    """Whether a step was longer than the tolerance allows for the last one."""
    return jnp.sum((new - centers) ** 2) > limit


def _shifted(statistics: Callable[[Array, Array], Any], shift: Array, x: Array, weights: Array) -> Any:
    return statistics(wide(x) - shift, weights)
