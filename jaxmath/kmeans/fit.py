"""k-means of an array."""

from functools import partial

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jax.typing import ArrayLike
from jaxtyping import Array, Int, Num

from jaxmath import reduce
from jaxmath._array import as_key, as_matrix, as_size, as_weights, in_range, narrow, wide
from jaxmath.kmeans.lloyd import KMeans, chunk_rows, lloyd, located, mean_variance, nearest, spread, tally
from jaxmath.kmeans.seeding import as_init, batch_of, relative, start


def fit(
    key: Array,
    x: Num[ArrayLike, "n d"],
    num_clusters: int,
    *,
    weights: Num[ArrayLike, " n"] | None = None,
    init: str | Num[ArrayLike, "k d"] = "kmeans++",
    n_init: int = 1,
    max_steps: int = 300,
    tol: ArrayLike = 1e-4,
    chunk_size: int | None = None,
) -> KMeans:
    r"""Finds k centers with a small sum of squared distances from every row to its nearest center.

    Lloyd's step moves every center to the mean of the rows that are nearest to it, which never raises the inertia. A
    center that no row is nearest to moves to the row that is farthest from its own, one such center a step. The steps
    end when all centers together move by less than $\sqrt{\mathrm{tol}}$ times the root mean variance of the columns,
    scikit-learn's rule, or after ``max_steps``.

    Args:
      key: a ``jax.random.key``, for the start.
      x: data, shape ``(n, d)``.
      num_clusters: k, static, in 1..n.
      weights: how often each row counts, shape ``(n,)``; weight 2 is the row twice. None counts each once.
      init: ``"kmeans++"``, see :func:`plus_plus`; ``"random"``, rows drawn by weight; or the centers, ``(k, d)``.
      n_init: starts, static; the fit of the smallest inertia is returned. They run one after the other in one program.
      max_steps: static.
      tol: see above.
      chunk_size: rows in a chunk, as in :func:`jaxmath.reduce.over`.

    Returns:
      The fit, in the type of the data; float16 and bfloat16 are computed in float32.

    Raises:
      TypeError: for complex or non-numeric data, or a traced ``num_clusters``, ``n_init`` or ``max_steps``.
      ValueError: if the data is not ``(n, d)`` or empty, a number is out of range, ``init`` is unknown or not
        ``(k, d)``, or the weights are not ``(n,)``.

    Note:
      A NaN or an infinity in a row that counts, or a negative weight, makes the fit NaN, with ``converged`` false. With
      fewer distinct rows that count than clusters some centers have no row of their own: they coincide with others, or
      stay where they were given. There is no gradient: rows jump from cluster to cluster.
      ``history`` is NaN after ``num_steps``, for which ``jax_debug_nans`` raises under a caller's ``jit``; outside of
      one a fit switches that check off for itself.

    Example:
      >>> x = jnp.array([[0.0], [1.0], [10.0], [11.0]])
      >>> print(jnp.sort(fit(jax.random.key(0), x, 2).centers[:, 0]))
      [ 0.5 10.5]

    Reference: Lloyd (1982); Arthur and Vassilvitskii (2007) for the start.
    """
    name = "kmeans.fit"
    key, x = as_key(name, key), as_matrix(name, x)
    k = as_size(name, "num_clusters", num_clusters, len(x), "n")
    n_init, max_steps = as_size(name, "n_init", n_init), as_size(name, "max_steps", max_steps)
    chunk_size = chunk_rows(len(x)) if chunk_size is None else as_size(name, "chunk_size", chunk_size)
    weights = None if weights is None else as_weights(name, weights, len(x))
    begin, rows = as_init(name, init, k, x.shape[1]), wide(x)
    method, centers = (begin, None) if isinstance(begin, str) else (None, begin)
    tol = in_range(name, "tol", tol, "[0, inf]").astype(rows.dtype)
    with jax.debug_nans(False):  # of a history that ends before max_steps
        return narrow(_best_fit(key, rows, weights, centers, tol, k, method, n_init, max_steps, chunk_size), x.dtype)


@partial(jax.jit, static_argnames=("k", "method", "n_init", "max_steps", "chunk_size"))
def _best_fit(key, x, weights, centers, tol, k, method, n_init, max_steps, chunk_size) -> KMeans:
    """The fit of the smallest inertia among ``n_init`` starts."""
    shift = reduce.typical_row(x, weights)
    x = relative(x, shift, weights)
    limit = tol * mean_variance(reduce.over(spread, x, weights=weights, chunk_size=chunk_size))

    def one(key: Array) -> KMeans:
        begin = start(key, method if centers is None else centers, shift, x, weights, k)
        return lloyd(x, weights, begin, limit, max_steps, chunk_size)

    if n_init == 1:
        best = one(key)
    else:
        fits = jax.lax.map(one, jax.random.split(key, n_init))
        smallest = jnp.argmin(jnp.where(jnp.isnan(fits.inertia), jnp.inf, fits.inertia))
        best = jax.tree.map(lambda a: a[smallest], fits)
    return best._replace(centers=best.centers + shift)


def fit_minibatch(
    key: Array,
    x: Num[ArrayLike, "n d"],
    num_clusters: int,
    *,
    weights: Num[ArrayLike, " n"] | None = None,
    batch_size: int = 1024,
    num_steps: int = 100,
    init: str | Num[ArrayLike, "k d"] = "kmeans++",
) -> KMeans:
    r"""Centers from small random batches: a good start for much data, in a fixed number of steps.

    Every step draws ``batch_size`` rows, by weight and with replacement, and moves each center by $1 / n_j$ of what its
    rows miss it by, where $n_j$ counts the rows it has had so far.

    Args:
      key: a ``jax.random.key``, for the start and the batches.
      x: data, shape ``(n, d)``.
      num_clusters: k, static, in 1..n.
      weights: as for :func:`fit`.
      batch_size: rows a step, static.
      num_steps: static.
      init: as for :func:`fit`.

    Returns:
      As :func:`fit` does; ``history`` has the inertia of each batch, scaled to all rows. ``converged`` is false: steps
      of ever smaller size come to rest whether or not the centers are good.

    Raises:
      As :func:`fit` does.

    Reference: Sculley (2010).
    """
    name = "kmeans.fit_minibatch"
    key, x = as_key(name, key), as_matrix(name, x)
    k = as_size(name, "num_clusters", num_clusters, len(x), "n")
    batch_size, num_steps = as_size(name, "batch_size", batch_size), as_size(name, "num_steps", num_steps)
    begin, rows = as_init(name, init, k, x.shape[1]), wide(x)
    weights = None if weights is None else as_weights(name, weights, len(x)).astype(rows.dtype)
    shift = reduce.typical_row(rows, weights)
    rows = relative(rows, shift, weights)
    key_start, key_batches = jax.random.split(key)
    centers = start(key_start, begin, shift, rows, weights, k)
    centers, history = _minibatches(key_batches, rows, weights, centers, batch_size, num_steps)
    left = reduce.over(Partial(tally, located(centers)), rows, weights=weights, chunk_size=chunk_rows(len(x))).inertia
    result = KMeans(centers + shift, left, history, jnp.array(num_steps), jnp.array(False), jnp.array(0))
    return narrow(result, x.dtype)


@partial(jax.jit, static_argnums=(4, 5))
def _minibatches(
    key: Array, x: Array, weights: Array | None, centers: Array, batch_size: int, num_steps: int
) -> tuple[Array, Array]:
    ones, total = jnp.ones(batch_size, x.dtype), len(x) if weights is None else weights.sum()

    def step(state, key):
        centers, seen = state
        sums = tally(located(centers), batch_of(key, x, weights, batch_size), ones)
        seen = seen + sums.counts
        missed = sums.totals - sums.counts[:, None] * centers
        return (centers + missed / jnp.maximum(seen, 1)[:, None], seen), sums.inertia * (total / batch_size)

    state = (centers, jnp.zeros(len(centers), x.dtype))
    (centers, _), history = jax.lax.scan(step, state, jax.random.split(key, num_steps))
    return centers, history


def predict(centers: Num[ArrayLike, "k d"], x: Num[ArrayLike, "m d"]) -> Int[Array, " m"]:
    """The nearest center of every row.

    Args:
      centers: shape ``(k, d)``.
      x: data, shape ``(m, d)``.

    Returns:
      Numbers of clusters, 0..k - 1, shape ``(m,)``; of equally near ones the first, and -1 where the smallest
      distance is not finite, for there is a NaN or an infinity in the row or in a center.

    Raises:
      TypeError: for complex or non-numeric data, or a fit in place of its centers.
      ValueError: if centers and data do not have equally many columns.

    Example:
      >>> print(predict(jnp.array([[0.0], [10.0]]), jnp.array([[1.0], [7.0]])))
      [0 1]
    """
    name = "kmeans.predict"
    if isinstance(centers, KMeans):
        raise TypeError(f"{name}: expected centers of shape (k, d), got a whole KMeans; pass fit.centers")
    centers, x = as_matrix(name, centers), as_matrix(name, x)
    if centers.shape[1] != x.shape[1]:
        raise ValueError(f"{name}: expected {centers.shape[1]} columns, as centers have, got shape {x.shape}")
    return _predict(wide(centers), wide(x))


@jax.jit
def _predict(centers: Array, x: Array) -> Array:
    shift = centers.mean(axis=0)
    labels = nearest(located(centers - shift), x - shift)
    return jnp.where((labels < len(centers)) & jnp.isfinite(x).all(axis=1), labels, -1)
